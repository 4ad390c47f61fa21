// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to files, by the kernel's functions: whoever calls them, by whatever system call,
 * io_uring among them. Built twice, for trampolines and for kprobes (hook.bpf.h).
 *
 * Names that change are looked at twice. security_path_*() is told the mount and the entry before;
 * what do_unlinkat() and its like return says what came of it.
 */
#include "names.bpf.h"

#include "hook.bpf.h"

#define ERROR_LEAST (-4095L)

/* Each body that needs its arguments kept has a number; security_path_*() share one. */
enum {
    HOOK_ID_on_open = 1,
    HOOK_ID_on_open_root,
    HOOK_ID_on_read,
    HOOK_ID_on_write,
    HOOK_ID_on_readv,
    HOOK_ID_on_writev,
    HOOK_ID_on_splice,
    HOOK_ID_on_splice_to_pipe,
    HOOK_ID_on_splice_direct,
    HOOK_ID_on_copy,
    HOOK_ID_on_mmap,
    HOOK_ID_on_truncate,
    HOOK_ID_on_ftruncate,
    HOOK_ID_on_chmod,
    HOOK_ID_on_chown,
    HOOK_ID_on_exec,
    HOOK_ID_on_exec_open,
    HOOK_ID_on_unlink,
    HOOK_ID_on_rmdir,
    HOOK_ID_on_rename,
    HOOK_ID_on_link,
    HOOK_ID_on_symlink,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct filename {
    const char *name;
};

struct open_flags {
    int open_flag;
    int lookup_flags;
};

struct io_ring_ctx {
    unsigned int flags;
};

struct io_uring_task {
    struct task_struct *task; /* since 6.13 */
};

struct io_kiocb {
    struct file *file;
    struct io_ring_ctx *ctx;
    struct task_struct *task;
    __u8 opcode;
};

struct io_kiocb___tctx {
    struct io_uring_task *tctx;
};

struct task_struct___flags {
    unsigned int flags;
};
#pragma clang attribute pop

static __always_inline bool is_error(long result)
{
    return result < 0 && result >= ERROR_LEAST;
}

/* ---- open ---- */

#define FMODE_EXEC_ 0x20
/* io_uring tries without waiting, and then again. */
#define LOOKUP_CACHED_ 0x200000
#define EAGAIN_        (-11)

static __always_inline int tell_opened(struct file *file)
{
    __u64 rules = host_rules_for(GRAIN_HOST_OP_OPEN);
    struct host_access *access = host_access_begin(GRAIN_HOST_OP_OPEN, HOOK_WAY, rules);

    return access ? host_file_tell(access, file) : 0;
}

static __always_inline int on_open(__u64 directory, __u64 name, __u64 how, __u64 unused,
                                   long result)
{
    int flags = HOST_READ((struct open_flags *)how, open_flag);

    (void)unused;
    if (flags & FMODE_EXEC_)
        return 0;
    if (!is_error(result))
        return tell_opened((struct file *)result);
    if (result == EAGAIN_ && HOST_READ((struct open_flags *)how, lookup_flags) & LOOKUP_CACHED_)
        return 0;
    return fn_failed_tell(GRAIN_HOST_OP_OPEN, HOOK_WAY, (int)directory,
                          HOST_READ((struct filename *)name, name), flags, result);
}

static __always_inline int on_open_root(__u64 a, __u64 b, __u64 c, __u64 d, long result)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return is_error(result) ? 0 : tell_opened((struct file *)result);
}

HOOK_EXIT(open_path, "do_filp_open", on_open, 0, 1, 2, 0, 3)
HOOK_EXIT(open_root, "do_file_open_root", on_open_root, 0, 0, 0, 0, 3)
HOOK_EXIT(open_root_4, "do_file_open_root", on_open_root, 0, 0, 0, 0, 4)

/* ---- read and write ---- */

static __always_inline int tell_moved(struct file *file, __u8 operation, long result,
                                      struct task_struct *task)
{
    struct host_access *access;

    if (result <= 0)
        return 0;
    access = host_access_begin(operation, HOOK_WAY, host_rules_for(operation));
    if (!access)
        return 0;
    access->bytes = result;
    access->task = (__u64)task;
    return host_file_tell(access, file);
}

#define MOVED(body, operation)                                                          \
    static __always_inline int body(__u64 file, __u64 b, __u64 c, __u64 d, long result) \
    {                                                                                   \
        (void)b;                                                                        \
        (void)c;                                                                        \
        (void)d;                                                                        \
        return tell_moved((struct file *)file, operation, result, host_task_current()); \
    }

