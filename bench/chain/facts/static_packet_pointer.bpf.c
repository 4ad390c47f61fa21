// SPDX-License-Identifier: GPL-2.0-or-later
// A static function that is not inlined takes packet pointers.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct fact_value);

static noinline __u32 first_word(const __u8 *data, const __u8 *end)
{
    if (data + 4 > end)
        return 0;
    return *(const __u32 *)data;
}

SEC("xdp")
int packet_pointer(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value)
        value->count += first_word((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    return XDP_PASS;
}
