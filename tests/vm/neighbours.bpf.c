// SPDX-License-Identifier: GPL-2.0-or-later
// Somebody else's XDP programs around grain. Each is loaded by itself and has counts of its own.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { PASSED, DROPPED, VERDICTS };

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, VERDICTS);
    __type(key, __u32);
    __type(value, __u64);
} verdicts SEC(".maps");

static __always_inline void count(__u32 verdict)
{
    __u64 *packets = bpf_map_lookup_elem(&verdicts, &verdict);

    if (packets)
        __sync_fetch_and_add(packets, 1);
}

static __always_inline int is_udp4(const struct xdp_md *ctx)
{
    const struct ethhdr *ethernet = (const void *)(long)ctx->data;
    const struct iphdr *ip = (const void *)(ethernet + 1);

    return (const void *)(ip + 1) <= (const void *)(long)ctx->data_end &&
           ethernet->h_proto == bpf_htons(ETH_P_IP) && ip->protocol == IPPROTO_UDP;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
    (void)ctx;
    count(PASSED);
    return XDP_PASS;
}

// About half of the datagrams.
SEC("xdp")
int dropper(struct xdp_md *ctx)
{
    if (is_udp4(ctx) && bpf_get_prandom_u32() & 1) {
        count(DROPPED);
        return XDP_DROP;
    }
    count(PASSED);
    return XDP_PASS;
}

SEC("xdp")
int last(struct xdp_md *ctx)
{
    (void)ctx;
    count(PASSED);
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
