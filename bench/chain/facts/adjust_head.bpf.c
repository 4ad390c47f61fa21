// SPDX-License-Identifier: GPL-2.0-or-later
// A program that could move the start of the packet. grain's never do; other people's may.
#include "fact.h"

SEC("xdp")
int adjust_head(struct xdp_md *ctx)
{
    if (ctx->rx_queue_index == 0xffff)
        bpf_xdp_adjust_head(ctx, -8);
    return XDP_PASS;
}
