/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_AGENT_COLLECT_PRIVATE_H
#define GRAIN_AGENT_COLLECT_PRIVATE_H

#include <grain/limits.h>

#include "collect.h"
#include "told.h"

/* What was told of one source. */
struct collect_source {
    uint64_t netns;
    uint32_t ifindex;
    uint8_t hook, direction;
    uint8_t reserved[2];
    struct grain_totals totals;
};

/* Everything that was told, of maps that are known by `boot` and `maps`. */
struct collect_told {
    uint8_t boot[16]; /* the boot's id; zeros: not known */
    uint64_t maps;    /* id of the totals' map; 0: none were read */
    struct collect_source sources[GRAIN_SOURCE_SLOTS];
    uint64_t counters[GRAIN_COUNTER_MAX];
    uint64_t unattributed[GRAIN_NAME_KIND_MAX];
    uint64_t names[GRAIN_NAME_KIND_MAX]; /* by name, by kind */
    uint64_t other[GRAIN_NAME_KIND_MAX];
};

struct grain_collect {
    struct collect_told told;
    struct grain_told_table by_name;
    uint64_t reading;
    /* The walk under way. */
    struct grain_live *live;
    uint64_t now_ns;
    grain_item_fn fn;
    void *user;
};

/* The names' part of grain_collect_read; `skip`: take as told. */
int collect_names(struct grain_collect *collect, bool skip);

/* Hand an item over unless nothing was added. */
int collect_tell(struct grain_collect *collect, struct grain_item *item);

#endif
