// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration as const volatile: a branch on it is dead code for the verifier.
#include "fact.h"

const volatile __u32 config_mask = 3;
const volatile __u64 config_secrets[8] = {1, 2, 3, 4, 5, 6, 7, 8};

FACT_ARRAY(values, BPF_MAP_TYPE_PERCPU_ARRAY, 0, struct fact_value);

SEC("xdp")
int read_only_data(struct xdp_md *ctx)
{
    __u32 key = config_mask & 1;
    struct fact_value *value = bpf_map_lookup_elem(&values, &key);

    if (value)
        value->count += config_secrets[ctx->rx_queue_index & 7];
    return XDP_PASS;
}
