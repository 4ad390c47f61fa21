/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What gathers between two flushes: rows, folded, and what their numbers mean. A number of a
 * dictionary is, in here, the place of an item.
 */
#ifndef GRAIN_STORE_FOLDED_H
#define GRAIN_STORE_FOLDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kinds.h"

struct grain_folded_item {
    uint64_t hash;
    size_t offset; /* in bytes */
    uint32_t length;
    uint8_t dictionary;
    int64_t id; /* in the database, once that is known; 0 until then */
};

struct grain_folded_row {
    uint64_t hash;
    int64_t part; /* for the writer */
    uint8_t kind;
    int64_t values[GRAIN_STORE_COLUMNS_MAX];
};

/* Of an object; its name follows. */
struct grain_folded_object {
    uint64_t ino;
    uint64_t dev;
};

struct grain_folded_gap {
    uint64_t from_ns, to_ns, count;
    uint32_t gap;
    uint32_t what; /* an item; 0: none */
};
#define GRAIN_FOLDED_GAPS_MAX 64

struct grain_folded_index {
    uint32_t *slots; /* places, from 1 on; 0: free */
    size_t mask;
};

struct grain_folded {
    uint64_t seed;
    size_t max_rows, max_bytes;
    uint8_t *bytes;
    size_t byte_count, byte_room;
    struct grain_folded_item *items; /* [0] stands for nothing */
    size_t item_count, item_room;
    struct grain_folded_index item_index;
    struct grain_folded_row *rows;
    size_t row_count, row_room;
    struct grain_folded_index row_index;
    struct grain_folded_gap gaps[GRAIN_FOLDED_GAPS_MAX];
    size_t gap_count;
    uint64_t appended;          /* sum of counts in rows */
    uint64_t first_ns, last_ns; /* of rows */
};

#define GRAIN_FOLDED_FULL UINT32_MAX

int grain_folded_new(struct grain_folded **out, size_t max_rows, size_t max_bytes);
void grain_folded_free(struct grain_folded *batch); /* takes NULL */
/* Empty again. Memory that is hardly used goes back, half of it each time. */
void grain_folded_clear(struct grain_folded *batch);

/* The place of an item with these bytes; 0 for no bytes; GRAIN_FOLDED_FULL: no room. */
uint32_t grain_folded_item(struct grain_folded *batch, enum grain_store_dictionary dictionary,
                           const void *bytes, size_t length);
/* NULL of 0. */
const uint8_t *grain_folded_bytes(const struct grain_folded *batch, uint32_t item);

/* Of bytes, keyed with two secrets that stay for the life of the process. */
struct grain_folded_mark {
    uint64_t words[2];
};
struct grain_folded_mark grain_folded_mark(unsigned int dictionary, const void *bytes,
                                           size_t length);

/* 1: a row of its own; 0: part of one; -ENOBUFS: no room. */
int grain_folded_add(struct grain_folded *batch, enum grain_store_kind kind, const int64_t *values);

/* -ENOBUFS: no room. */
int grain_folded_gap(struct grain_folded *batch, const struct grain_folded_gap *gap);

#endif
