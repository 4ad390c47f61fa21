/* SPDX-License-Identifier: GPL-2.0-only */
/* What system calls have moved, where neither tracepoints nor functions tell (before Linux 6.3). */
#ifndef GRAIN_PROBES_MOVED_H
#define GRAIN_PROBES_MOVED_H

#include "call.bpf.h"
#include "connect.bpf.h"

/* struct mmsghdr of 64-bit programs. */
#define MOVED_MESSAGE 64
#define MOVED_LENGTH  56 /* what the kernel wrote there */

/* One message of many, of which only the process's memory tells: whom it was addressed to (what the
 * programs of the cgroup left is the last one's), and its length, or -1. Global, so that the
 * verifier follows it once. */
__attribute__((noinline)) int net_message(__u64 sk, __u64 address)
{
    __u64 thread = bpf_get_current_pid_tgid(), name;
    struct named named = {.sk = sk, .valid = 1};
    __s32 length;

    if (bpf_probe_read_user(&length, sizeof(length), (void *)(address + MOVED_LENGTH)) ||
        bpf_probe_read_user(&name, sizeof(name), (void *)address)) {
        host_count(GRAIN_HOST_COUNTER_CALLS_UNSEEN, 1);
        return -1;
    }
    if (name && socket_protocol((struct sock *)sk) == SOCKET_UDP &&
        asked_for(&named.end, name, true))
        bpf_map_update_elem(&net_named, &thread, &named, BPF_ANY);
    return length;
}

static __always_inline void messages_moved(__u64 sk, __u64 address, __s64 count, bool sent)
{
    drop_named();
    for (__u32 i = 0; i < NET_MANY_MAX; i++) {
        if (i >= count)
            break;
        net_transferred(sk, net_message(sk, address), 0, sent);
        address += MOVED_MESSAGE;
    }
}

/* One end of it is a pipe. */
static __always_inline void splice_moved(struct task_struct *task, void *regs, __s64 result)
{
    struct sock *from = socket_of_fd(task, call_first(regs));
    struct sock *to = from ? NULL : socket_of_fd(task, call_third(regs));

    if (from)
        net_transferred((__u64)from, result, 0, false);
    else if (to)
        net_transferred((__u64)to, result, 0, true);
}

static __always_inline void call_moved(struct task_struct *task, void *regs, __u8 call,
                                       __s64 result)
{
    __u64 flags = 0;
    struct sock *sk;

    if (call == NET_CALL_URING || result < 0) {
        if (call != NET_CALL_READ && call != NET_CALL_WRITE)
            drop_named();
        return;
    }
    if (call == NET_CALL_SPLICE) {
        splice_moved(task, regs, result);
        return;
    }
    sk = socket_of_fd(task, call_first(regs));
    if (!sk || !socket_protocol(sk))
        return;
    if (call == NET_CALL_RECVFROM || call == NET_CALL_RECVMMSG)
        flags = call_fourth(regs);
    else if (call == NET_CALL_RECVMSG)
        flags = call_third(regs);
    if (call != NET_CALL_SENDMMSG && call != NET_CALL_RECVMMSG)
        net_transferred((__u64)sk, result, flags, call == NET_CALL_WRITE || call == NET_CALL_SEND);
    else if (!(flags & (RECEIVE_PEEK | RECEIVE_ERRORS)))
        messages_moved((__u64)sk, call_second(regs), result, call == NET_CALL_SENDMMSG);
    else
        drop_named();
}

#endif
