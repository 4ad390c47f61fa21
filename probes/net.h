/* SPDX-License-Identifier: GPL-2.0-only */
/* What lib/host/ and the net and syscalls probes share besides records: layouts of their tables. */
#ifndef GRAIN_PROBES_NET_H
#define GRAIN_PROBES_NET_H

#include <linux/types.h>

#include <grain/host_record.h>

#define NET_WAYS        2 /* places for a key: it is in one of a set's two, or not there */
#define NET_SOCKETS_MAX 65536
#define NET_NAMED_MAX   8192
#define NET_FAILED_MAX  1024
#define NET_CALLS_MAX   512  /* system calls beyond it are none of sockets */
#define NET_MANY_MAX    1024 /* messages of one call: the kernel takes no more */

/* What a system call does to sockets. */
enum net_call {
    NET_CALL_OTHER,
    NET_CALL_CONNECT,
    NET_CALL_ACCEPT,
    NET_CALL_SPLICE_OUT, /* out of a socket */
    /* Only where nothing else tells how much was moved. */
    NET_CALL_SPLICE, /* out of a socket, or into one */
    NET_CALL_WRITE,
    NET_CALL_READ,
    NET_CALL_SEND,
    NET_CALL_RECVFROM,
    NET_CALL_RECVMSG,
    NET_CALL_SENDMMSG,
    NET_CALL_RECVMMSG,
    NET_CALL_URING, /* its sends are not seen, but name what they are addressed to */
};

/* Errors of the kernel's, which BPF programs have no header for: the same on every architecture
 * that grain is built for; the last two are never seen outside of it. */
#define NET_EINTR          4
#define NET_EFAULT         14
#define NET_EISCONN        106
#define NET_EALREADY       114
#define NET_EINPROGRESS    115
#define NET_ECANCELED      125
#define NET_ERESTARTSYS    512
#define NET_ERESTARTNOINTR 513

/*
 * A slot of a table that its CPU writes and userspace reads where it lies. A writer that puts
 * another key in makes `begun` one more, writes, and makes `done` the same; a reader takes `done`,
 * what lies between, then `begun`: they are equal, or it was disturbed. `begun` 0: free.
 */
struct net_traffic_slot {
    __u64 done;
    struct grain_host_traffic_key key;
    struct grain_host_traffic_counts counts;
    char comm[GRAIN_HOST_COMM_MAX];
    __u64 begun;
};

struct net_syscall_slot {
    __u64 done;
    __u64 start_ns;
    __u32 pid;
    __u32 number;
    __u64 count;
    __u64 last; /* jiffies */
    char comm[GRAIN_HOST_COMM_MAX];
    __u64 begun;
};

/* Numbers beyond it are counted together, as this one. */
#define NET_SYSCALLS_MAX 1024

_Static_assert(sizeof(struct net_traffic_slot) == 112, "read in place");
_Static_assert(sizeof(struct net_syscall_slot) == 64, "read in place");

#endif
