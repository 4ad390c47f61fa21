/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The actor does each operation on files by each system call, and says what it did.
 *
 * A case has a directory of its own, made by another process, and a process of its own, so that
 * what a watcher saw of a case is what this process did in this directory. `did()` is called for
 * every operation that touches a file there, in order.
 */
#ifndef GRAIN_TESTS_HOST_ACTOR_H
#define GRAIN_TESTS_HOST_ACTOR_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define ACTOR_SIZE 1000 /* bytes in the file `f` of each case */

struct actor_case {
    const char *name;
    void (*act)(void);
    void (*prepare)(void); /* by the other process; NULL: nothing more */
};

extern const struct actor_case actor_open_cases[];
extern const struct actor_case actor_io_cases[];
extern const struct actor_case actor_name_cases[];
extern const struct actor_case actor_uring_cases[];

/* What was done to one file. `result` is as the kernel gave it: -errno, or what the call returns.
 */
struct actor_act {
    const char *call;
    const char *operation;
    long result;
    long bytes;
    const struct stat *stat; /* NULL: no file was reached */
    const char *path;        /* in the case's directory, or absolute */
    const char *path2;
    const char *part; /* of the case, when it does an operation twice; or NULL */
};

void did(const struct actor_act *act);

/* The same with a file descriptor, which must be open. */
void did_fd(const char *call, const char *operation, long result, long bytes, int fd,
            const char *path);

/* The case cannot be done on this kernel or machine: said, and the case ends. */
_Noreturn void cannot(const char *why);
/* Something beside the case itself failed: said, and the actor fails. */
_Noreturn void broken(const char *what);

/* In the case's directory; the result of one call lives until the fourth call after it. */
const char *in_case(const char *name);

/* An openat() that is told. */
int open_told(const char *name, int flags);

/* What a system call returned, -errno instead of -1. */
long result_of(long returned);

struct stat stat_of(const char *path);  /* follows symbolic links */
struct stat lstat_of(const char *path); /* does not */

#endif
