/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The net probe at the kernel's functions by kprobe. The kernel has return probes for few calls of
 * a function at a time, and threads wait in receives for long: what those come to is taken from
 * functions that they call when they know it, which need no return probe.
 */
#ifndef GRAIN_PROBES_NET_KPROBE_H
#define GRAIN_PROBES_NET_KPROBE_H

#include "connect.bpf.h"
#include "hook.bpf.h"

/* Arguments of the functions that receive: 6 before Linux 5.19, then 5. */
const volatile __u32 net_receive_arguments = 5;
/* Bytes are counted at functions: there are no tracepoints for them. */
const volatile bool net_functions_count = false;

enum {
    HOOK_ID_on_connect = 1,
    HOOK_ID_on_accept,
    HOOK_ID_on_splice,
    HOOK_ID_on_send,
};

static __always_inline struct sock *socket_inside(__u64 socket)
{
    return (struct sock *)host_number(HOST_READ((struct socket *)socket, sk));
}

static __always_inline int on_connect(__u64 socket, __u64 address, __u64 c, __u64 d, long result)
{
    struct sock *sk = socket_inside(socket);

    (void)c;
    (void)d;
    if (sk && !left_out(bpf_get_current_pid_tgid() >> 32))
        net_connect_done((__u64)sk, address, false, result);
    return 0;
}

/* Whether it was accepted stands in the new socket: what the function returned, in another place
 * on each kernel. */
static __always_inline int on_accept(__u64 socket, __u64 b, __u64 c, __u64 d, long result)
{
    struct sock *sk = socket_inside(socket);

    (void)b;
    (void)c;
    (void)d;
    (void)result;
    if (sk && !left_out(bpf_get_current_pid_tgid() >> 32))
        net_accept_done((__u64)sk);
    return 0;
}

static __always_inline int on_splice(__u64 socket, __u64 b, __u64 c, __u64 d, long result)
{
    struct sock *sk = socket_inside(socket);

    (void)b;
    (void)c;
    (void)d;
    if (sk && result > 0 && !left_out(bpf_get_current_pid_tgid() >> 32))
        spliced(sk, result);
    return 0;
}

static __always_inline int on_send(__u64 sk, __u64 b, __u64 c, __u64 d, long result)
{
    (void)b;
    (void)c;
    (void)d;
    return net_transferred(sk, result, 0, true);
}

/* ---- receiving from a stream ---- */

/* The receive that is under way: how much of it has been counted. */
struct receiving {
    __u64 sk;
    __s64 copied;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, NET_NAMED_MAX);
    __type(key, __u64); /* pid and tid */
    __type(value, struct receiving);
} net_receiving SEC(".maps");

static __always_inline int receiving_begin(__u64 sk)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct receiving *old = bpf_map_lookup_elem(&net_receiving, &thread);
    struct receiving receiving = {.sk = sk};

    if (old)
        *old = receiving;
    else if (sk && bpf_map_update_elem(&net_receiving, &thread, &receiving, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_CALLS_UNSEEN, 1);
    return 0;
}

/* `copied` so far: also before the receive waits for more, and from other functions, of which none
 * runs within a receive. */
static __always_inline int on_received(__u64 sk, __s32 copied)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct receiving *receiving = bpf_map_lookup_elem(&net_receiving, &thread);
    __s64 before;

    if (!receiving || receiving->sk != sk || copied <= receiving->copied || left_out(thread >> 32))
        return 0;
    before = receiving->copied;
    receiving->copied = copied;
    count_traffic(thread, (struct sock *)sk, SOCKET_TCP, copied - before, before ? 0 : 1, false,
                  false);
    return 0;
}

SEC("kprobe/tcp_recvmsg")
int grain_net_kprobe_tcp_recvmsg(struct pt_regs *ctx)
{
    __u64 fourth = PT_REGS_PARM4(ctx), fifth = PT_REGS_PARM5(ctx), flags;

    /* Both are read: of the context that has to be at a constant place. */
    asm volatile("" : "+r"(fourth), "+r"(fifth));
    flags = net_receive_arguments == 6 ? fifth : fourth;
    return receiving_begin(flags & (RECEIVE_PEEK | RECEIVE_ERRORS) ? 0 : PT_REGS_PARM1(ctx));
}

