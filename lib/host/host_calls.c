// SPDX-License-Identifier: GPL-2.0-only
/* The system calls that are about files. Numbers come from this build's architecture; those of
 * calls that its kernel has not are left out. */
#include <sys/syscall.h>

#include "host_private.h"

#define NONE HOST_ARGUMENT_NONE

/* Newer than the headers of some systems that this is built on; the numbers are the same on all. */
#define CALL_MOVE_MOUNT 429
#define CALL_OPENAT2    437
#define CALL_FCHMODAT2  452

static void put(struct host_call *calls, long number, struct host_call call)
{
    if (number >= 0 && number < HOST_CALLS_MAX) {
        call.compat = calls[number].compat;
        calls[number] = call;
    }
}

static struct host_call by_fd(enum grain_host_operation operation)
{
    return (struct host_call){.kind = HOST_CALL_FD,
                              .operation = operation,
                              .second = NONE,
                              .path = NONE,
                              .path2 = NONE,
                              .value = NONE,
                              .value2 = NONE};
}

static struct host_call by_path(enum grain_host_operation operation, uint8_t directory,
                                uint8_t path)
{
    struct host_call call = by_fd(operation);

    call.kind = HOST_CALL_PATH;
    call.first = directory;
    call.path = path;
    return call;
}

static struct host_call with(struct host_call call, uint8_t value, uint8_t value2)
{
    call.value = value;
    call.value2 = value2;
    return call;
}

static struct host_call and_path(struct host_call call, uint8_t directory, uint8_t path)
{
    call.second = directory;
    call.path2 = path;
    return call;
}

static struct host_call moving(struct host_call call)
{
    call.moves = 1;
    return call;
}

static struct host_call opening(uint8_t directory, uint8_t path, uint8_t flags, uint8_t pointer)
{
    struct host_call call = with(by_path(GRAIN_HOST_OP_OPEN, directory, path), flags, pointer);

    call.kind = HOST_CALL_OPEN;
    return call;
}

static struct host_call between(uint8_t from, uint8_t to)
{
    struct host_call call = by_fd(GRAIN_HOST_OP_READ);

    call.kind = HOST_CALL_TWO_FDS;
    call.first = from;
    call.second = to;
    return call;
}

static void put_opens(struct host_call *calls)
{
#ifdef __NR_open
    put(calls, __NR_open, opening(NONE, 0, 1, NONE));
    put(calls, __NR_creat, opening(NONE, 0, NONE, NONE));
#endif
    put(calls, __NR_openat, opening(0, 1, 2, NONE));
    put(calls, CALL_OPENAT2, opening(0, 1, 2, 2));
    put(calls, __NR_open_by_handle_at, opening(NONE, NONE, 2, NONE));
    put(calls, __NR_execve, by_path(GRAIN_HOST_OP_EXEC, NONE, 0));
    put(calls, __NR_execveat, by_path(GRAIN_HOST_OP_EXEC, 0, 1));
}

static void put_transfers(struct host_call *calls)
{
    static const int reads[] = {__NR_read, __NR_pread64, __NR_readv, __NR_preadv, __NR_preadv2};
    static const int writes[] = {__NR_write, __NR_pwrite64, __NR_writev, __NR_pwritev,
                                 __NR_pwritev2};
    struct host_call map = by_fd(GRAIN_HOST_OP_MMAP);

    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        put(calls, reads[i], by_fd(GRAIN_HOST_OP_READ));
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        put(calls, writes[i], by_fd(GRAIN_HOST_OP_WRITE));
    put(calls, __NR_sendfile, between(1, 0));
    put(calls, __NR_splice, between(0, 2));
    put(calls, __NR_copy_file_range, between(0, 2));
    map.kind = HOST_CALL_MMAP;
    map.first = 4;
    put(calls, __NR_mmap, map);
}

static void put_names(struct host_call *calls)
{
#ifdef __NR_rename
    put(calls, __NR_rename, moving(and_path(by_path(GRAIN_HOST_OP_RENAME, NONE, 0), NONE, 1)));
    put(calls, __NR_link, and_path(by_path(GRAIN_HOST_OP_LINK, NONE, 0), NONE, 1));
    put(calls, __NR_symlink, and_path(by_path(GRAIN_HOST_OP_SYMLINK, NONE, 0), NONE, 1));
    put(calls, __NR_unlink, by_path(GRAIN_HOST_OP_UNLINK, NONE, 0));
    put(calls, __NR_rmdir, moving(by_path(GRAIN_HOST_OP_UNLINK, NONE, 0)));
#endif
#ifdef __NR_renameat
    put(calls, __NR_renameat, moving(and_path(by_path(GRAIN_HOST_OP_RENAME, 0, 1), 2, 3)));
#endif
    put(calls, __NR_renameat2, moving(and_path(by_path(GRAIN_HOST_OP_RENAME, 0, 1), 2, 3)));
    put(calls, __NR_linkat, and_path(by_path(GRAIN_HOST_OP_LINK, 0, 1), 2, 3));
    put(calls, __NR_symlinkat, and_path(by_path(GRAIN_HOST_OP_SYMLINK, NONE, 0), 1, 2));
    put(calls, __NR_unlinkat, moving(by_path(GRAIN_HOST_OP_UNLINK, 0, 1)));
}

static void put_changes(struct host_call *calls)
{
    put(calls, __NR_truncate, with(by_path(GRAIN_HOST_OP_TRUNCATE, NONE, 0), 1, NONE));
    put(calls, __NR_ftruncate, with(by_fd(GRAIN_HOST_OP_TRUNCATE), 1, NONE));
#ifdef __NR_chmod
    put(calls, __NR_chmod, with(by_path(GRAIN_HOST_OP_CHMOD, NONE, 0), 1, NONE));
    put(calls, __NR_chown, with(by_path(GRAIN_HOST_OP_CHOWN, NONE, 0), 1, 2));
    put(calls, __NR_lchown, with(by_path(GRAIN_HOST_OP_CHOWN, NONE, 0), 1, 2));
#endif
    put(calls, __NR_fchmod, with(by_fd(GRAIN_HOST_OP_CHMOD), 1, NONE));
    put(calls, __NR_fchmodat, with(by_path(GRAIN_HOST_OP_CHMOD, 0, 1), 2, NONE));
    put(calls, CALL_FCHMODAT2, with(by_path(GRAIN_HOST_OP_CHMOD, 0, 1), 2, NONE));
    put(calls, __NR_fchown, with(by_fd(GRAIN_HOST_OP_CHOWN), 1, 2));
    put(calls, __NR_fchownat, with(by_path(GRAIN_HOST_OP_CHOWN, 0, 1), 2, 3));
}

static void put_mounts(struct host_call *calls)
{
    static const int numbers[] = {__NR_mount, __NR_umount2, __NR_pivot_root, CALL_MOVE_MOUNT};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        put(calls, numbers[i], (struct host_call){.moves = 1});
}

/* Of 32-bit programs: open, openat and what changes names or contents. They are only counted. */
static void put_compat(struct host_call *calls)
{
#if defined(__x86_64__)
    static const int numbers[] = {5, 8, 9, 10, 11, 15, 38, 92, 182, 295, 301, 302, 353, 437};
#else
    static const int numbers[] = {5, 8, 9, 10, 11, 15, 38, 92, 182, 322, 328, 329, 382, 437};
#endif

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        calls[numbers[i]].compat = 1;
}

void grain_host_calls(struct host_call *calls)
{
    put_compat(calls);
    put_opens(calls);
    put_transfers(calls);
    put_names(calls);
    put_changes(calls);
    put_mounts(calls);
}
