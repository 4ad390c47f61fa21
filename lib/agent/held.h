/* SPDX-License-Identifier: GPL-2.0-only */
/* What a histogram and a set hold until their interval ends, in bounded memory. */
#ifndef GRAIN_AGENT_HELD_H
#define GRAIN_AGENT_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAIN_BINS_MAX 1024

/*
 * Values side by side: a bin is 2 % wide, so the middle of what it holds is within 1 % of each.
 * While all values in a bin are the same, it is exact. Starts as zeros.
 */
struct grain_bin {
    int32_t place;
    bool same; /* all are `value` */
    uint64_t count;
    double value, sum;
};

struct grain_bins {
    struct grain_bin *list; /* by place */
    uint32_t count, room;
};

/*
 * `value`, finite, was observed `count` times. With GRAIN_BINS_MAX bins, or without `grow` and at
 * least one, it goes to the nearest bin. 1: a bin was begun; 0; -ENOMEM.
 */
int grain_bins_add(struct grain_bins *bins, double value, uint64_t count, bool grow);
/* What stands for the values of a bin. */
double grain_bin_value(const struct grain_bin *bin);
/* The value at the rank of this percentile: above 0, up to 100; there is a bin. */
double grain_bins_percentile(const struct grain_bins *bins, double percent);
uint64_t grain_bins_total(const struct grain_bins *bins, double *sum);
void grain_bins_free(struct grain_bins *bins);

/* Distinct texts. A balanced tree, which nobody who chooses them can make slow. Starts as zeros. */
struct grain_members {
    void *tree;
    size_t count;
};

/* 1: it is new; 0: it is there already; -ENOSPC: it is new and may not `grow`; -ENOMEM. */
int grain_members_add(struct grain_members *members, const char *text, bool grow);
/* In order; ends with the first value other than 0, and returns it. */
int grain_members_each(const struct grain_members *members, int (*fn)(void *user, const char *text),
                       void *user);
void grain_members_free(struct grain_members *members);

#endif
