// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sends how much to whom, and what becomes of connections. Bytes are what system calls return,
 * counted for the process that made them, whoever opened the socket.
 */
#include "connection.bpf.h"
#include "traffic.bpf.h"
#include "call.bpf.h"

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

/* Whether to look at what a UDP datagram was addressed to: programs of the cgroup are attached. */
const volatile __u8 net_named_on = 0;

static __always_inline bool left_out(__u32 pid)
{
    const struct host_settings *settings = host_settings();

    return settings && settings->self_pid && settings->self_pid == pid;
}

static __always_inline void take_named(struct sock *sk, struct socket_end *remote)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct named *named = bpf_map_lookup_elem(&net_named, &thread);

    if (!named || !named->valid)
        return;
    named->valid = 0;
    if (named->sk == (unsigned long)sk)
        *remote = named->end;
}

static __always_inline void count_traffic(struct task_struct *task, struct sock *sk, __u8 protocol,
                                          __u64 bytes, bool sent)
{
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    struct grain_host_traffic_key key = {.protocol = protocol};
    struct net_traffic_slot *slot;
    struct connection *connection;
    struct socket_end remote;
    __u64 now = bpf_ktime_get_boot_ns();

    socket_remote(sk, &remote);
    if (protocol == SOCKET_UDP && net_named_on)
        take_named(sk, &remote);
    key.start_ns = BPF_CORE_READ(leader, start_boottime);
    key.pid = bpf_get_current_pid_tgid() >> 32;
    key.remote_port = remote.port;
    key.family = remote.family;
    __builtin_memcpy(key.remote, remote.address, 16);
    slot = traffic_slot(task, &key, now);
    if (!slot) {
        host_count(GRAIN_HOST_COUNTER_TRAFFIC_LOST, bytes);
        return;
    }
    if (sent) {
        slot->counts.sent_bytes += bytes;
        slot->counts.sent_messages++;
    } else {
        slot->counts.received_bytes += bytes;
        slot->counts.received_messages++;
    }
    slot->counts.last_ns = now;
    bpf_core_read(slot->comm, sizeof(slot->comm), &leader->comm);
    connection = connection_find(sk);
    if (!connection && protocol == SOCKET_TCP &&
        BPF_CORE_READ(sk, __sk_common.skc_state) != STATE_CLOSE)
        connection = connection_new(sk, task, 0, CONNECTION_OPEN);
    if (!connection)
        return;
    connection_use(sk, connection, task, key.pid, key.start_ns);
    __sync_fetch_and_add(sent ? &connection->sent_bytes : &connection->received_bytes, bytes);
}

#define RECEIVE_PEEK   0x2
#define RECEIVE_ERRORS 0x2000

/* A send or receive has returned `result`. */
static __always_inline int transferred(struct sock *sk, int result, int flags, bool sent)
{
    __u8 protocol = socket_protocol(sk);
    struct socket_end end;

    if (!protocol)
        return 0;
    /* An empty datagram is a message; the end of a stream is none. */
    if (result < 0 || (result == 0 && protocol == SOCKET_TCP) ||
        (!sent && flags & (RECEIVE_PEEK | RECEIVE_ERRORS)) ||
        left_out(bpf_get_current_pid_tgid() >> 32)) {
        if (protocol == SOCKET_UDP && net_named_on)
            take_named(sk, &end);
        return 0;
    }
    count_traffic(host_task_current(), sk, protocol, result, sent);
    return 0;
}

SEC("raw_tp/sock_send_length")
int grain_net_send_length(struct bpf_raw_tracepoint_args *ctx)
{
    return transferred((struct sock *)ctx->args[0], ctx->args[1], 0, true);
}

SEC("raw_tp/sock_recv_length")
int grain_net_receive_length(struct bpf_raw_tracepoint_args *ctx)
{
    return transferred((struct sock *)ctx->args[0], ctx->args[1], ctx->args[2], false);
}

/* ---- what a datagram is addressed to ---- */

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

/* ---- connections ---- */

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
        if (!left_out(bpf_get_current_pid_tgid() >> 32))
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
static __always_inline void datagrams_connected(struct task_struct *task, struct sock *sk)
{
    struct connection *connection = connection_find(sk);

    if (connection) {
        connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CLOSE, 0);
        connection_forget(sk);
    }
    if (!BPF_CORE_READ(sk, __sk_common.skc_dport))
        return;
    connection = connection_new(sk, task, bpf_ktime_get_boot_ns(), CONNECTION_OPEN);
    connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CONNECT, 0);
}