MOVED(on_read, GRAIN_HOST_OP_READ)
MOVED(on_write, GRAIN_HOST_OP_WRITE)
MOVED(on_readv, GRAIN_HOST_OP_READ)
MOVED(on_writev, GRAIN_HOST_OP_WRITE)

HOOK_EXIT(read, "vfs_read", on_read, 0, 0, 0, 0, 4)
HOOK_EXIT(write, "vfs_write", on_write, 0, 0, 0, 0, 4)
HOOK_EXIT(readv, "vfs_readv", on_readv, 0, 0, 0, 0, 5)
HOOK_EXIT(writev, "vfs_writev", on_writev, 0, 0, 0, 0, 5)

/* From one file to another, either of which may be none of a file system. */
static __always_inline int tell_between(__u64 from, __u64 to, long result)
{
    tell_moved((struct file *)from, GRAIN_HOST_OP_READ, result, host_task_current());
    return tell_moved((struct file *)to, GRAIN_HOST_OP_WRITE, result, host_task_current());
}

static __always_inline int on_splice(__u64 from, __u64 to, __u64 c, __u64 d, long result)
{
    (void)c;
    (void)d;
    return tell_between(from, to, result);
}

static __always_inline int on_copy(__u64 from, __u64 to, __u64 c, __u64 d, long result)
{
    (void)c;
    (void)d;
    return tell_between(from, to, result);
}

/* Of sendfile(), unless one of the others called it. */
static __always_inline int on_splice_direct(__u64 from, __u64 to, __u64 c, __u64 d, long result)
{
    (void)c;
    (void)d;
    return hook_inside(HOOK_ID_on_copy) ? 0 : tell_between(from, to, result);
}

static __always_inline int on_splice_to_pipe(__u64 from, __u64 b, __u64 c, __u64 d, long result)
{
    (void)b;
    (void)c;
    (void)d;
    if (hook_inside(HOOK_ID_on_splice))
        return 0;
    return tell_moved((struct file *)from, GRAIN_HOST_OP_READ, result, host_task_current());
}

HOOK_AROUND(splice, "do_splice", on_splice, 0, 2, 0, 0, 6)
HOOK_AROUND(copy, "vfs_copy_file_range", on_copy, 0, 2, 0, 0, 6)
HOOK_EXIT(splice_direct, "do_splice_direct", on_splice_direct, 0, 2, 0, 0, 6)
HOOK_EXIT(splice_to_pipe, "splice_file_to_pipe", on_splice_to_pipe, 0, 0, 0, 0, 5)

/* ---- io_uring ---- */

#define IORING_SETUP_IOPOLL_ 1

/* A request ends where it likes: in a thread of its process, a worker, or an interrupt. */
static __always_inline struct task_struct *uring_task(struct io_kiocb *request)
{
    struct io_kiocb___tctx *newer = (void *)request;

    if (bpf_core_field_exists(request->task))
        return HOST_READ(request, task);
    return HOST_READ(newer, tctx, task);
}

static __always_inline int tell_uring(struct io_kiocb *request, long result)
{
    struct file *file = HOST_READ(request, file);
    __u8 operation = GRAIN_HOST_OP_READ;

    switch (HOST_READ(request, opcode)) {
    case 1:  /* readv */
    case 4:  /* read_fixed */
    case 22: /* read */
    case 49: /* read_multishot */
        break;
    case 2:  /* writev */
    case 5:  /* write_fixed */
    case 23: /* write */
        operation = GRAIN_HOST_OP_WRITE;
        break;
    default:
        return 0;
    }
    return tell_moved(file, operation, result, uring_task(request));
}

/* It is done at once. The request begins with what this function takes. */
static __always_inline int on_uring_done(__u64 request, __u64 result, __u64 unused)
{
    (void)unused;
    if (HOST_READ((struct io_kiocb *)request, ctx, flags) & IORING_SETUP_IOPOLL_)
        return 0; /* and ends as the others do */
    return tell_uring((struct io_kiocb *)request, (long)result);
}

static __always_inline int on_uring_later(__u64 request, __u64 result, __u64 unused)
{
    (void)unused;
    return tell_uring((struct io_kiocb *)request, (long)result);
}

HOOK_ENTRY(uring_done, "kiocb_done", on_uring_done, 0, 1, 0)
HOOK_ENTRY(uring_later, "io_complete_rw", on_uring_later, 0, 1, 0)
HOOK_ENTRY(uring_polled, "io_complete_rw_iopoll", on_uring_later, 0, 1, 0)

