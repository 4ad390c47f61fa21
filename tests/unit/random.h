/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers for tests: xorshift64*, the same sequence for the same seed everywhere. */
#ifndef GRAIN_TESTS_RANDOM_H
#define GRAIN_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state; /* not 0 */
};

static inline uint64_t random_next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dULL;
}

/* 0 .. limit - 1; limit is not 0. The upper bits are the better ones. */
static inline uint32_t random_below(struct random *r, uint32_t limit)
{
    return (uint32_t)((random_next(r) >> 32) * limit >> 32);
}

static inline void random_fill(struct random *r, uint8_t *to, size_t length)
{
    uint64_t word = 0;

    for (size_t i = 0; i < length; i++, word >>= 8) {
        if ((i & 7) == 0)
            word = random_next(r);
        to[i] = (uint8_t)word;
    }
}

/* Change one to four bytes: set, flip a bit, or count up or down. */
static inline void random_mutate(struct random *r, uint8_t *bytes, size_t length)
{
    uint32_t changes = 1 + random_below(r, 4);

    while (length && changes--) {
        uint8_t *at = bytes + random_below(r, (uint32_t)length);

        switch (random_below(r, 4)) {
        case 0:
            *at = (uint8_t)random_next(r);
            break;
        case 1:
            *at ^= (uint8_t)(1u << random_below(r, 8));
            break;
        case 2:
            ++*at;
            break;
        default:
            --*at;
        }
    }
}

#endif
