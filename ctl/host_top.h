/* SPDX-License-Identifier: GPL-2.0-only */
/* What processes do most, by host probes that last as long as the command. */
#ifndef GRAIN_CTL_HOST_TOP_H
#define GRAIN_CTL_HOST_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include <grain/host.h>

#include "host_rows.h"

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

struct host_top {
    const struct host_top_settings *settings;
    struct grain_host *host;
    struct host_rows gone; /* what is in no table of the kernel's, or not any more */
    struct host_rows rows, before;
    uint64_t unshown;          /* bytes or operations that found no room in `gone` */
    uint64_t read_ns, cost_ns; /* clock_now() of the last reading, and how long it took */
    uint64_t refreshed_ns;
    size_t merge_at; /* rows of `gone` at which they are brought together */
};

/* Take what has come as records. 0 or -errno; grain_error() says why. */
int host_top_take(struct host_top *top);
/* Read anew; rates are those since the last reading. The same. */
int host_top_read(struct host_top *top);

/* On the screen, until the user quits or the end is asked for. 0 or -errno, which was said. */
int host_screen(struct host_top *top);

const char *host_view_name(enum host_view view);

/* Runs until it has printed once, or is asked to end; an exit code. */
int host_top_run(const struct host_top_settings *settings);

#endif
