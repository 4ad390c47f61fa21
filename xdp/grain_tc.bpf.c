// SPDX-License-Identifier: GPL-2.0-only
/* The tc program, ingress and egress: the same chain on an skb. TC_ACT_UNSPEC lets the filters
 * behind it decide. */
#define GRAIN_TC
#include "stage/env_bpf.h"
#include "stage/chain.h"
#include <linux/pkt_cls.h>

SEC("tc")
int grain_tc(struct __sk_buff *ctx)
{
    grain_chain(ctx);
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
