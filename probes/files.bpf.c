// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to files, by tracepoint: each system call that may be about one is looked at when
 * it ends, its descriptors followed to the kernel's own files. Where a call names a path and
 * leaves no descriptor, the record carries what was asked for, and says so.
 */
#include "asked.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, HOST_CALLS_MAX);
    __type(key, __u32);
    __type(value, struct host_call);
} host_calls SEC(".maps");

#define WAY GRAIN_HOST_WAY_TRACEPOINT

#define AT_FDCWD_ (-100)

/* ---- registers ---- */

static __always_inline __u64 call_number(void *regs)
{
    struct pt_regs___x86 *x86 = regs;
    struct pt_regs___arm_64 *arm64 = regs;

    if (bpf_core_field_exists(x86->orig_ax))
        return x86->orig_ax;
    return (__s64)arm64->syscallno;
}

static __always_inline __u64 call_argument(void *regs, __u32 number)
{
    struct pt_regs___x86 *x86 = regs;
    struct pt_regs___arm_64 *arm64 = regs;

    if (bpf_core_field_exists(x86->orig_ax)) {
        switch (number) {
        case 0:
            return x86->di;
        case 1:
            return x86->si;
        case 2:
            return x86->dx;
        case 3:
            return x86->r10;
        case 4:
            return x86->r8;
        default:
            return x86->r9;
        }
    }
    switch (number) {
    case 0:
        return arm64->orig_x0;
    case 1:
        return arm64->regs[1];
    case 2:
        return arm64->regs[2];
    case 3:
        return arm64->regs[3];
    case 4:
        return arm64->regs[4];
    default:
        return arm64->regs[5];
    }
}

#define STATUS_COMPAT_X86 2          /* TS_COMPAT */
#define FLAGS_32BIT_ARM64 (1u << 22) /* TIF_32BIT */
#define NUMBER_X32        0x40000000 /* another table of calls */

static __always_inline bool call_is_compat(struct task_struct *task, void *regs)
{
    struct pt_regs___x86 *x86 = regs;

    if (!bpf_core_field_exists(x86->orig_ax))
        return HOST_READ(task, thread_info.flags) & FLAGS_32BIT_ARM64;
    if (!bpf_core_field_exists(((struct task_struct___x86 *)0)->thread_info.status))
        return false;
    return HOST_READ((struct task_struct___x86 *)task, thread_info.status) & STATUS_COMPAT_X86;
}

/* ---- descriptors ---- */

/* One end of a call, or both ends of one that moves bytes. */
static __always_inline void tell_fds(struct task_struct *task, void *regs,
                                     const struct host_call *call, long result)
{
    __u8 operation = call->operation;
    __s32 fd = call_argument(regs, call->first);

    for (int end = 0; end < 2; end++) {
        struct host_access *access;
        struct file *file;

        access = host_access_begin(operation, WAY, host_rules_for(operation));
        file = access ? descriptor_file(task, fd, result > 0) : NULL;
        if (file) {
            access->result = result < 0 ? result : 0;
            access->bytes = result > 0 ? result : 0;
            if (operation == GRAIN_HOST_OP_CHMOD) {
                access->mode = call_argument(regs, call->value);
            } else if (operation == GRAIN_HOST_OP_CHOWN) {
                access->owner = call_argument(regs, call->value);
                access->group = call_argument(regs, call->value2);
            } else if (operation == GRAIN_HOST_OP_TRUNCATE) {
                access->bytes = call_argument(regs, call->value);
            } else if (operation == GRAIN_HOST_OP_MMAP) {
                access->bytes = call_argument(regs, 1);
                access->mode = call_argument(regs, 2);
            }
            host_file_tell(access, file);
        }
        if (call->kind != HOST_CALL_TWO_FDS)
            break;
        operation = GRAIN_HOST_OP_WRITE;
        fd = call_argument(regs, call->second);
    }
}

static __always_inline void tell_opened(struct task_struct *task, long fd)
{
    __u64 rules = host_rules_for(GRAIN_HOST_OP_OPEN);
    struct host_access *access = host_access_begin(GRAIN_HOST_OP_OPEN, WAY, rules);
    struct file *file = access ? descriptor_file(task, fd, true) : NULL;

    if (file)
        host_file_tell(access, file);
}

/* ---- system calls ---- */

static __always_inline bool is_file_length(const struct host_call *call, long result)
{
    if (call->operation == GRAIN_HOST_OP_READ || call->operation == GRAIN_HOST_OP_WRITE)
        return result > 0;
    return true;
}

/* The directory that a path starts from, NULL for the working directory; false: no such
 * descriptor. */
static __always_inline bool directory_of(struct task_struct *task, void *regs, __u32 argument,
                                         struct file **out)
{
    __s32 fd = argument == HOST_ARGUMENT_NONE ? AT_FDCWD_ : call_argument(regs, argument);

