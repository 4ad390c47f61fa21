// SPDX-License-Identifier: GPL-2.0-or-later
// A __hidden function: linkable across objects, but verified in its caller like a static one.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_PERCPU_ARRAY, 0, struct fact_value);

__hidden noinline int stage(struct xdp_md *ctx, struct fact_value *value)
{
    const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

    if (data + 14 > end)
        return 0;
    value->bytes += data[12];
    return 1;
}

SEC("xdp")
int hidden_context(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value && stage(ctx, value))
        value->count++;
    return XDP_PASS;
}