/* Either calls the other, or has it within. */
SEC("kprobe/tcp_cleanup_rbuf")
int grain_net_kprobe_received(struct pt_regs *ctx)
{
    return on_received(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("kprobe/__tcp_cleanup_rbuf")
int grain_net_kprobe_received_inner(struct pt_regs *ctx)
{
    return on_received(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

/* These tidy up as a receive does, with a number that is none of bytes received. */
SEC("kprobe/tcp_setsockopt")
int grain_net_kprobe_set_option(struct pt_regs *ctx)
{
    (void)ctx;
    return receiving_begin(0);
}

SEC("kprobe/tcp_getsockopt")
int grain_net_kprobe_get_option(struct pt_regs *ctx)
{
    (void)ctx;
    return receiving_begin(0);
}

/* ---- receiving datagrams ---- */

static __noinline int name_datagram(__u64 sk, __u64 skb)
{
    named_by_datagram((struct sock *)sk, (struct sk_buff *)skb);
    return 0;
}

/* The receive is done with the datagram: `length` is what it returns, less than 0 after a look. */
SEC("kprobe/skb_consume_udp")
int grain_net_kprobe_consume(struct pt_regs *ctx)
{
    struct sock *sk = (struct sock *)PT_REGS_PARM1(ctx);
    struct sk_buff *skb = (struct sk_buff *)PT_REGS_PARM2(ctx);
    int length = PT_REGS_PARM3(ctx);
    bool peeked;

    if (!HOST_READ(sk, __sk_common.skc_dport))
        name_datagram((__u64)sk, (__u64)skb);
    if (!net_functions_count)
        return 0;
    /* An empty one that was looked at is still the queue's, too. */
    peeked = !length && HOST_READ(skb, users.refs.counter) > 1;
    return net_transferred((__u64)sk, length, peeked ? RECEIVE_PEEK : 0, false);
}

/* ---- what is looked at when it returns ---- */

/* The call that a thread is in; none of these functions calls another one of them for the same
 * socket. What a call left here when the next one begins is what no return probe was to be had for:
 * with stacks that the kernel shuffles, hook_keep() would seldom notice. */
struct keeping {
    __u64 stack;
    __u64 argument[2];
    __u32 id; /* 0: none */
    __u32 reserved;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, HOOK_CALLS_MAX);
    __type(key, __u64); /* pid and tid */
    __type(value, struct keeping);
} net_keeping SEC(".maps");

static __always_inline int keep(__u64 stack, __u64 id, __u64 a, __u64 b, __u64 c, __u64 d)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct keeping *old = bpf_map_lookup_elem(&net_keeping, &thread);
    struct keeping keeping = {.stack = stack, .argument = {a, b}, .id = id};

    (void)c;
    (void)d;
    if (!old) {
        if (bpf_map_update_elem(&net_keeping, &thread, &keeping, BPF_ANY))
            host_count(GRAIN_HOST_COUNTER_CALLS_UNSEEN, 1);
        return 0;
    }
    if (old->id)
        host_count(GRAIN_HOST_COUNTER_CALLS_UNSEEN, 1);
    *old = keeping;
    return 0;
}

HOOK_KPROBE(grain_net_kprobe_stream_connect, "inet_stream_connect", on_connect, keep, 0, 1, 0, 0)
HOOK_KPROBE(grain_net_kprobe_dgram_connect, "inet_dgram_connect", on_connect, keep, 0, 1, 0, 0)
HOOK_KPROBE(grain_net_kprobe_accept, "inet_accept", on_accept, keep, 1, 0, 0, 0)
HOOK_KPROBE(grain_net_kprobe_tcp_sendmsg, "tcp_sendmsg", on_send, keep, 0, 0, 0, 0)
HOOK_KPROBE(grain_net_kprobe_tcp_sendpage, "tcp_sendpage", on_send, keep, 0, 0, 0, 0)
/* Within tcp_sendmsg, when the socket is this thread's alone: who waits for that takes no return
 * probe. (That of tcp_sendpage is so small that compilers put it into it.) */
HOOK_KPROBE(grain_net_kprobe_sendmsg_locked, "tcp_sendmsg_locked", on_send, keep, 0, 0, 0, 0)
HOOK_KPROBE(grain_net_kprobe_udpv6_sendmsg, "udpv6_sendmsg", on_send, keep, 0, 0, 0, 0)

/* Of an IPv6 socket, the other one's call: it is kept already. */
static __always_inline int keep_ipv4(__u64 stack, __u64 id, __u64 sk, __u64 b, __u64 c, __u64 d)
{
    if (HOST_READ((struct sock *)sk, __sk_common.skc_family) != SOCKET_INET)
        return 0;
    return keep(stack, id, sk, b, c, d);
}

HOOK_KPROBE(grain_net_kprobe_udp_sendmsg, "udp_sendmsg", on_send, keep_ipv4, 0, 0, 0, 0)

/* It tidies up as a receive does, too. */
static __always_inline int keep_splice(__u64 stack, __u64 id, __u64 socket, __u64 b, __u64 c,
                                       __u64 d)
{
    receiving_begin(0);
    return keep(stack, id, socket, b, c, d);
}

HOOK_KPROBE(grain_net_kprobe_splice_read, "tcp_splice_read", on_splice, keep_splice, 0, 0, 0, 0)

/* One program for all returns; another call's, when the stack is another place. */
SEC("kretprobe")
int grain_net_kprobe_returned(struct pt_regs *ctx)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct keeping *keeping = bpf_map_lookup_elem(&net_keeping, &thread);
    long result = PT_REGS_RC(ctx);
    __u64 a, b;
    __u32 id;

    if (!keeping || keeping->stack != HOOK_STACK(ctx))
        return 0;
    id = keeping->id;
    a = keeping->argument[0];
    b = keeping->argument[1];
    keeping->id = 0;
    switch (id) {
    case HOOK_ID_on_connect:
        return on_connect(a, b, 0, 0, result);
    case HOOK_ID_on_accept:
        return on_accept(a, b, 0, 0, result);
    case HOOK_ID_on_splice:
        return on_splice(a, b, 0, 0, result);
    case HOOK_ID_on_send:
        return on_send(a, b, 0, 0, result);
    default:
        return 0;
    }
}

#endif
