/* SPDX-License-Identifier: GPL-2.0-only */
/* A send or receive has returned: counted for the process, the remote end and the connection. */
#ifndef GRAIN_PROBES_TRANSFER_H
#define GRAIN_PROBES_TRANSFER_H

#include "connection.bpf.h"
#include "named.bpf.h"
#include "traffic.bpf.h"

static __always_inline bool left_out(__u32 pid)
{
    const struct host_settings *settings = host_settings();

    return settings && settings->self_pid && settings->self_pid == pid;
}

/* `messages` 0: more of one that has been counted. */
static __always_inline void count_traffic(__u64 thread, struct sock *sk, __u8 protocol, __u64 bytes,
                                          __u32 messages, bool sent, bool typed)
{
    struct task_struct *task = host_task_current();
    struct task_struct *leader = HOST_READ(task, group_leader);
    struct grain_host_traffic_key key = {.protocol = protocol};
    struct net_traffic_slot *slot;
    struct connection *connection;
    struct socket_end remote;
    __u64 now = host_now_about();

    socket_remote_by(sk, &remote, typed);
    if (protocol == SOCKET_UDP)
        take_named(thread, sk, &remote);
    key.start_ns = HOST_READ(leader, start_boottime);
    key.pid = thread >> 32;
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
        slot->counts.sent_messages += messages;
    } else {
        slot->counts.received_bytes += bytes;
        slot->counts.received_messages += messages;
    }
    slot->counts.last_ns = now;
    host_read_16(slot->comm, &leader->comm);
    /* Only what is connected is remembered. */
    if (protocol == SOCKET_UDP && !SOCKET_READ(typed, sk, __sk_common.skc_dport))
        return;
    connection = connection_find(sk);
    if (!connection && protocol == SOCKET_TCP &&
        HOST_READ(sk, __sk_common.skc_state) != STATE_CLOSE)
        connection = connection_new(sk, task, 0, CONNECTION_OPEN);
    if (!connection)
        return;
    connection_use(sk, connection, task, key.pid, key.start_ns);
    __sync_fetch_and_add(sent ? &connection->sent_bytes : &connection->received_bytes, bytes);
}

#define RECEIVE_PEEK   0x2
#define RECEIVE_ERRORS 0x2000

/* A send or receive has returned `result`. `typed`: the socket is an argument that the verifier
 * knows as one. */
static __always_inline int transferred_by(struct sock *sk, int result, int flags, bool sent,
                                          bool typed)
{
    __u8 protocol = socket_protocol_by(sk, typed);
    __u64 thread = bpf_get_current_pid_tgid();
    struct socket_end end;

    if (!protocol)
        return 0;
    /* An empty datagram is a message; the end of a stream is none. */
    if (result < 0 || (result == 0 && protocol == SOCKET_TCP) ||
        (!sent && flags & (RECEIVE_PEEK | RECEIVE_ERRORS)) || left_out(thread >> 32)) {
        if (protocol == SOCKET_UDP)
            take_named(thread, sk, &end);
        return 0;
    }
    count_traffic(thread, sk, protocol, result, 1, sent, typed);
    return 0;
}

static __always_inline int transferred(struct sock *sk, int result, int flags, bool sent)
{
    return transferred_by(sk, result, flags, sent, true);
}

/* Of no way that has typed pointers. Global, so that the verifier follows it once. */
__attribute__((noinline)) int net_transferred(__u64 sk, int result, int flags, __u32 sent)
{
    if (sent)
        return transferred_by((struct sock *)sk, result, flags, true, false);
    return transferred_by((struct sock *)sk, result, flags, false, false);
}
#endif
