// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, 0, struct fact_value);

SEC("xdp")
int ktime_boot(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value)
        value->count = bpf_ktime_get_boot_ns();
    return XDP_PASS;
}
