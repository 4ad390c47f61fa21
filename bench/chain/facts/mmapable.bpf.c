// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

FACT_ARRAY(values, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, struct fact_value);

SEC("xdp")
int mmapable(struct xdp_md *ctx)
{
    __u32 key = bpf_get_smp_processor_id() & 3;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value)
        value->count++;
    return XDP_PASS;
}
