// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sends how much to whom, and what becomes of connections. Bytes are what system calls return,
 * counted for the process that made them, whoever opened the socket.
 *
 * Which of the programs are used depends on the way and on what the kernel has; those that a kernel
 * may refuse come first, so that nothing else is verified in vain.
 */
#include "moved.bpf.h"
#include "net_kprobe.bpf.h"

/* ---- by the functions of the kernel: trampolines ---- */

static __always_inline int connect_returned(__u64 *ctx)
{
    __u64 address = 0;

    /* As a plain number: the verifier refuses pointers that it knows to functions of ours. */
    bpf_probe_read_kernel(&address, sizeof(address), &ctx[1]);
    return on_connect(ctx[0], address, 0, 0, ctx[4]);
}

SEC("fexit/inet_stream_connect")
int grain_net_stream_connect(__u64 *ctx)
{
    return connect_returned(ctx);
}

SEC("fexit/inet_dgram_connect")
int grain_net_dgram_connect(__u64 *ctx)
{
    return connect_returned(ctx);
}

SEC("fexit/inet_accept")
int grain_net_accept(__u64 *ctx)
{
    return on_accept(ctx[1], 0, 0, 0, 0);
}

SEC("fexit/tcp_splice_read")
int grain_net_splice_read(__u64 *ctx)
{
    return on_splice(ctx[0], 0, 0, 0, ctx[5]);
}

SEC("fentry/skb_consume_udp")
int grain_net_consume(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];

    if (!HOST_READ(sk, __sk_common.skc_dport))
        named_by_datagram(sk, (struct sk_buff *)ctx[1]);
    return 0;
}

SEC("fexit/tcp_sendmsg")
int grain_net_tcp_sendmsg(__u64 *ctx)
{
    return transferred((struct sock *)ctx[0], ctx[3], 0, true);
}

/* sendfile and splice, before Linux 6.5. */
SEC("fexit/tcp_sendpage")
int grain_net_tcp_sendpage(__u64 *ctx)
{
    return transferred((struct sock *)ctx[0], ctx[5], 0, true);
}

/* Of an IPv6 socket, the other one's call: it sees it, too. */
SEC("fexit/udp_sendmsg")
int grain_net_udp_sendmsg(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];

    if (HOST_READ(sk, __sk_common.skc_family) != SOCKET_INET)
        return 0;
    return transferred(sk, ctx[3], 0, true);
}

SEC("fexit/udpv6_sendmsg")
int grain_net_udpv6_sendmsg(__u64 *ctx)
{
    return transferred((struct sock *)ctx[0], ctx[3], 0, true);
}

static __always_inline int received(__u64 *ctx)
{
    if (net_receive_arguments == 6)
        return transferred((struct sock *)ctx[0], ctx[6], ctx[4], false);
    return transferred((struct sock *)ctx[0], ctx[5], ctx[3], false);
}

SEC("fexit/tcp_recvmsg")
int grain_net_tcp_recvmsg(__u64 *ctx)
{
    return received(ctx);
}

SEC("fexit/udp_recvmsg")
int grain_net_udp_recvmsg(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];

    if (HOST_READ(sk, __sk_common.skc_family) != SOCKET_INET)
        return 0;
    return received(ctx);
}

SEC("fexit/udpv6_recvmsg")
int grain_net_udpv6_recvmsg(__u64 *ctx)
{
    return received(ctx);
}

/* ---- by tracepoint ---- */

SEC("tp_btf/sock_send_length")
int grain_net_send_length(__u64 *ctx)
{
    return transferred((struct sock *)ctx[0], ctx[1], 0, true);
}

SEC("tp_btf/sock_recv_length")
int grain_net_receive_length(__u64 *ctx)
{
    return transferred((struct sock *)ctx[0], ctx[1], ctx[2], false);
}

SEC("raw_tp/inet_sock_set_state")
int grain_net_state(struct bpf_raw_tracepoint_args *ctx)
{
    struct sock *sk = (struct sock *)ctx->args[0];
    int before = ctx->args[1], after = ctx->args[2];

    if (after != STATE_SYN_SENT && after != STATE_ESTABLISHED && after != STATE_CLOSE)
        return 0;
    if (HOST_READ(sk, sk_protocol) != SOCKET_TCP)
        return 0;
    if (after == STATE_SYN_SENT) {
        if (left_out(bpf_get_current_pid_tgid() >> 32))
            return 0;
        connection_opening(sk, bpf_ktime_get_boot_ns());
    } else if (after == STATE_ESTABLISHED)
        connection_established(sk, bpf_ktime_get_boot_ns());
    else
        connection_closed(sk, before);
    return 0;
}

/* A socket is being released: of UDP, all that closes a connection. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} net_released SEC(".maps");

SEC("cgroup/sock_release")
int grain_net_release(struct bpf_sock *ctx)
{
    struct connection *connection;
    __u32 zero = 0;
    __u64 *place;
    struct sock *sk;

    if (ctx->protocol != SOCKET_UDP)
        return 1;
    place = bpf_map_lookup_elem(&net_released, &zero);
    if (!place)
        return 1;
    /* The context is the socket itself; as a number it is the key. */
    *(void *volatile *)place = ctx;
    sk = (struct sock *)*(volatile __u64 *)place;
    connection = connection_find(sk);
    if (!connection)
        return 1;
    connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CLOSE, 0);
    connection_forget(sk);
    return 1;
}

/* By number, what is looked at of it. */
const volatile __u8 net_calls[NET_CALLS_MAX] = {0};

SEC("raw_tp/sys_exit")
int grain_net_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
    void *regs = (void *)ctx->args[0];
    __s64 result = ctx->args[1];
    __u64 number = call_number(regs), fd;
    struct task_struct *task;
    struct sock *sk;
    __u8 call;

    if (number >= NET_CALLS_MAX)
        return 0;
    call = net_calls[number];
    if (call == NET_CALL_OTHER)
        return 0;
    task = host_task_current();
    if (call_compat(task) || left_out(bpf_get_current_pid_tgid() >> 32))
        return 0;
    if (call > NET_CALL_SPLICE_OUT) {
        call_moved(task, regs, call, result);
        return 0;
    }
    /* Of an accept, what it returns is the socket. */
    fd = call == NET_CALL_ACCEPT ? (__u64)result : call_first(regs);
    if (result < 0 && call != NET_CALL_CONNECT)
        return 0;
    sk = socket_of_fd(task, fd);
    if (!sk || !socket_protocol(sk))
        return 0;
    if (call == NET_CALL_CONNECT)
        net_connect_done((__u64)sk, call_second(regs), true, result);
    else if (call == NET_CALL_ACCEPT)
        net_accept_done((__u64)sk);
    else if (result)
        spliced(sk, result);
    return 0;
}

/* ---- by programs of the cgroup ---- */

SEC("cgroup/sendmsg4")
int grain_net_sendmsg4(struct bpf_sock_addr *ctx)
{
    return named4(ctx);
}

SEC("cgroup/sendmsg6")
int grain_net_sendmsg6(struct bpf_sock_addr *ctx)
{
    return named6(ctx);
}

SEC("cgroup/recvmsg4")
int grain_net_recvmsg4(struct bpf_sock_addr *ctx)
{
    return named4(ctx);
}

SEC("cgroup/recvmsg6")
int grain_net_recvmsg6(struct bpf_sock_addr *ctx)
{
    return named6(ctx);
}

char LICENSE[] SEC("license") = "GPL";
