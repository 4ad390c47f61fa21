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

struct grain_told_table {
    struct grain_told *slots;
    size_t count, size; /* size: 0 or a power of two */
};

/* The name's place, made when it is not there; NULL: no memory. Valid until the next call. */
struct grain_told *grain_told_place(struct grain_told_table *table, uint64_t hash);

/* Keep those for which `keep` says so. */
void grain_told_sweep(struct grain_told_table *table,
                      bool (*keep)(void *user, struct grain_told *one), void *user);

void grain_told_free(struct grain_told_table *table);

#endif
