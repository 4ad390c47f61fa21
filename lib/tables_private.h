/* SPDX-License-Identifier: GPL-2.0-only */
/* The name tables, wherever they are. */
#ifndef GRAIN_LIB_TABLES_PRIVATE_H
#define GRAIN_LIB_TABLES_PRIVATE_H

#include "engine_private.h"

struct grain_tables {
    /* Append every count slot of every CPU that is not empty. */
    int (*slots)(void *user, struct grain_slot_list *out);
    int (*texts)(void *user, uint32_t index, struct grain_text_bucket *out);
    void *user;
    uint32_t text_mask;
    const struct grain_hash_key *key;
};

/* Every name once, the slots of all CPUs added up, in no order; those that are `wanted` (NULL:
 * all).
 */
int grain_tables_names(const struct grain_tables *tables,
                       bool (*wanted)(void *user, const struct grain_name_slot *slot),
                       grain_name_fn fn, void *user);

/* What stands in the tables, by kind, and the texts that do not belong to their names, into
 * `counts`. */
int grain_tables_count(const struct grain_tables *tables, struct grain_engine_counts *counts);

#endif
