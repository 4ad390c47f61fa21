/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's sockets, as far as the net probe reads them, and whom they talk to. */
#ifndef GRAIN_PROBES_SOCKET_H
#define GRAIN_PROBES_SOCKET_H

#include "descriptor.bpf.h"

#define SOCKET_INET  2 /* AF_INET */
#define SOCKET_INET6 10
#define SOCKET_TCP   6
#define SOCKET_UDP   17
#define SOCKET_MPTCP 262

/* States of TCP; a connected UDP socket is in TCP_ESTABLISHED. */
enum {
    STATE_ESTABLISHED = 1,
    STATE_SYN_SENT = 2,
    STATE_SYN_RECV = 3,
    STATE_CLOSE = 7,
    STATE_LISTEN = 10,
    STATE_NEW_SYN_RECV = 12,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* In the kernel these have members of other names: what counts is that they are structures. */
struct socket_address6 {
    __u8 bytes[16];
};

struct socket_number {
    __u64 value;
};

struct sock_common {
    __u32 skc_daddr, skc_rcv_saddr;
    __u16 skc_dport; /* network order */
    __u16 skc_num;   /* host order */
    unsigned short skc_family;
    unsigned char skc_state;
    struct socket_address6 skc_v6_daddr, skc_v6_rcv_saddr;
    struct socket_number skc_cookie;
};

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
    int sk_err;
};

struct tcp_sock {
    __u32 total_retrans;
};

struct socket {
    struct sock *sk;
};

struct file___socket {
    void *private_data;
};

#pragma clang attribute pop

/* One end of a connection. */
struct socket_end {
    __u8 address[16];
    __u16 port; /* host order */
    __u8 family;
};

static __always_inline __u16 socket_swap(__u16 port)
{
    return __builtin_bswap16(port);
}

/* IPv4 as v4-mapped; which of the two the address is. */
static __always_inline void socket_map4(__u8 *out, __u32 address)
{
    __u32 words[4] = {0, 0, __builtin_bswap32(0xffff), address};

    __builtin_memcpy(out, words, 16);
}

static __always_inline __u8 socket_family(const __u8 *address)
{
    __u32 words[4];

    __builtin_memcpy(words, address, 16);
    return words[0] == 0 && words[1] == 0 && words[2] == __builtin_bswap32(0xffff) ? SOCKET_INET
                                                                                   : SOCKET_INET6;
}

/* A pointer that the verifier knows as a socket's (`typed`, a constant) is read through at once;
 * any other one by a helper, which takes several times as long. */
#define SOCKET_READ(typed, sk, field) ((typed) ? (sk)->field : HOST_READ(sk, field))

/* IPPROTO_TCP, IPPROTO_UDP, or 0: not counted. */
static __always_inline __u8 socket_protocol_by(const struct sock *sk, bool typed)
{
    unsigned short family = SOCKET_READ(typed, sk, __sk_common.skc_family);
    __u16 protocol;

    if (family != SOCKET_INET && family != SOCKET_INET6)
        return 0;
    protocol = SOCKET_READ(typed, sk, sk_protocol);
    if (protocol == SOCKET_MPTCP)
        return SOCKET_TCP;
    return protocol == SOCKET_TCP || protocol == SOCKET_UDP ? protocol : 0;
}

static __always_inline __u8 socket_protocol(const struct sock *sk)
{
    return socket_protocol_by(sk, false);
}

/* Whom the socket is connected to; not connected: no port, and the address of nobody. */
static __always_inline void socket_remote_by(const struct sock *sk, struct socket_end *out,
                                             bool typed)
{
    out->port = socket_swap(SOCKET_READ(typed, sk, __sk_common.skc_dport));
    if (SOCKET_READ(typed, sk, __sk_common.skc_family) == SOCKET_INET) {
        socket_map4(out->address, SOCKET_READ(typed, sk, __sk_common.skc_daddr));
        out->family = SOCKET_INET;
        return;
    }
    host_read_16(out->address, &sk->__sk_common.skc_v6_daddr);
    out->family = socket_family(out->address);
}

static __always_inline void socket_remote(const struct sock *sk, struct socket_end *out)
{
    socket_remote_by(sk, out, false);
}

static __always_inline void socket_local(const struct sock *sk, struct socket_end *out)
{
    out->port = HOST_READ(sk, __sk_common.skc_num);
    if (HOST_READ(sk, __sk_common.skc_family) == SOCKET_INET) {
        socket_map4(out->address, HOST_READ(sk, __sk_common.skc_rcv_saddr));
        out->family = SOCKET_INET;
        return;
    }
    host_read_16(out->address, &sk->__sk_common.skc_v6_rcv_saddr);
    out->family = socket_family(out->address);
}

#define SOCKET_MODE_MASK 0xf000
#define SOCKET_MODE      0xc000 /* S_IFSOCK */

/* The socket behind a file descriptor of the current process, or NULL. */
static __always_inline struct sock *socket_of_fd(struct task_struct *task, __u64 fd)
{
    struct file *file = descriptor_file(task, (__u32)fd, false);
    struct socket *socket;

    if (!file || (HOST_READ(file, f_inode, i_mode) & SOCKET_MODE_MASK) != SOCKET_MODE)
        return NULL;
    socket = HOST_READ((struct file___socket *)file, private_data);
    return socket ? (struct sock *)host_number(HOST_READ(socket, sk)) : NULL;
}

#endif
