/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_AGENT_PROCESSES_PRIVATE_H
#define GRAIN_AGENT_PROCESSES_PRIVATE_H

#include <sys/types.h>

#include "processes.h"

/* Texts, not necessarily with NUL. */
struct process_text {
    const char *bytes;
    size_t length;
};

/* What /proc says of a process. */
struct process_seen {
    uint64_t start_ns; /* rounded down */
    uint32_t ppid, uid, gid;
    char comm[GRAIN_HOST_COMM_MAX + 1];
    struct process_text exe, arguments, cgroup;
    struct grain_container container;
    char exe_room[GRAIN_HOST_PATH_MAX];
    char arguments_room[GRAIN_HOST_ARGUMENTS_MAX];
    char cgroup_room[16384]; /* all lines of all hierarchies */
};

#define PROCESS_TICK_NS 10000000ULL /* USER_HZ is 100 on every architecture that grain runs on */

/* False: there is no such process (any more). */
bool process_look(struct process_seen *out, const char *proc, uint32_t pid);

#endif
