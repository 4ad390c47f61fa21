/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts by text. */
#ifndef GRAIN_CTL_TALLY_H
#define GRAIN_CTL_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally_entry {
    uint64_t count;
    char *text;
};

/* Starts out as all zeros. */
struct tally {
    void *root;
    size_t count; /* different texts */
};

void tally_add(struct tally *tally, const char *text);

/* Pointers to all entries, the largest count first, then by text; tally->count of them, to be
 * freed. */
const struct tally_entry **tally_sorted(const struct tally *tally);

void tally_free(struct tally *tally);

#endif
