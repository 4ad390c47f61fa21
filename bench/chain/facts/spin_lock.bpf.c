// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

struct locked {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 count;
};

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct locked);

SEC("xdp")
int spin_lock(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct locked *value = bpf_map_lookup_elem(&values, &key);

    if (!value)
        return XDP_PASS;
    bpf_spin_lock(&value->lock);
    value->count++;
    bpf_spin_unlock(&value->lock);
    return XDP_PASS;
}
