// SPDX-License-Identifier: GPL-2.0-or-later
// What a dispatcher does after each entry.
#ifndef GRAIN_BENCH_CHAIN_LIKE_H
#define GRAIN_BENCH_CHAIN_LIKE_H

#include "stages.h"

const volatile __u32 chain_calls[4] = {1 << XDP_PASS, 1 << XDP_PASS, 1 << XDP_PASS, 1 << XDP_PASS};

// The dispatcher does not know what its entries return; without this, clang would.
static __always_inline int like_stops(int verdict, __u32 number)
{
    asm volatile("" : "+r"(verdict));
    return !((1U << (verdict & 31)) & chain_calls[number]);
}

#endif
