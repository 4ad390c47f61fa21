/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Payloads that are not DNS: random bytes, and the beginnings of other protocols with their fields
 * drawn at random within what the protocols allow.
 */
#ifndef GRAIN_TESTS_SHAPES_H
#define GRAIN_TESTS_SHAPES_H

#include <stddef.h>
#include <stdint.h>
#include "random.h"

#define SHAPE_MAX 1400

struct shape {
    const char *name;
    unsigned weight;                                /* how often among the others */
    uint32_t (*make)(struct random *r, uint8_t *p); /* the length; the bytes are random before */
};

/* Random bytes into `p`, at least SHAPE_MAX. The first 64 are new every time, the rest comes from a
 * pool. */
void shape_prepare(struct random *r, uint8_t *p);

extern const struct shape shapes[];
extern const size_t shape_count;

#endif
