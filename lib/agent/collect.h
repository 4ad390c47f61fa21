/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the kernel's cumulative counters to measurements: what has been added since the last time.
 *
 * What was told is remembered, so that the sum of all that was told equals the kernel's number,
 * whatever happens in between: an interface attached anew goes on, and a slot that another one took
 * starts at zero.
 * A packet that moves from a provisional disposition to its own between two readings is taken off
 * another disposition of the same source, so that their sum is right at every time.
 *
 * Names: the sum over all names and "(other)" equals the questions and hellos that were counted,
 * exactly. What is not told by name (no text, or its count left the tables unseen) is in "(other)".
 *
 * Objects belong to one thread. Functions return 0 or -errno unless they say otherwise;
 * grain_error() then says what and what to do.
 */
#ifndef GRAIN_AGENT_COLLECT_H
#define GRAIN_AGENT_COLLECT_H

#include <grain/live.h>

#include "measures.h"

#define GRAIN_OTHER "(other)"

/* Room for so many names is taken when the first maps are read, or for as many as these hold. Of
 * more, which machines with many CPUs may have, memory grows with them. */
#define GRAIN_COLLECT_NAMES (1U << 17)

struct grain_collect;

int grain_collect_new(struct grain_collect **out);
void grain_collect_free(struct grain_collect *collect); /* takes NULL */

/* A step's way to take an item; a value other than 0 ends the walk and is returned. */
typedef int (*grain_item_fn)(void *user, struct grain_item *item);

/*
 * Read the maps of `live` and hand over what was added. Bits of `groups` (1 << GRAIN_GROUP_TOTALS,
 * NAMES, LOSSES, TABLES) say what; a group that is left out is told the next time it is asked for.
 * Maps other than last time start at zero.
 */
int grain_collect_read(struct grain_collect *collect, struct grain_live *live, unsigned int groups,
                       uint64_t now_ns, grain_item_fn fn, void *user);

/* Take all that the maps hold now as told already. */
int grain_collect_skip(struct grain_collect *collect, struct grain_live *live);

/* What was told, as bytes for a file; *bytes is to be freed. */
int grain_collect_save(const struct grain_collect *collect, uint8_t **bytes, size_t *length);
/* -EBADMSG: they are not sound; nothing has changed then. */
int grain_collect_restore(struct grain_collect *collect, const uint8_t *bytes, size_t length);

#endif
