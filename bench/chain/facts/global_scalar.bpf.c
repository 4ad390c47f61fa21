// SPDX-License-Identifier: GPL-2.0-or-later
// A global function that takes numbers only.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_PERCPU_ARRAY, 0, struct fact_value);

noinline int stage(__u32 key)
{
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (!value)
        return 0;
    value->bytes++;
    return 1;
}

SEC("xdp")
int global_scalar(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value && stage(ctx->rx_queue_index))
        value->count++;
    return XDP_PASS;
}
