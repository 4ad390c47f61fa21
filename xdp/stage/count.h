/* SPDX-License-Identifier: GPL-2.0-only */
/* Totals and counters: every packet has one disposition at every instant; a stage that takes a
 * packet moves it to another. */
#ifndef GRAIN_STAGE_COUNT_H
#define GRAIN_STAGE_COUNT_H

#include <grain/cpu.h>
#include "../parse/window.h"

static __always_inline void grain_count(struct grain_cpu *cpu, enum grain_counter counter)
{
    cpu->counters[counter]++;
}

/* The same for a counter that is not a constant: the verifier must see its bound. */
static __always_inline void grain_count_variable(struct grain_cpu *cpu, __u64 counter)
{
    grain_opaque(counter);
    if (counter < GRAIN_COUNTER_MAX)
        cpu->counters[counter]++;
}

static __always_inline void grain_totals_add(struct grain_totals *totals, __u64 disposition,
                                             __u32 bytes)
{
    grain_opaque(disposition);
    if (disposition < GRAIN_DISPOSITION_MAX) {
        totals->packets[disposition]++;
        totals->bytes[disposition] += bytes;
    }
}

/* The packet in hand is something else than it was taken for. It is counted once, when the chain is
 * done with it. */
static __always_inline void grain_move(struct grain_cpu *cpu, __u8 to)
{
    cpu->packet.disposition = to;
}

/* A packet that carries several names has the disposition of the first; the others are counted as
 * extra. */
static __always_inline bool grain_disposition_named(__u32 disposition)
{
#define X(number, NAME, name, flags, doc) \
    (GRAIN_DISPOSITION_##flags == GRAIN_DISPOSITION_NAMED ? 1ULL << (number) : 0) |
    const __u64 named = GRAIN_DISPOSITIONS(X) 0;
#undef X
    return named >> (disposition & 63) & 1;
}

#endif