/* The address that a failed connect asked for: the socket does not keep it. */
static __always_inline bool asked_for(struct socket_end *out, __u64 address)
{
    struct {
        __u16 family, port;
        __u32 address4; /* of IPv6: the flow label */
        __u8 address6[16];
    } asked = {0};

    if (bpf_probe_read_user(&asked, 8, (void *)address))
        return false;
    out->port = socket_swap(asked.port);
    out->family = asked.family;
    if (asked.family == SOCKET_INET) {
        socket_map4(out->address, asked.address4);
        return true;
    }
    if (asked.family != SOCKET_INET6 ||
        bpf_probe_read_user(asked.address6, 16, (void *)(address + 8)))
        return false;
    __builtin_memcpy(out->address, asked.address6, 16);
    out->family = socket_family(out->address);
    return true;
}

static __always_inline void connect_refused(struct task_struct *task, struct sock *sk,
                                            __u64 address, __s32 result)
{
    __u64 key = (unsigned long)sk, thread = bpf_get_current_pid_tgid();
    __u64 *told = bpf_map_lookup_elem(&net_failed, &key);
    struct socket_end remote;
    bool was_told = told && *told == thread;

    if (told)
        bpf_map_delete_elem(&net_failed, &key);
    if (was_told || result == -NET_EISCONN || result == -NET_EALREADY || result == -NET_EFAULT)
        return;
    if (!asked_for(&remote, address))
        return;
    host_process_known(task, net_way);
    connection_tell_unknown(sk, task, &remote, GRAIN_HOST_CONNECTION_FAIL, result);
}

static __always_inline bool connect_goes_on(__s32 result)
{
    return result == -NET_EINPROGRESS || result == -NET_EINTR || result == -NET_ERESTARTSYS ||
           result == -NET_ERESTARTNOINTR;
}

static __always_inline void connect_done(struct task_struct *task, struct sock *sk, __u64 address,
                                         __s32 result)
{
    __u8 protocol = socket_protocol(sk);
    struct connection *connection;

    if (!protocol)
        return;
    if (result == 0) {
        if (protocol == SOCKET_UDP)
            datagrams_connected(task, sk);
        return;
    }
    if (connect_goes_on(result)) {
        connection = connection_find(sk);
        if (connection)
            connection->flags |= CONNECTION_LATER;
        return;
    }
    connect_refused(task, sk, address, result);
}

static __always_inline void accept_done(struct task_struct *task, __s32 fd)
{
    struct connection *connection;
    struct sock *sk;

    if (fd < 0)
        return;
    sk = socket_of_fd(task, fd);
    if (!sk || socket_protocol(sk) != SOCKET_TCP)
        return;
    connection = connection_find(sk);
    if (!connection)
        connection = connection_new(sk, task, 0, CONNECTION_PASSIVE | CONNECTION_OPEN);
    if (connection)
        connection_use(sk, connection, task, bpf_get_current_pid_tgid() >> 32,
                       BPF_CORE_READ(task, group_leader, start_boottime));
}

/* Out of a socket by splice: the one receive that no function for messages does. */
static __always_inline void spliced(struct task_struct *task, __u64 fd, __s64 result)
{
    struct sock *sk;

    if (result <= 0)
        return;
    sk = socket_of_fd(task, fd);
    if (sk && socket_protocol(sk) == SOCKET_TCP)
        count_traffic(task, sk, SOCKET_TCP, result, false);
}

SEC("raw_tp/sys_exit")
int grain_net_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
    void *regs = (void *)ctx->args[0];
    __s64 result = ctx->args[1];
    __u64 number = call_number(regs);
    struct task_struct *task;
    struct sock *sk;

    if (number != net_call_connect && number != net_call_accept && number != net_call_accept4 &&
        number != net_call_splice)
        return 0;
    task = host_task_current();
    if (call_compat(task) || left_out(bpf_get_current_pid_tgid() >> 32))
        return 0;
    if (number == net_call_connect) {
        sk = socket_of_fd(task, call_first(regs));
        if (sk)
            connect_done(task, sk, call_second(regs), result);
    } else if (number == net_call_splice)
        spliced(task, call_first(regs), result);
    else
        accept_done(task, result);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
