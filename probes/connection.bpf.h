/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that are connected, from the connect or accept to the close, and the records of what
 * becomes of them. Much of it happens outside of any process: who it concerns stands with the
 * socket, and the current task says nothing there.
 */
#ifndef GRAIN_PROBES_CONNECTION_H
#define GRAIN_PROBES_CONNECTION_H

#include "net.h"
#include "process.bpf.h"
#include "socket.bpf.h"

#define CONNECTION_PASSIVE  0x01 /* was made by a listener */
#define CONNECTION_ACCEPTED 0x02 /* that it was accepted has been told */
#define CONNECTION_OPEN     0x04 /* established */
#define CONNECTION_LATER    0x08 /* the connect has returned before it was done */

struct connection {
    struct grain_host_task task;
    struct socket_end local, remote;
    __u64 opened_ns;
    __u64 sent_bytes, received_bytes;
    __u64 thread; /* pid and tid that connect */
    __u32 flags;
    __u32 reserved;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, NET_SOCKETS_MAX);
    __type(key, __u64); /* struct sock * */
    __type(value, struct connection);
} net_sockets SEC(".maps");

/* Connects that failed and were told of before their system call returned. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, NET_FAILED_MAX);
    __type(key, __u64);   /* struct sock * */
    __type(value, __u64); /* pid and tid */
} net_failed SEC(".maps");

const volatile __u8 net_way = GRAIN_HOST_WAY_TRACEPOINT;

/* Tell of the current process unless that has been done. Global, and without arguments: so the
 * verifier follows that long way once, not at every call. */
__attribute__((noinline)) int net_process_known(void)
{
    host_process_known(host_task_current(), net_way);
    return 0;
}

static __always_inline struct connection *connection_find(const struct sock *sk)
{
    __u64 key = (unsigned long)sk;

    return bpf_map_lookup_elem(&net_sockets, &key);
}

static __always_inline void connection_forget(const struct sock *sk)
{
    __u64 key = (unsigned long)sk;

    bpf_map_delete_elem(&net_sockets, &key);
}

/* Remember a socket; nobody's when `task` is NULL. It is filled where it lies: on the stack there
 * is no room for it. */
static __always_inline struct connection *
connection_new(const struct sock *sk, struct task_struct *task, __u64 opened_ns, __u32 flags)
{
    static const struct connection none;
    struct connection *connection;
    __u64 key = (unsigned long)sk;

    if (task)
        net_process_known();
    if (bpf_map_update_elem(&net_sockets, &key, &none, BPF_ANY)) {
        host_count(GRAIN_HOST_COUNTER_SOCKETS_FULL, 1);
        return NULL;
    }
    connection = bpf_map_lookup_elem(&net_sockets, &key);
    if (!connection)
        return NULL;
    if (task) {
        host_task_fill(&connection->task, task);
        connection->thread = bpf_get_current_pid_tgid();
    }
    connection->opened_ns = opened_ns;
    connection->flags = flags;
    socket_local(sk, &connection->local);
    socket_remote(sk, &connection->remote);
    return connection;
}

static __always_inline __u32 connection_retransmits(const struct sock *sk)
{
    if (HOST_READ(sk, sk_protocol) != SOCKET_TCP)
        return 0;
    return HOST_READ((struct tcp_sock *)sk, total_retrans);
}

/* All of a record that comes from the socket, and nothing of a connection. */
static __always_inline void connection_begin(struct grain_host_connection *record,
                                             const struct sock *sk, __u8 event, __s32 result)
{
    bpf_core_read(&record->cookie, sizeof(record->cookie), &sk->__sk_common.skc_cookie);
    record->retransmits = connection_retransmits(sk);
    record->result = result;
    record->event = event;
    record->protocol = socket_protocol(sk);
    record->reserved = 0;
    record->opened_ns = record->sent_bytes = record->received_bytes = 0;
}

static __always_inline void connection_ends(struct grain_host_connection *record,
                                            const struct socket_end *local,
                                            const struct socket_end *remote)
{
    __builtin_memcpy(record->local, local->address, 16);
    __builtin_memcpy(record->remote, remote->address, 16);
    record->local_port = local->port;
    record->remote_port = remote->port;
    record->family = remote->family;
}

