/* SPDX-License-Identifier: GPL-2.0-only */
/* The sources of what is attached, and how they are called. */
#ifndef GRAIN_CTL_SOURCES_H
#define GRAIN_CTL_SOURCES_H

#include <grain/live.h>

/* Starts out as all zeros. */
struct sources {
    struct grain_live_source *list;
    size_t count;
    uint64_t read_ns; /* clock_now() */
};

/* Open what is attached; NULL: why not was said. */
struct grain_live *live_open(const char *root);

/* Read all sources anew, or those of one interface. 0 or -errno, which was said. */
int sources_read(struct sources *sources, struct grain_live *live, const char *interface);
void sources_free(struct sources *sources);

/* NULL: it was not there, or was attached anew since. */
const struct grain_live_source *sources_find(const struct sources *sources,
                                             const struct grain_live_source *like);

/* What was counted since `before`, which may be NULL. A packet moves from one disposition to
 * another: what is less than before is 0. */
void totals_since(struct grain_totals *out, const struct grain_totals *now,
                  const struct grain_totals *before);
void totals_add(struct grain_totals *to, const struct grain_totals *from);
uint64_t totals_packets(const struct grain_totals *totals);
uint64_t totals_bytes(const struct grain_totals *totals);

/* The interface's name, fit for a terminal; until the next call. */
const char *source_name(const struct grain_source *source);
const char *source_hook(const struct grain_source *source);      /* "xdp", "tc" */
const char *source_direction(const struct grain_source *source); /* "in", "out" */
const char *source_way(const struct grain_source *source);
const char *source_mode(const struct grain_source *source); /* "native", "skb"; "" for tc */

#endif
