// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u64);
    __type(value, struct fact_value);
} flows SEC(".maps");

SEC("xdp")
int lru_hash(struct xdp_md *ctx)
{
    __u64 key = ctx->rx_queue_index;
    struct fact_value zero = {};

    bpf_map_update_elem(&flows, &key, &zero, BPF_NOEXIST);
    bpf_map_delete_elem(&flows, &key);
    return XDP_PASS;
}
