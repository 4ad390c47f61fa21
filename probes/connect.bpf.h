/* SPDX-License-Identifier: GPL-2.0-only */
/* What connects and accepts come to, when they return. */
#ifndef GRAIN_PROBES_CONNECT_H
#define GRAIN_PROBES_CONNECT_H

#include "transfer.bpf.h"

/* A connect of a UDP socket: to an address, to another one, or to none any more. */
static __always_inline void datagrams_connected(struct task_struct *task, struct sock *sk)
{
    struct connection *connection = connection_find(sk);

    if (connection) {
        connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CLOSE, 0);
        connection_forget(sk);
    }
    if (!HOST_READ(sk, __sk_common.skc_dport))
        return;
    connection = connection_new(sk, task, bpf_ktime_get_boot_ns(), CONNECTION_OPEN);
    connection_tell(sk, connection, GRAIN_HOST_CONNECTION_CONNECT, 0);
}

static __always_inline long asked_read(void *out, __u32 length, __u64 address, bool user)
{
    return user ? bpf_probe_read_user(out, length, (void *)address)
                : bpf_probe_read_kernel(out, length, (void *)address);
}

/* The address that a failed connect asked for: the socket does not keep it. */
static __always_inline bool asked_for(struct socket_end *out, __u64 address, bool user)
{
    struct {
        __u16 family, port;
        __u32 address4; /* of IPv6: the flow label */
        __u8 address6[16];
    } asked = {0};

    if (asked_read(&asked, 8, address, user))
        return false;
    out->port = socket_swap(asked.port);
    out->family = asked.family;
    if (asked.family == SOCKET_INET) {
        socket_map4(out->address, asked.address4);
        return true;
    }
    if (asked.family != SOCKET_INET6 || asked_read(asked.address6, 16, address + 8, user))
        return false;
    __builtin_memcpy(out->address, asked.address6, 16);
    out->family = socket_family(out->address);
    return true;
}

static __always_inline void connect_refused(struct task_struct *task, struct sock *sk,
                                            __u64 address, bool user, __s32 result)
{
    __u64 key = (unsigned long)sk, thread = bpf_get_current_pid_tgid();
    __u64 *told = bpf_map_lookup_elem(&net_failed, &key);
    struct socket_end remote;
    bool was_told = told && *told == thread;

    if (told)
        bpf_map_delete_elem(&net_failed, &key);
    if (was_told || result == -NET_EISCONN || result == -NET_EALREADY || result == -NET_EFAULT)
        return;
    if (!asked_for(&remote, address, user))
        return;
    net_process_known();
    connection_tell_unknown(sk, task, &remote, GRAIN_HOST_CONNECTION_FAIL, result);
}

static __always_inline bool connect_goes_on(__s32 result)
{
    return result == -NET_EINPROGRESS || result == -NET_EINTR || result == -NET_ERESTARTSYS ||
           result == -NET_ERESTARTNOINTR;
}

static __always_inline void connect_done(struct task_struct *task, struct sock *sk, __u64 address,
                                         bool user, __s32 result)
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
    connect_refused(task, sk, address, user, result);
}

static __always_inline void accept_done(struct task_struct *task, struct sock *sk)
{
    struct connection *connection;

    if (socket_protocol(sk) != SOCKET_TCP)
        return;
    connection = connection_find(sk);
    if (!connection)
        connection = connection_new(sk, task, 0, CONNECTION_PASSIVE | CONNECTION_OPEN);
    if (connection)
        connection_use(sk, connection, task, bpf_get_current_pid_tgid() >> 32,
                       HOST_READ(task, group_leader, start_boottime));
}

/* Global: so the verifier follows them once, and their frames are not those of their callers. */

__attribute__((noinline)) int net_connect_done(__u64 sk, __u64 address, __u32 user, int result)
{
    connect_done(host_task_current(), (struct sock *)sk, address, user, result);
    return 0;
}

__attribute__((noinline)) int net_accept_done(__u64 sk)
{
    accept_done(host_task_current(), (struct sock *)sk);
    return 0;
}

/* Out of a socket by splice: the one receive that no function for messages does. */
static __always_inline void spliced(struct sock *sk, __s64 result)
{
    if (socket_protocol(sk) == SOCKET_TCP)
        net_transferred((__u64)sk, result, 0, false);
}

#endif
