/* SPDX-License-Identifier: GPL-2.0-only */
/* What was told of each name: a table by hash. */
#ifndef GRAIN_AGENT_TOLD_H
#define GRAIN_AGENT_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grain_told {
    uint64_t hash;    /* 0: empty */
    uint64_t told;    /* of what stood in the kernel's tables at the last reading */
    uint64_t reading; /* in which it was last seen there */
};

/* Starts as zeros. */
struct grain_told_table {
    struct grain_told *slots;
    size_t count, size;
    size_t reserved; /* names */
};

/* Bytes of a table with room for so many names. */
size_t grain_told_bytes(size_t names);

/* Room for so many names, which is taken at once and kept; false: no memory. It grows as needed,
 * and a sweep gives back what it took beyond. */
bool grain_told_reserve(struct grain_told_table *table, size_t names);

/* The name's place, made when it is not there; NULL: no memory. Valid until the next call. */
struct grain_told *grain_told_place(struct grain_told_table *table, uint64_t hash);

/* Keep those for which `keep`, which is asked once for each, says so. */
void grain_told_sweep(struct grain_told_table *table,
                      bool (*keep)(void *user, struct grain_told *one), void *user);

void grain_told_free(struct grain_told_table *table);

#endif
