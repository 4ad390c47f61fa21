/* SPDX-License-Identifier: GPL-2.0-only */
/* What datagrams are addressed to, where the socket is not connected: left by whoever sees it, for
 * the end of the call. */
#ifndef GRAIN_PROBES_NAMED_H
#define GRAIN_PROBES_NAMED_H

#include "net.h"
#include "socket.bpf.h"

/* What the addressed send or receive that is under way named, by thread. Only for the socket and
 * the call that it was left for: each end of a call takes it back. */
struct named {
    __u64 sk;
    struct socket_end end;
    __u8 valid;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, NET_NAMED_MAX);
    __type(key, __u64);
    __type(value, struct named);
} net_named SEC(".maps");

static __always_inline void take_named(__u64 thread, struct sock *sk, struct socket_end *remote)
{
    struct named *named = bpf_map_lookup_elem(&net_named, &thread);

    if (!named || !named->valid)
        return;
    named->valid = 0;
    if (named->sk == (unsigned long)sk)
        *remote = named->end;
}

/* Whatever was left: its call has ended otherwise. */
static __always_inline void drop_named(void)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct named *named = bpf_map_lookup_elem(&net_named, &thread);

    if (named)
        named->valid = 0;
}

static __always_inline struct named *leave_named(struct bpf_sock_addr *ctx)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct named *named = bpf_map_lookup_elem(&net_named, &thread);

    if (!named) {
        struct named none = {0};

        bpf_map_update_elem(&net_named, &thread, &none, BPF_ANY);
        named = bpf_map_lookup_elem(&net_named, &thread);
        if (!named)
            return NULL;
    }
    /* In a map's value a pointer is a number; it is read back as one. */
    *(void *volatile *)&named->sk = ctx->sk;
    named->end.port = socket_swap(ctx->user_port);
    named->valid = 1;
    return named;
}

static __always_inline int named4(struct bpf_sock_addr *ctx)
{
    struct named *named = leave_named(ctx);

    if (named) {
        socket_map4(named->end.address, ctx->user_ip4);
        named->end.family = SOCKET_INET;
    }
    return 1;
}

static __always_inline int named6(struct bpf_sock_addr *ctx)
{
    struct named *named = leave_named(ctx);
    __u32 words[4];

    if (named) {
        words[0] = ctx->user_ip6[0];
        words[1] = ctx->user_ip6[1];
        words[2] = ctx->user_ip6[2];
        words[3] = ctx->user_ip6[3];
        __builtin_memcpy(named->end.address, words, 16);
        named->end.family = socket_family(named->end.address);
    }
    return 1;
}

/* ---- a datagram that nobody asked the sender of ---- */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct datagram_users {
    host_atomic refs;
};

struct sk_buff {
    unsigned char *head;
    __u16 transport_header, network_header;
    struct datagram_users users;
};

#pragma clang attribute pop

/* The datagram itself says: it is still there when the call is done with it. */
static __always_inline void named_by_datagram(struct sock *sk, struct sk_buff *skb)
{
    unsigned char *head = HOST_READ(skb, head);
    unsigned char *packet = head + HOST_READ(skb, network_header);
    __u64 thread = bpf_get_current_pid_tgid();
    struct named named = {.sk = (unsigned long)sk, .valid = 1};
    __u8 version = 0;
    __u32 address;
    __u16 port;

    bpf_probe_read_kernel(&version, sizeof(version), packet);
    bpf_probe_read_kernel(&port, sizeof(port), head + HOST_READ(skb, transport_header));
    named.end.port = socket_swap(port);
    if (version >> 4 == 4) {
        bpf_probe_read_kernel(&address, sizeof(address), packet + 12);
        socket_map4(named.end.address, address);
    } else {
        bpf_probe_read_kernel(named.end.address, 16, packet + 8);
    }
    named.end.family = socket_family(named.end.address);
    bpf_map_update_elem(&net_named, &thread, &named, BPF_ANY);
}

#endif
