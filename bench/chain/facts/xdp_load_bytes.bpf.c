// SPDX-License-Identifier: GPL-2.0-or-later
// Since 5.18; guarded, since a branch on a constant that is off is never verified.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct fact_value);

const volatile __u8 has_load_bytes;

SEC("xdp")
int guarded_helper(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value && has_load_bytes)
        bpf_xdp_load_bytes(ctx, 0, value, 8);
    return XDP_PASS;
}
