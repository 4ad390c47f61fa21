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
 *       as HOOK_EXIT, and hook_is_inside(HOOK_ID_body) is true in between on the same thread.
 *
 * Where a function takes other arguments on other kernels there is one program for each; lib/
 * counts the arguments in the kernel's BTF and loads the one that fits.
 *
 * A return probe does not see the arguments: its entry keeps them, by task and body. Entries that
 * were never fetched (the kernel had no room for another return probe) leave by age.
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

#define HOOK_KEPT_MAX 8192

struct hook_key {
    __u64 task;
    __u64 id;
};

struct hook_kept {
    __u64 argument[4];
    __u32 depth; /* of calls of the same function inside: an overlay calls what lies below */
    __u32 reserved;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, HOOK_KEPT_MAX);
    __type(key, struct hook_key);
    __type(value, struct hook_kept);
} hook_kept SEC(".maps");

static __always_inline struct hook_key hook_key(__u64 id)
{
    return (struct hook_key){.task = (__u64)bpf_get_current_task(), .id = id};
}

static __always_inline int hook_keep(__u64 id, bool nests, __u64 a, __u64 b, __u64 c, __u64 d)
{
    struct hook_key key = hook_key(id);
    struct hook_kept *before = bpf_map_lookup_elem(&hook_kept, &key);
    struct hook_kept kept = {.argument = {a, b, c, d}};

    if (before && nests) {
        before->depth++;
        return 0;
    }
    /* What is there still never returned, as far as could be seen. */
    if (before || bpf_map_update_elem(&hook_kept, &key, &kept, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
    if (before)
        *before = kept;
    return 0;
}

/* False: an inner call, or nothing was kept. */
static __always_inline bool hook_fetch(__u64 id, struct hook_kept *out)
{
    struct hook_key key = hook_key(id);
    struct hook_kept *kept = bpf_map_lookup_elem(&hook_kept, &key);

    if (!kept)
        return false;
    if (kept->depth) {
        kept->depth--;
        return false;
    }
    *out = *kept;
    bpf_map_delete_elem(&hook_kept, &key);
    return true;
}

static __always_inline bool hook_is_inside(__u64 id)
{
    struct hook_key key = hook_key(id);

    return bpf_map_lookup_elem(&hook_kept, &key) != NULL;
}

/* The body of a return with kept arguments. */
#define HOOK_RETURN(body, result)                                                           \
    do {                                                                                    \
        struct hook_kept kept;                                                              \
                                                                                            \
        if (!hook_fetch(HOOK_ID_##body, &kept))                                             \
            return 0;                                                                       \
        return body(kept.argument[0], kept.argument[1], kept.argument[2], kept.argument[3], \
                    result);                                                                \
    } while (0)

#ifdef HOOK_FENTRY

#define HOOK_LARGER(a, b)     ((a) > (b) ? (a) : (b))
#define HOOK_LARGEST(a, b, c) HOOK_LARGER(a, HOOK_LARGER(b, c))

#define HOOK_WORDS 7 /* arguments, and the result behind the last */

/* As plain numbers: the verifier would follow pointers that it knows the types of, and refuses
 * them to functions of ours. */
#define HOOK_READ(ctx, words, count) bpf_probe_read_kernel(words, 8 * (count), ctx)

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

#define HOOK_AROUND(program, function, body, a, b, c, d, count)                         \
    SEC("fentry/" function)                                                             \
    int program##_entry(__u64 *ctx)                                                     \
    {                                                                                   \
        __u64 words[HOOK_WORDS] = {0};                                                  \
                                                                                        \
        HOOK_READ(ctx, words, count);                                                   \
        return hook_keep(HOOK_ID_##body, true, words[a], words[b], words[c], words[d]); \
    }                                                                                   \
    SEC("fexit/" function)                                                              \
    int program(__u64 *ctx)                                                             \
    {                                                                                   \
        __u64 words[HOOK_WORDS] = {0};                                                  \
                                                                                        \
        HOOK_READ(ctx, words, (count) + 1);                                             \
        HOOK_RETURN(body, (long)words[count]);                                          \
    }

#else

#define HOOK_ARGUMENT_0(ctx)  PT_REGS_PARM1(ctx)
#define HOOK_ARGUMENT_1(ctx)  PT_REGS_PARM2(ctx)
#define HOOK_ARGUMENT_2(ctx)  PT_REGS_PARM3(ctx)
#define HOOK_ARGUMENT_3(ctx)  PT_REGS_PARM4(ctx)
#define HOOK_ARGUMENT_4(ctx)  PT_REGS_PARM5(ctx)
#define HOOK_ARGUMENT(ctx, n) HOOK_ARGUMENT_##n(ctx)

#define HOOK_KPROBES(program, function, body, nests, a, b, c, d)                              \
    SEC("kprobe/" function)                                                                   \
    int program##_entry(struct pt_regs *ctx)                                                  \
    {                                                                                         \
        return hook_keep(HOOK_ID_##body, nests, HOOK_ARGUMENT(ctx, a), HOOK_ARGUMENT(ctx, b), \
                         HOOK_ARGUMENT(ctx, c), HOOK_ARGUMENT(ctx, d));                       \
    }                                                                                         \
    SEC("kretprobe/" function)                                                                \
    int program(struct pt_regs *ctx)                                                          \
    {                                                                                         \
        HOOK_RETURN(body, (long)PT_REGS_RC(ctx));                                             \
    }

#define HOOK_EXIT(program, function, body, a, b, c, d, count) \
    HOOK_KPROBES(program, function, body, false, a, b, c, d)

#define HOOK_AROUND(program, function, body, a, b, c, d, count) \
    HOOK_KPROBES(program, function, body, true, a, b, c, d)

#define HOOK_ENTRY(program, function, body, a, b, c)                                      \
    SEC("kprobe/" function)                                                               \
    int program(struct pt_regs *ctx)                                                      \
    {                                                                                     \
        return body(HOOK_ARGUMENT(ctx, a), HOOK_ARGUMENT(ctx, b), HOOK_ARGUMENT(ctx, c)); \
    }

#endif

#endif
