/* SPDX-License-Identifier: GPL-2.0-only */
/* What grainctl status shows, once it is read. */
#ifndef GRAIN_CTL_STATUS_H
#define GRAIN_CTL_STATUS_H

#include <grain/live.h>
#include <grain/memory.h>

#include "sources.h"

struct status_source {
    struct grain_live_state state;
    struct grain_live_other *others;
    size_t others_count;
};

struct status {
    const char *directory;
    const struct grain_abi *abi;
    struct grain_config config; /* its key is secret */
    struct grain_clock clock;
    struct grain_engine_counts counts;
    struct grain_live_fill fill;
    struct grain_memory memory; /* by the formula */
    uint64_t memory_used;       /* by the kernel */
    struct sources sources;
    struct status_source *details; /* one for each source */
};

/* To standard output. 0 or -errno. */
int status_print_text(const struct status *status);
int status_print_json(const struct status *status);

#endif
