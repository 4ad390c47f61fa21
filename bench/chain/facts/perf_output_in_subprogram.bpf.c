// SPDX-License-Identifier: GPL-2.0-or-later
// The context goes to a static function that is not inlined, and from there to the helper.
#include "fact.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} events SEC(".maps");

static noinline int output(struct xdp_md *ctx, __u32 length)
{
    __u64 record[8] = {1, 2, 3, 4};
    __u64 bytes = length & 0x1ff;

    return (int)bpf_perf_event_output(ctx, &events, (bytes << 32) | BPF_F_CURRENT_CPU, record,
                                      sizeof(record));
}

SEC("xdp")
int perf_output_sub(struct xdp_md *ctx)
{
    if (output(ctx, ctx->data_end - ctx->data))
        return XDP_PASS;
    return XDP_PASS;
}
