/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One body for two ways of hooking into the kernel's functions. HOOK_FENTRY chooses trampolines
 * (fentry, fexit); otherwise it is kprobes and kretprobes.
 *
 *   HOOK_EXIT(program, function, body, a, b, c, d, count)
 *       `body` when `function` returns, with its arguments number a, b, c, d (from 0; any number
 *       for one that is not needed) and its result; it takes `count` arguments.
 *   HOOK_ENTRY(program, function, body, a, b, c)
 *       `body` when `function` begins.
 *   HOOK_AROUND(program, function, body, a, b, c, d, count)
 *       as HOOK_EXIT, but not for calls inside such a call; and hook_inside(HOOK_ID_body) finds
 *       what is kept of it while it runs on the same thread.
 *
 * Where a function takes other arguments on other kernels there is one program for each; lib/
 * counts the arguments in the kernel's BTF and loads the one that fits.
 *
 * A return probe does not see the arguments: the entry keeps them by the stack pointer, which is
 * that of one call only. One program serves all returns (HOOK_RETURNED), so that what it does is
 * verified once. What never returned, as far as could be seen, leaves by age.
 */
#ifndef GRAIN_PROBES_HOOK_H
#define GRAIN_PROBES_HOOK_H

#include "host.bpf.h"

#include <asm/ptrace.h>
#include <bpf/bpf_tracing.h>

#ifdef HOOK_FENTRY
#define HOOK_WAY GRAIN_HOST_WAY_FENTRY
#else
#define HOOK_WAY GRAIN_HOST_WAY_KPROBE
#endif

#define HOOK_CALLS_MAX 8192

struct hook_kept {
    __u64 argument[4];
    __u64 id;
};

/* By stack pointer, or where there are trampolines by what hook_call_key() says. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, HOOK_CALLS_MAX);
    __type(key, __u64);
    __type(value, struct hook_kept);
} hook_calls SEC(".maps");

struct hook_thread {
    __u64 task;
    __u64 id;
};

/* Calls of HOOK_AROUND that run: their stack pointers. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, HOOK_CALLS_MAX);
    __type(key, struct hook_thread);
    __type(value, __u64);
} hook_threads SEC(".maps");

static __always_inline struct hook_thread hook_thread(__u64 id)
{
    return (struct hook_thread){.task = (__u64)bpf_get_current_task(), .id = id};
}

static __always_inline struct hook_kept *hook_inside(__u64 id)
{
    struct hook_thread key = hook_thread(id);
    __u64 *stack = bpf_map_lookup_elem(&hook_threads, &key);

    return stack ? bpf_map_lookup_elem(&hook_calls, stack) : NULL;
}

static __always_inline int hook_keep(__u64 stack, __u64 id, __u64 a, __u64 b, __u64 c, __u64 d)
{
    struct hook_kept kept = {.argument = {a, b, c, d}, .id = id};

    if (!bpf_map_update_elem(&hook_calls, &stack, &kept, BPF_NOEXIST))
        return 0;
    /* Either there is no room, or a call that stood in this place has ended unseen. */
    host_count(GRAIN_HOST_COUNTER_CALLS_UNSEEN, 1);
    bpf_map_update_elem(&hook_calls, &stack, &kept, BPF_ANY);
    return 0;
}

/* The same around a function: an overlay calls it again for what lies below. The stack grows down:
 * an outer call that is not above this one has ended unseen. */