    *out = fd == AT_FDCWD_ ? NULL : descriptor_file(task, fd, false);
    return fd == AT_FDCWD_ || *out;
}

static __always_inline void fill_asked(struct host_access *access, void *regs,
                                       const struct host_call *call)
{
    __u64 value = call->value == HOST_ARGUMENT_NONE ? 0 : call_argument(regs, call->value);

    if (call->operation == GRAIN_HOST_OP_OPEN) {
        /* openat2 has a pointer to its flags. */
        if (call->value2 != HOST_ARGUMENT_NONE)
            bpf_probe_read_user(&value, sizeof(value), (void *)value);
        access->open_flags = value;
    } else if (call->operation == GRAIN_HOST_OP_CHMOD) {
        access->mode = value;
    } else if (call->operation == GRAIN_HOST_OP_TRUNCATE) {
        access->bytes = value;
    } else if (call->operation == GRAIN_HOST_OP_CHOWN) {
        access->owner = value;
        access->group = call_argument(regs, call->value2);
    }
}

static __always_inline void tell_asked(struct task_struct *task, void *regs,
                                       const struct host_call *call, long result)
{
    __u64 rules = host_rules_for(call->operation);
    struct host_access *access = host_access_begin(call->operation, WAY, rules);
    struct host_asked asked = {0};

    if (!access)
        return;
    access->result = result;
    fill_asked(access, regs, call);
    if (call->path == HOST_ARGUMENT_NONE ||
        !directory_of(task, regs, call->first, &asked.directory) ||
        !directory_of(task, regs, call->second, &asked.directory2)) {
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
        return;
    }
    asked.path = call_argument(regs, call->path);
    if (call->path2 != HOST_ARGUMENT_NONE)
        asked.path2 = call_argument(regs, call->path2);
    host_asked_tell(task, &asked);
}

#define MAP_ANONYMOUS_ 0x20

static __always_inline void tell_call(struct task_struct *task, void *regs,
                                      const struct host_call *call, long result)
{
    switch (call->kind) {
    case HOST_CALL_OPEN:
        if (result >= 0)
            tell_opened(task, result);
        else
            tell_asked(task, regs, call, result);
        break;
    case HOST_CALL_FD:
    case HOST_CALL_TWO_FDS:
        if (is_file_length(call, result))
            tell_fds(task, regs, call, result);
        break;
    case HOST_CALL_MMAP:
        /* Its result is an address. */
        if (result > 0 && !(call_argument(regs, 3) & MAP_ANONYMOUS_))
            tell_fds(task, regs, call, 0);
        break;
    case HOST_CALL_PATH:
        /* A program that has started is told of where it starts; its registers are others now. */
        if (call->operation == GRAIN_HOST_OP_EXEC && result >= 0)
            break;
        tell_asked(task, regs, call, result);
        break;
    default:
        break;
    }
}

SEC("tp_btf/sys_exit")
int grain_files_exit(__u64 *ctx)
{
    void *regs = (void *)ctx[0];
    long result = ctx[1];
    struct task_struct *task;
    struct host_call *call;
    __u32 number;
    __u64 raw = call_number(regs);

    number = raw;
    call = bpf_map_lookup_elem(&host_calls, &number);
    if (!call || !(call->kind | call->compat | call->moves))
        return 0;
    task = host_task_current();
    if (call_is_compat(task, regs)) {
        if (call->compat && host_rules_for(GRAIN_HOST_OP_OPEN))
            host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
        return 0;
    }
    /* Paths are others now, and what directories stand for. */
    if (call->moves && !result)
        host_paths_changed();
    if (call->kind)
        tell_call(task, regs, call, result);
    return 0;
}

SEC("raw_tp/sched_process_exec")
int grain_files_exec(struct bpf_raw_tracepoint_args *ctx)
{
    struct linux_binprm *program = (void *)ctx->args[2];
    __u64 rules = host_rules_for(GRAIN_HOST_OP_EXEC);
    struct host_access *access = host_access_begin(GRAIN_HOST_OP_EXEC, WAY, rules);

    if (access)
        host_file_tell(access, HOST_READ(program, file));
    return 0;
}

static __always_inline int count_uring(void)
{
    const struct host_files *files = host_files();

    if (files && files->any)
        host_count(GRAIN_HOST_COUNTER_IO_URING, 1);
    return 0;
}

/* Requests that come another way than by system calls; the first name is that of Linux 6.3 and
 * newer. */
SEC("raw_tp/io_uring_submit_req")
int grain_files_uring(void *ctx)
{
    (void)ctx;
    return count_uring();
}

SEC("raw_tp/io_uring_submit_sqe")
int grain_files_uring_old(void *ctx)
{
    (void)ctx;
    return count_uring();
}

char LICENSE[] SEC("license") = "GPL";
