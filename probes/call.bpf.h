/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls, from the registers that a process came in with. Numbers are those of the
 * architecture's own interface, which userspace knows. */
#ifndef GRAIN_PROBES_CALL_H
#define GRAIN_PROBES_CALL_H

#include "host.bpf.h"

struct pt_regs___call86 {
    unsigned long r10, dx, si, di, orig_ax;
} __attribute__((preserve_access_index));

/* The result is in regs[0] by now. */
struct pt_regs___call64 {
    __u64 regs[31];
    __u64 orig_x0;
    __s32 syscallno;
} __attribute__((preserve_access_index));

struct thread_info___call86 {
    __u32 status;
} __attribute__((preserve_access_index));

struct thread_info___call64 {
    unsigned long flags;
} __attribute__((preserve_access_index));

struct task_struct___call86 {
    struct thread_info___call86 thread_info;
} __attribute__((preserve_access_index));

struct task_struct___call64 {
    struct thread_info___call64 thread_info;
} __attribute__((preserve_access_index));

static __always_inline __u32 call_number(void *regs)
{
    struct pt_regs___call86 *regs86 = regs;
    struct pt_regs___call64 *regs64 = regs;

    if (bpf_core_field_exists(regs86->orig_ax))
        return HOST_READ(regs86, orig_ax);
    return HOST_READ(regs64, syscallno);
}

static __always_inline __u64 call_first(void *regs)
{
    struct pt_regs___call86 *regs86 = regs;
    struct pt_regs___call64 *regs64 = regs;

    if (bpf_core_field_exists(regs86->di))
        return HOST_READ(regs86, di);
    return HOST_READ(regs64, orig_x0);
}

static __always_inline __u64 call_second(void *regs)
{
    struct pt_regs___call86 *regs86 = regs;
    struct pt_regs___call64 *regs64 = regs;

    if (bpf_core_field_exists(regs86->si))
        return HOST_READ(regs86, si);
    return HOST_READ(regs64, regs[1]);
}

static __always_inline __u64 call_third(void *regs)
{
    struct pt_regs___call86 *regs86 = regs;
    struct pt_regs___call64 *regs64 = regs;

    if (bpf_core_field_exists(regs86->dx))
        return HOST_READ(regs86, dx);
    return HOST_READ(regs64, regs[2]);
}

static __always_inline __u64 call_fourth(void *regs)
{
    struct pt_regs___call86 *regs86 = regs;
    struct pt_regs___call64 *regs64 = regs;

    if (bpf_core_field_exists(regs86->r10))
        return HOST_READ(regs86, r10);
    return HOST_READ(regs64, regs[3]);
}

#define CALL_COMPAT_86 2          /* TS_COMPAT */
#define CALL_COMPAT_64 (1u << 22) /* TIF_32BIT */

/* By the interface of 32-bit programs, with other numbers. */
static __always_inline bool call_compat(struct task_struct *task)
{
    struct task_struct___call86 *task86 = (void *)task;
    struct task_struct___call64 *task64 = (void *)task;
    struct pt_regs___call86 *regs86 = NULL;

    if (!bpf_core_field_exists(regs86->orig_ax))
        return HOST_READ(task64, thread_info.flags) & CALL_COMPAT_64;
    return bpf_core_field_exists(task86->thread_info.status) &&
           HOST_READ(task86, thread_info.status) & CALL_COMPAT_86;
}

#endif
