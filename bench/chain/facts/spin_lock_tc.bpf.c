// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

struct locked {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 count;
};

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct locked);

SEC("tc")
int spin_lock_tc(struct __sk_buff *skb)
{
    __u32 key = 0;
    struct locked *value = bpf_map_lookup_elem(&values, &key);

    if (!value)
        return 0;
    bpf_spin_lock(&value->lock);
    value->count++;
    bpf_spin_unlock(&value->lock);
    return 0;
}