/* ---- mmap, truncate, chmod, chown ---- */

static __always_inline int on_mmap(__u64 file, __u64 length, __u64 protection, __u64 unused,
                                   long result)
{
    struct host_access *access;

    (void)unused;
    /* The kernel maps a program that it executes: that is told as what it is. */
    if (!file || is_error(result) || hook_inside(HOOK_ID_on_exec))
        return 0;
    access = host_access_begin(GRAIN_HOST_OP_MMAP, HOOK_WAY, host_rules_for(GRAIN_HOST_OP_MMAP));
    if (!access)
        return 0;
    access->bytes = length;
    access->mode = protection;
    return host_file_tell(access, (struct file *)file);
}

static __always_inline int on_truncate(__u64 path, __u64 length, __u64 c, __u64 d, long result)
{
    struct host_access *access = fn_begin(GRAIN_HOST_OP_TRUNCATE, HOOK_WAY, (int)result);

    (void)c;
    (void)d;
    if (!access)
        return 0;
    access->bytes = length;
    return host_path_tell(access, (struct path *)path);
}

#define ATTR_OPEN_ (1u << 15)

/* By a descriptor: by a path it is above, and what open() does is a flag of that. */
static __always_inline int on_ftruncate(__u64 file, __u64 length, __u64 how, __u64 unused,
                                        long result)
{
    struct host_access *access;

    (void)unused;
    if (!file || how & ATTR_OPEN_)
        return 0;
    access = fn_begin(GRAIN_HOST_OP_TRUNCATE, HOOK_WAY, (int)result);
    if (!access)
        return 0;
    access->bytes = length;
    return host_file_tell(access, (struct file *)file);
}

static __always_inline int on_chmod(__u64 path, __u64 mode, __u64 c, __u64 d, long result)
{
    struct host_access *access = fn_begin(GRAIN_HOST_OP_CHMOD, HOOK_WAY, (int)result);

    (void)c;
    (void)d;
    if (!access)
        return 0;
    access->mode = mode & 07777;
    return host_path_tell(access, (struct path *)path);
}

static __always_inline int on_chown(__u64 path, __u64 owner, __u64 group, __u64 unused, long result)
{
    struct host_access *access = fn_begin(GRAIN_HOST_OP_CHOWN, HOOK_WAY, (int)result);

    (void)unused;
    if (!access)
        return 0;
    access->owner = owner;
    access->group = group;
    return host_path_tell(access, (struct path *)path);
}

HOOK_EXIT(mmap, "vm_mmap_pgoff", on_mmap, 0, 2, 3, 0, 6)
HOOK_EXIT(truncate, "vfs_truncate", on_truncate, 0, 1, 0, 0, 2)
HOOK_EXIT(ftruncate, "do_truncate", on_ftruncate, 3, 1, 2, 0, 4)
HOOK_EXIT(ftruncate_5, "do_truncate", on_ftruncate, 4, 2, 3, 0, 5)
HOOK_EXIT(chmod, "chmod_common", on_chmod, 0, 1, 0, 0, 2)
HOOK_EXIT(chown, "chown_common", on_chown, 0, 1, 2, 0, 3)

/* ---- exec ---- */

/* The first and the last of the files that are tried: a script, and what interprets it. */
static __always_inline int on_exec_check(__u64 program, __u64 b, __u64 c)
{
    struct hook_kept *kept = hook_inside(HOOK_ID_on_exec);

    (void)b;
    (void)c;
    if (!kept)
        return 0;
    kept->argument[2] = (__u64)HOST_READ((struct linux_binprm *)program, file);
    if (kept->argument[1] == kept->argument[0])
        kept->argument[1] = kept->argument[2];
    return 0;
}

/* `none`, the program's description, stands for a file that was never tried. */
static __always_inline int on_exec(__u64 none, __u64 first, __u64 last, __u64 unused, long result)
{
    struct host_access *access;

    (void)unused;
    if (first == none)
        return 0;
    access = fn_begin(GRAIN_HOST_OP_EXEC, HOOK_WAY, (int)result);
    if (access)
        host_file_tell(access, (struct file *)first);
    if (result || first == last)
        return 0;
    access = fn_begin(GRAIN_HOST_OP_EXEC, HOOK_WAY, 0);
    return access ? host_file_tell(access, (struct file *)last) : 0;
}

