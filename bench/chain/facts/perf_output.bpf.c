// SPDX-License-Identifier: GPL-2.0-or-later
// With bytes of the packet attached by the helper.
#include "fact.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} events SEC(".maps");

SEC("xdp")
int perf_output(struct xdp_md *ctx)
{
    __u64 record[8] = {1, 2, 3, 4};
    __u64 length = (__u64)(ctx->data_end - ctx->data) & 0x1ff;

    bpf_perf_event_output(ctx, &events, (length << 32) | BPF_F_CURRENT_CPU, record, sizeof(record));
    return XDP_PASS;
}
