/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is who: processes by pid and start time, from the records of the host probes and from /proc,
 * kept for a while after they have ended.
 *
 * The table is bounded, in processes and in bytes of texts: those that ended first go first, then
 * those that did nothing for longest; what went before its time is counted. Texts are bytes as
 * processes chose them; "" is not known. An object belongs to one thread.
 */
#ifndef GRAIN_AGENT_PROCESSES_H
#define GRAIN_AGENT_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/host_record.h>

#include "container.h"

/* Where texts are from, beside the comm, which the kernel tells with every record. */
enum grain_process_source {
    GRAIN_PROCESS_COMM_ONLY, /* it had ended before anyone could look */
    GRAIN_PROCESS_PARENT,    /* forked and never executed anything: its parent's */
    GRAIN_PROCESS_PROC,      /* /proc */
    GRAIN_PROCESS_RECORD,    /* the kernel's own record of the exec */
};

struct grain_process {
    uint64_t start_ns; /* CLOCK_BOOTTIME; from /proc in steps of a hundredth of a second */
    uint64_t ended_ns; /* 0: not that we know */
    uint64_t cgroup_id;
    uint32_t pid, ppid, uid, gid;
    int32_t status; /* as of wait(2), once it has ended */
    enum grain_process_source source;
    char comm[GRAIN_HOST_COMM_MAX + 1];
    const char *exe;
    const char *arguments; /* each ends with NUL */
    size_t arguments_length;
    const char *cgroup;
    struct grain_container container;
};

struct grain_processes_options {
    size_t most;        /* processes; 0: 32,768 */
    size_t most_bytes;  /* of their texts; 0: 32 MiB */
    uint64_t linger_ns; /* how long one is kept after its end; 0: five minutes */
    const char *proc;   /* NULL: /proc; outlives the table */
};

struct grain_processes_counts {
    uint64_t processes, bytes; /* now */
    uint64_t by_source[GRAIN_PROCESS_RECORD + 1];
    uint64_t forgotten; /* made room while they ran, or before their time */
};

struct grain_processes;

/* 0 or -ENOMEM. `options` may be NULL. */
int grain_processes_new(struct grain_processes **out,
                        const struct grain_processes_options *options);
void grain_processes_free(struct grain_processes *processes); /* takes NULL */

/* All that run now, as /proc has them. 0 or -errno: /proc cannot be read. */
int grain_processes_scan(struct grain_processes *processes);

/* A record of type PROCESS or EXIT, checked; others are left alone. Pointers that were handed out
 * before are stale. 0 or -ENOMEM. */
int grain_processes_record(struct grain_processes *processes,
                           const struct grain_host_header *record);

/*
 * Who a record's task is. One that is not known is looked up in /proc as long as it runs, so this
 * is called when the record comes. NULL: no memory. Valid until the next call with `processes`.
 */
const struct grain_process *grain_processes_of(struct grain_processes *processes,
                                               const struct grain_host_task *task);

/* By pid and start; NULL: not known. Valid as above. */
const struct grain_process *grain_processes_find(const struct grain_processes *processes,
                                                 uint32_t pid, uint64_t start_ns);

/* Forget those that ended long enough before `now_ns`, CLOCK_BOOTTIME. */
void grain_processes_expire(struct grain_processes *processes, uint64_t now_ns);

void grain_processes_counts(const struct grain_processes *processes,
                            struct grain_processes_counts *out);

#endif
