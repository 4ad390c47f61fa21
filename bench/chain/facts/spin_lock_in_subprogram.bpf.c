// SPDX-License-Identifier: GPL-2.0-or-later
// The lock is taken and released inside a static function that is not inlined.
#include "fact.h"

struct locked {
    struct bpf_spin_lock lock;
    __u32 pad;
    __u64 count;
};

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct locked);

static noinline int count(__u32 key)
{
    struct locked *value = bpf_map_lookup_elem(&values, &key);

    if (!value)
        return 0;
    bpf_spin_lock(&value->lock);
    value->count++;
    bpf_spin_unlock(&value->lock);
    return 1;
}

SEC("xdp")
int spin_lock_sub(struct xdp_md *ctx)
{
    if (!count(ctx->rx_queue_index & 3))
        return XDP_PASS;
    return XDP_PASS;
}
