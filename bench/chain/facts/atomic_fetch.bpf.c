// SPDX-License-Identifier: GPL-2.0-or-later
// Needs -mcpu=v3 and 5.12.
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct fact_value);

SEC("xdp")
int atomic_fetch(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value && __sync_fetch_and_add(&value->count, 1) & 1)
        value->bytes++;
    return XDP_PASS;
}
