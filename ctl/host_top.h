/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes do most, by host probes that last as long as the command. */
#ifndef GRAIN_CTL_HOST_TOP_H
#define GRAIN_CTL_HOST_TOP_H

#include <stdbool.h>
#include <stdint.h>

enum host_view {
    HOST_PROCESSES,   /* bytes and messages by process */
    HOST_CONNECTIONS, /* the same by process and remote address */
    HOST_FILES,       /* operations on watched files, by process and path */
    HOST_SYSCALLS,    /* system calls by process and call */
    HOST_VIEW_COUNT
};

struct host_top_settings {
    enum host_view view;
    uint64_t rows;     /* 0: all */
    uint64_t interval; /* nanoseconds */
    bool once, json;
};

const char *host_view_name(enum host_view view);

/* Runs until it has printed once, or is asked to end; an exit code. */
int host_top_run(const struct host_top_settings *settings);

#endif
