// SPDX-License-Identifier: GPL-2.0-only
/*
 * How often each process makes each system call. Each CPU counts in a table of its own; what has
 * to make room adds to a sum by number, so that no call is lost.
 */
#include "net.h"
#include "call.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct net_syscall_slot);
} grain_syscalls SEC(".maps");

/* By number: what found no room above; beyond NET_SYSCALLS_MAX the same again for calls by the
 * interface of 32-bit programs. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2 * NET_SYSCALLS_MAX);
    __type(key, __u32);
    __type(value, __u64);
} grain_syscalls_others SEC(".maps");

/* Slots of one CPU, less one: a power of two less one, and not 0. */
const volatile __u32 syscalls_mask = 0;
const volatile __u64 syscalls_secret[2] = {1, 1};

static __always_inline __u32 syscall_set(__u64 start_ns, __u32 pid, __u32 number)
{
    __u64 x = (start_ns ^ syscalls_secret[0]) * (syscalls_secret[1] | 1);

    x ^= x >> 32;
    x = (x ^ ((__u64)pid << 32 | number)) * (syscalls_secret[1] | 1);
    return x >> 32;
}

static __always_inline bool syscall_same(const struct net_syscall_slot *slot, __u64 start_ns,
                                         __u32 pid, __u32 number)
{
    return slot->pid == pid && slot->number == number && slot->start_ns == start_ns && slot->begun;
}

static __always_inline void syscall_evict(const struct net_syscall_slot *slot)
{
    __u32 index = slot->number & ~GRAIN_HOST_SYSCALL_COMPAT;
    __u64 *others;

    if (index >= NET_SYSCALLS_MAX)
        index = NET_SYSCALLS_MAX - 1;
    if (slot->number & GRAIN_HOST_SYSCALL_COMPAT)
        index += NET_SYSCALLS_MAX;
    others = bpf_map_lookup_elem(&grain_syscalls_others, &index);
    if (others)
        *others += slot->count;
}

static __always_inline struct net_syscall_slot *syscall_slot(__u64 start_ns, __u32 pid,
                                                             __u32 number)
{
    __u32 first = bpf_get_smp_processor_id() * (syscalls_mask + 1) +
                  (syscall_set(start_ns, pid, number) & syscalls_mask & ~1u);
    __u32 second = first + 1;
    struct net_syscall_slot *a = bpf_map_lookup_elem(&grain_syscalls, &first);
    struct net_syscall_slot *b = bpf_map_lookup_elem(&grain_syscalls, &second);

    if (!a || !b)
        return NULL;
    if (syscall_same(a, start_ns, pid, number))
        return a;
    if (syscall_same(b, start_ns, pid, number))
        return b;
    if (a->begun && (!b->begun || b->last < a->last))
        a = b;
    a->begun++;
    barrier();
    if (a->done)
        syscall_evict(a);
    a->count = 0;
    a->start_ns = start_ns;
    a->pid = pid;
    a->number = number;
    barrier();
    a->done = a->begun;
    return a;
}

SEC("raw_tp/sys_enter")
int grain_syscalls_enter(struct bpf_raw_tracepoint_args *ctx)
{
    struct task_struct *task = host_task_current(), *leader;
    __u32 pid = bpf_get_current_pid_tgid() >> 32, number = ctx->args[1];
    const struct host_settings *settings = host_settings();
    struct net_syscall_slot *slot;

    if (settings && settings->self_pid && settings->self_pid == pid)
        return 0;
    if (call_compat(task))
        number |= GRAIN_HOST_SYSCALL_COMPAT;
    leader = HOST_READ(task, group_leader);
    slot = syscall_slot(HOST_READ(leader, start_boottime), pid, number);
    if (!slot)
        return 0;
    slot->count++;
    slot->last = bpf_jiffies64();
    host_read_16(slot->comm, &leader->comm);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
