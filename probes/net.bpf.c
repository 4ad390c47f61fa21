// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sends how much to whom, and what becomes of connections. Bytes are what system calls return,
 * counted for the process that made them, whoever opened the socket.
 *
 * Which of the programs are used depends on the way and on what the kernel has; those that a kernel
 * may refuse come first, so that nothing else is verified in vain.
 */
#include "call.bpf.h"
#include "connect.bpf.h"

/* ---- by the functions of the kernel ---- */

/* Arguments of the functions that receive: 6 before Linux 5.19, then 5. */
const volatile __u32 net_receive_arguments = 5;

static __always_inline int connect_returned(__u64 *ctx)
{
    struct sock *sk = BPF_CORE_READ((struct socket *)ctx[0], sk);

    if (sk && !left_out(bpf_get_current_pid_tgid() >> 32))
        connect_done(host_task_current(), sk, ctx[1], false, ctx[4]);
    return 0;
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

/* Whether it was accepted stands in the new socket: what the function returned, in another place
 * on each kernel. */
SEC("fexit/inet_accept")
int grain_net_accept(__u64 *ctx)
{
    struct sock *sk = BPF_CORE_READ((struct socket *)ctx[1], sk);

    if (sk && !left_out(bpf_get_current_pid_tgid() >> 32))
        accept_done(host_task_current(), sk);
    return 0;
}

SEC("fexit/tcp_splice_read")
int grain_net_splice_read(__u64 *ctx)
{
    struct sock *sk = BPF_CORE_READ((struct socket *)ctx[0], sk);
    __s64 result = ctx[5];

    if (result > 0 && !left_out(bpf_get_current_pid_tgid() >> 32))
        spliced(host_task_current(), sk, result);
    return 0;
}

SEC("fentry/skb_consume_udp")
int grain_net_consume(__u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];

    if (!BPF_CORE_READ(sk, __sk_common.skc_dport))
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

    if (BPF_CORE_READ(sk, __sk_common.skc_family) != SOCKET_INET)
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

    if (BPF_CORE_READ(sk, __sk_common.skc_family) != SOCKET_INET)
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
    if (BPF_CORE_READ(sk, sk_protocol) != SOCKET_TCP)
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

/* A connect of a UDP socket: to an address, to another one, or to none any more. */

SEC("raw_tp/sys_exit")
int grain_net_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
    void *regs = (void *)ctx->args[0];
    __s64 result = ctx->args[1];
    __u64 number = call_number(regs), fd;
    struct task_struct *task;
    struct sock *sk;

    if (number != net_call_connect && number != net_call_accept && number != net_call_accept4 &&
        number != net_call_splice)
        return 0;
    task = host_task_current();
    if (call_compat(task) || left_out(bpf_get_current_pid_tgid() >> 32))
        return 0;
    /* Of an accept, what it returns is the socket. */
    fd = number == net_call_accept || number == net_call_accept4 ? (__u64)result : call_first(regs);
    if (result < 0 && number != net_call_connect)
        return 0;
    sk = socket_of_fd(task, fd);
    if (!sk || !socket_protocol(sk))
        return 0;
    if (number == net_call_connect)
        connect_done(task, sk, call_second(regs), true, result);
    else if (number != net_call_splice)
        accept_done(task, sk);
    else if (result)
        spliced(task, sk, result);
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