static __always_inline int on_exec_open(__u64 directory, __u64 name, __u64 c, __u64 d, long result)
{
    (void)c;
    (void)d;
    if (!is_error(result))
        return 0;
    return fn_failed_tell(GRAIN_HOST_OP_EXEC, HOOK_WAY, (int)directory,
                          HOST_READ((struct filename *)name, name), 0, result);
}

HOOK_AROUND(exec, "bprm_execve", on_exec, 0, 0, 0, 0, 1)
HOOK_AROUND(exec_4, "bprm_execve", on_exec, 0, 0, 0, 0, 4)
HOOK_ENTRY(exec_check, "security_bprm_check", on_exec_check, 0, 0, 0)
HOOK_EXIT(exec_open, "do_open_execat", on_exec_open, 0, 1, 0, 0, 3)

/* ---- names ---- */

/* The call begins: what an earlier one of this thread left is void. */
#define NAMES(body, operation)                                                       \
    static __always_inline int body(__u64 a, __u64 b, __u64 c, __u64 d, long result) \
    {                                                                                \
        (void)a;                                                                     \
        (void)b;                                                                     \
        (void)c;                                                                     \
        (void)d;                                                                     \
        return fn_names_tell(operation, HOOK_WAY, (int)result);                      \
    }

NAMES(on_unlink, GRAIN_HOST_OP_UNLINK)
NAMES(on_rmdir, GRAIN_HOST_OP_UNLINK)
NAMES(on_rename, GRAIN_HOST_OP_RENAME)
NAMES(on_link, GRAIN_HOST_OP_LINK)
NAMES(on_symlink, GRAIN_HOST_OP_SYMLINK)

HOOK_EXIT(unlink, "do_unlinkat", on_unlink, 0, 0, 0, 0, 2)
HOOK_EXIT(rmdir, "do_rmdir", on_rmdir, 0, 0, 0, 0, 2)
HOOK_EXIT(rename, "do_renameat2", on_rename, 0, 0, 0, 0, 5)
HOOK_EXIT(link, "do_linkat", on_link, 0, 0, 0, 0, 5)
HOOK_EXIT(symlink, "do_symlinkat", on_symlink, 0, 0, 0, 0, 3)

static __always_inline struct vfsmount *mount_of(__u64 directory)
{
    return HOST_READ((struct path *)directory, mnt);
}

static __always_inline int on_one_name(__u64 directory, __u64 entry, __u64 unused)
{
    (void)unused;
    return fn_names_keep(mount_of(directory), (struct dentry *)entry, NULL);
}

static __always_inline int on_link_names(__u64 old, __u64 directory, __u64 entry)
{
    return fn_names_keep(mount_of(directory), (struct dentry *)old, (struct dentry *)entry);
}

/* Both directories are on one mount: the kernel sees to it. */
static __always_inline int on_two_names(__u64 directory, __u64 old, __u64 entry)
{
    return fn_names_keep(mount_of(directory), (struct dentry *)old, (struct dentry *)entry);
}

static __always_inline int on_symlink_names(__u64 directory, __u64 entry, __u64 text)
{
    return fn_symlink_keep(mount_of(directory), (struct dentry *)entry, (const char *)text);
}

HOOK_ENTRY(unlink_names, "security_path_unlink", on_one_name, 0, 1, 0)
HOOK_ENTRY(rmdir_names, "security_path_rmdir", on_one_name, 0, 1, 0)
HOOK_ENTRY(symlink_names, "security_path_symlink", on_symlink_names, 0, 1, 2)
HOOK_ENTRY(link_names, "security_path_link", on_link_names, 0, 1, 2)
HOOK_ENTRY(rename_names, "security_path_rename", on_two_names, 0, 1, 3)

HOOK_RETURNED(returned)
HOOK_CASE(on_open)
HOOK_CASE(on_open_root)
HOOK_CASE(on_read)
HOOK_CASE(on_write)
HOOK_CASE(on_readv)
HOOK_CASE(on_writev)
HOOK_CASE(on_splice)
HOOK_CASE(on_splice_to_pipe)
HOOK_CASE(on_splice_direct)
HOOK_CASE(on_copy)
HOOK_CASE(on_mmap)
HOOK_CASE(on_truncate)
HOOK_CASE(on_ftruncate)
HOOK_CASE(on_chmod)
HOOK_CASE(on_chown)
HOOK_CASE(on_exec)
HOOK_CASE(on_exec_open)
HOOK_CASE(on_unlink)
HOOK_CASE(on_rmdir)
HOOK_CASE(on_rename)
HOOK_CASE(on_link)
HOOK_CASE(on_symlink)
HOOK_RETURNED_END

char LICENSE[] SEC("license") = "GPL";
