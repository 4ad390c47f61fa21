// SPDX-License-Identifier: GPL-2.0-only
/* The XDP program: every packet passes, whatever it holds. */
#include "stage/env_bpf.h"
#include "stage/chain.h"

SEC("xdp")
int grain_xdp(struct xdp_md *ctx)
{
    grain_chain(ctx);
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
