// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

__u64 total;

SEC("xdp")
int global_data(struct xdp_md *ctx)
{
    total += ctx->rx_queue_index + 1;
    return XDP_PASS;
}
