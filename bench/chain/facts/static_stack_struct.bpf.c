// SPDX-License-Identifier: GPL-2.0-or-later
// A static function fills a struct on its caller's stack, from the packet.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_PERCPU_ARRAY, 0, struct fact_value);

static noinline int parse(const __u8 *data, const __u8 *end, struct fact_value *out)
{
    if (data + 16 > end)
        return -1;
    out->count = data[14];
    out->bytes = data[15];
    return 0;
}

SEC("xdp")
int stack_struct(struct xdp_md *ctx)
{
    struct fact_value parsed = {};
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value && !parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, &parsed))
        value->count += parsed.bytes + parsed.count;
    return XDP_PASS;
}