/* Tell of a socket that is remembered. */
static __noinline int connection_tell(struct sock *sk, struct connection *connection, __u32 event,
                                      __s32 result)
{
    struct grain_host_connection *record;
    struct socket_end local;

    if (!connection)
        return 0;
    record = host_reserve(GRAIN_HOST_CONNECTION, net_way, sizeof(*record));
    if (!record)
        return 0;
    connection_begin(record, sk, event, result);
    record->task = connection->task;
    record->opened_ns = connection->opened_ns;
    record->sent_bytes = connection->sent_bytes;
    record->received_bytes = connection->received_bytes;
    local = connection->local;
    /* At the connect the port was not chosen yet; at the end it may be gone. */
    if (event != GRAIN_HOST_CONNECTION_CLOSE)
        socket_local(sk, &local);
    if (!local.port)
        local = connection->local;
    connection_ends(record, &local, &connection->remote);
    host_submit(record, sizeof(*record));
    return 0;
}

/* Tell of one that is not: nobody knows whose it is when `task` is NULL. */
static __noinline int connection_tell_unknown(struct sock *sk, struct task_struct *task,
                                              struct socket_end *remote, __u32 event, __s32 result)
{
    static const struct grain_host_task nobody;
    struct grain_host_connection *record;
    struct socket_end local;

    if (!remote)
        return 0;
    record = host_reserve(GRAIN_HOST_CONNECTION, net_way, sizeof(*record));
    if (!record)
        return 0;
    connection_begin(record, sk, event, result);
    if (task)
        host_task_fill(&record->task, task);
    else
        record->task = nobody;
    socket_local(sk, &local);
    connection_ends(record, &local, remote);
    host_submit(record, sizeof(*record));
    return 0;
}

/* The current process has accepted or uses the socket. */
static __always_inline void connection_use(struct sock *sk, struct connection *connection,
                                           struct task_struct *task, __u32 pid, __u64 start_ns)
{
    if (connection->task.pid != pid || connection->task.start_ns != start_ns) {
        net_process_known();
        host_task_fill(&connection->task, task);
    }
    if ((connection->flags & (CONNECTION_PASSIVE | CONNECTION_ACCEPTED)) == CONNECTION_PASSIVE) {
        connection->flags |= CONNECTION_ACCEPTED;
        connection_tell(sk, connection, GRAIN_HOST_CONNECTION_ACCEPT, 0);
    }
}

/* ---- what becomes of TCP sockets ---- */

static __always_inline void connection_opening(struct sock *sk, __u64 now)
{
    __u64 key = (unsigned long)sk;

    bpf_map_delete_elem(&net_failed, &key);
    connection_new(sk, host_task_current(), now, 0);
}

static __always_inline void connection_established(struct sock *sk, __u64 now)
{
    struct connection *connection = connection_find(sk);

    if (!connection) {
        connection_new(sk, NULL, now, CONNECTION_PASSIVE | CONNECTION_OPEN);
        return;
    }
    connection->flags |= CONNECTION_OPEN;
    socket_local(sk, &connection->local);
    connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CONNECT, 0);
}

/* A connect has not worked. While its system call is under way, that one knows best why, unless the
 * socket does; and either tells of it, not both. */
static __always_inline void connection_failed(struct sock *sk, struct connection *connection)
{
    __s32 error = HOST_READ(sk, sk_err);
    __u64 key = (unsigned long)sk, thread = connection->thread;

    if (!(connection->flags & CONNECTION_LATER)) {
        if (!error && thread == bpf_get_current_pid_tgid())
            return;
        bpf_map_update_elem(&net_failed, &key, &thread, BPF_ANY);
    }
    connection_tell(sk, connection, GRAIN_HOST_CONNECTION_FAIL, error ? -error : -NET_ECANCELED);
}

static __always_inline void connection_closed(struct sock *sk, int before)
{
    struct connection *connection = connection_find(sk);
    struct socket_end remote;

    if (connection) {
        if (connection->flags & CONNECTION_OPEN)
            connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CLOSE, -HOST_READ(sk, sk_err));
        else
            connection_failed(sk, connection);
        connection_forget(sk);
        return;
    }
    if (before == STATE_SYN_SENT || before == STATE_SYN_RECV || before == STATE_CLOSE ||
        before == STATE_LISTEN || before == STATE_NEW_SYN_RECV)
        return;
    socket_remote(sk, &remote);
    connection_tell_unknown(sk, NULL, &remote, GRAIN_HOST_CONNECTION_CLOSE, -HOST_READ(sk, sk_err));
}

#endif
