/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps: what items pass through on their way to the sinks. Each takes an item and hands on what it
 * makes of it, with grain_step_pass: nothing, the item, a changed one, or several.
 */
#ifndef GRAIN_AGENT_STEP_H
#define GRAIN_AGENT_STEP_H

#include "item.h"

struct grain_step;

struct grain_step_type {
    const char *name;
    /* 0 or -errno; what cannot be kept is counted by whoever hands it on. */
    int (*take)(struct grain_step *step, struct grain_item *item);
    /* A collection has ended: hand on what was held back for it. `end`: nothing comes any more,
     * everything goes. NULL: nothing is ever held back. */
    int (*flush)(struct grain_step *step, uint64_t now_ns, bool end);
    /* What is held back as items which, taken by a new step, make the same state: for the next
     * process, should this one be killed. NULL: nothing is held over a collection's end. */
    int (*save)(struct grain_step *step, struct grain_batch *out);
    void (*free)(struct grain_step *step);
};

/* At the beginning of each step's own structure. */
struct grain_step {
    const struct grain_step_type *type;
    struct grain_step *next; /* NULL: the pipeline's end takes it */
    int (*end)(void *user, struct grain_item *item);
    void *user;
    /* What went wrong while items passed all the same: how often, and the last of it as a line; it
     * may hold what came from outside, escaped. */
    uint64_t troubles, troubles_told;
    char trouble[256];
};

/* Note one trouble. */
void grain_step_trouble(struct grain_step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put a tag in; no room for it is a trouble. */
void grain_step_tag(struct grain_step *step, struct grain_item *item, const char *key,
                    const char *value);

static inline int grain_step_pass(struct grain_step *step, struct grain_item *item)
{
    return step->next ? step->next->type->take(step->next, item) : step->end(step->user, item);
}

#endif
