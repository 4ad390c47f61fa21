// SPDX-License-Identifier: GPL-2.0-or-later
// What a call of a BPF function costs by itself. On x86 with return thunks (retbleed and SRSO
// mitigations of AMD processors) every return is a misprediction, and a call is not free at all.
#include "stages.h"

static noinline __u64 leaf(__u64 value)
{
    asm volatile("%0 += 1" : "+r"(value));
    return value;
}

static __always_inline __u64 leaf_inline(__u64 value)
{
    asm volatile("%0 += 1" : "+r"(value));
    return value;
}

SEC("xdp")
int calls_ten(struct xdp_md *ctx)
{
    __u64 value = ctx->rx_queue_index;

    for (int i = 0; i < 10; i++)
        value = leaf(value);
    return value == ~0ULL ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int calls_none(struct xdp_md *ctx)
{
    __u64 value = ctx->rx_queue_index;

#pragma unroll
    for (int i = 0; i < 10; i++)
        value = leaf_inline(value);
    return value == ~0ULL ? XDP_DROP : XDP_PASS;
}