static __always_inline int hook_keep_around(__u64 stack, __u64 id, __u64 a, __u64 b, __u64 c,
                                            __u64 d)
{
    struct hook_thread key = hook_thread(id);
    __u64 *outer = bpf_map_lookup_elem(&hook_threads, &key);

    if (outer && *outer > stack)
        return 0;
    if (bpf_map_update_elem(&hook_threads, &key, &stack, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
    return hook_keep(stack, id, a, b, c, d);
}

/* False: nothing was kept. */
static __always_inline bool hook_fetch(__u64 stack, struct hook_kept *out)
{
    struct hook_kept *kept = bpf_map_lookup_elem(&hook_calls, &stack);

    if (!kept)
        return false;
    *out = *kept;
    bpf_map_delete_elem(&hook_calls, &stack);
    return true;
}

static __always_inline void hook_leave(__u64 id)
{
    struct hook_thread key = hook_thread(id);

    bpf_map_delete_elem(&hook_threads, &key);
}

#ifdef HOOK_FENTRY

#define HOOK_LARGER(a, b)     ((a) > (b) ? (a) : (b))
#define HOOK_LARGEST(a, b, c) HOOK_LARGER(a, HOOK_LARGER(b, c))

#define HOOK_WORDS 7 /* arguments, and the result behind the last */

#ifdef HOST_TYPED
#define HOOK_READ(ctx, words, count)                                                \
    do {                                                                            \
        _Pragma("unroll") for (int i_ = 0; i_ < (count); i_++) words[i_] = ctx[i_]; \
    } while (0)
#else
/* As plain numbers: the verifier would follow pointers that it knows the types of, and refuses
 * them to functions of ours. */
#define HOOK_READ(ctx, words, count) bpf_probe_read_kernel(words, 8 * (count), ctx)
#endif

#define HOOK_EXIT(program, function, body, a, b, c, d, count)                    \
    SEC("fexit/" function)                                                       \
    int program(__u64 *ctx)                                                      \
    {                                                                            \
        __u64 words[HOOK_WORDS] = {0};                                           \
                                                                                 \
        HOOK_READ(ctx, words, (count) + 1);                                      \
        return body(words[a], words[b], words[c], words[d], (long)words[count]); \
    }

#define HOOK_ENTRY(program, function, body, a, b, c)      \
    SEC("fentry/" function)                               \
    int program(__u64 *ctx)                               \
    {                                                     \
        __u64 words[HOOK_WORDS] = {0};                    \
                                                          \
        HOOK_READ(ctx, words, HOOK_LARGEST(a, b, c) + 1); \
        return body(words[a], words[b], words[c]);        \
    }

/* The context lies on the stack: in the trampoline's own frame, the same one for both. */
#define HOOK_AROUND_ANY(program, function, body, keep, a, b, c, d, count)                \
    SEC("fentry/" function)                                                              \
    int program##_entry(__u64 *ctx)                                                      \
    {                                                                                    \
        __u64 words[HOOK_WORDS] = {0};                                                   \
                                                                                         \
        HOOK_READ(ctx, words, count);                                                    \
        return keep((__u64)ctx, HOOK_ID_##body, words[a], words[b], words[c], words[d]); \
    }                                                                                    \
    SEC("fexit/" function)                                                               \
    int program(__u64 *ctx)                                                              \
    {                                                                                    \
        __u64 words[HOOK_WORDS] = {0};                                                   \
        struct hook_kept kept;                                                           \
                                                                                         \
        if (!hook_fetch((__u64)ctx, &kept))                                              \
            return 0;                                                                    \
        HOOK_READ(ctx, words, (count) + 1);                                              \
        body(kept.argument[0], kept.argument[1], kept.argument[2], kept.argument[3],     \
             (long)words[count]);                                                        \
        hook_leave(HOOK_ID_##body);                                                      \
        return 0;                                                                        \
    }

#define HOOK_AROUND(program, function, body, a, b, c, d, count) \
    HOOK_AROUND_ANY(program, function, body, hook_keep_around, a, b, c, d, count)

#define HOOK_RETURNED(program)
#define HOOK_CASE(body)
#define HOOK_RETURNED_END

#else

#define HOOK_ARGUMENT_0(ctx)  PT_REGS_PARM1(ctx)
#define HOOK_ARGUMENT_1(ctx)  PT_REGS_PARM2(ctx)
#define HOOK_ARGUMENT_2(ctx)  PT_REGS_PARM3(ctx)
#define HOOK_ARGUMENT_3(ctx)  PT_REGS_PARM4(ctx)
#define HOOK_ARGUMENT_4(ctx)  PT_REGS_PARM5(ctx)
#define HOOK_ARGUMENT(ctx, n) HOOK_ARGUMENT_##n(ctx)

#define HOOK_KPROBE(program, function, body, keep, a, b, c, d)                                     \
    SEC("kprobe/" function)                                                                        \
    int program(struct pt_regs *ctx)                                                               \
    {                                                                                              \
        return keep(PT_REGS_SP(ctx), HOOK_ID_##body, HOOK_ARGUMENT(ctx, a), HOOK_ARGUMENT(ctx, b), \
                    HOOK_ARGUMENT(ctx, c), HOOK_ARGUMENT(ctx, d));                                 \
    }

#define HOOK_EXIT(program, function, body, a, b, c, d, count) \
    HOOK_KPROBE(program, function, body, hook_keep, a, b, c, d)

#define HOOK_AROUND(program, function, body, a, b, c, d, count) \
    HOOK_KPROBE(program, function, body, hook_keep_around, a, b, c, d)

/* On x86 the return address has been taken from the stack meanwhile. */
#ifdef __TARGET_ARCH_x86
#define HOOK_STACK(ctx) (PT_REGS_SP(ctx) - 8)
#else
#define HOOK_STACK(ctx) PT_REGS_SP(ctx)
#endif

#define HOOK_RETURNED(program)                   \
    SEC("kretprobe")                             \
    int program(struct pt_regs *ctx)             \
    {                                            \
        long result = PT_REGS_RC(ctx);           \
        struct hook_kept kept;                   \
                                                 \
        if (!hook_fetch(HOOK_STACK(ctx), &kept)) \
            return 0;                            \
        switch (kept.id) {

#define HOOK_CASE(body)                                                                       \
    case HOOK_ID_##body:                                                                      \
        body(kept.argument[0], kept.argument[1], kept.argument[2], kept.argument[3], result); \
        break;

/* Of what is not HOOK_AROUND nothing is there to be forgotten. */
#define HOOK_RETURNED_END \
    }                     \
    hook_leave(kept.id);  \
    return 0;             \
    }

#define HOOK_ENTRY(program, function, body, a, b, c)                                      \
    SEC("kprobe/" function)                                                               \
    int program(struct pt_regs *ctx)                                                      \
    {                                                                                     \
        return body(HOOK_ARGUMENT(ctx, a), HOOK_ARGUMENT(ctx, b), HOOK_ARGUMENT(ctx, c)); \
    }

#endif

#endif
