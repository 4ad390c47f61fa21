// SPDX-License-Identifier: GPL-2.0-only
/* Programs that do nothing: what a hook itself costs. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int empty_xdp(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

SEC("tc")
int empty_tc(struct __sk_buff *ctx)
{
    (void)ctx;
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
