/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Series: items that agree in kind, name, unit and tags, added up. For steps that hold items back.
 *
 * A balanced tree finds them, so that nobody who chooses tags can make it slow. Tags agree whatever
 * their order.
 */
#ifndef GRAIN_AGENT_SERIES_H
#define GRAIN_AGENT_SERIES_H

#include "item.h"

struct grain_series_table;

struct grain_series {
    struct grain_item item;        /* strings are the series' own */
    uint64_t count;                /* sum of `count` */
    double last, least, most, sum; /* of `number`; sum is weighted by `count` for histograms */
    void *extra;                   /* the caller's */
    uint64_t updated_ns;           /* time of the last item */
};

/* `most`: series there can be at once. */
int grain_series_new(struct grain_series_table **out, size_t most);
/* `release` takes `extra` of each; may be NULL. */
void grain_series_free(struct grain_series_table *table, void (*release)(void *extra));

/*
 * Add an item to its series, or begin one. NULL: there are too many, or no memory; *error (which
 * may be NULL) is then -ENOSPC or -ENOMEM.
 */
struct grain_series *grain_series_add(struct grain_series_table *table,
                                      const struct grain_item *item, int *error);

size_t grain_series_count(const struct grain_series_table *table);

/* All series, in the order of their names and tags; an array to be freed, which is valid until the
 * next change. NULL: none, or no memory (then grain_series_count is not 0). */
struct grain_series **grain_series_list(struct grain_series_table *table);

/* Empty the table. */
void grain_series_clear(struct grain_series_table *table, void (*release)(void *extra));

#endif
