// SPDX-License-Identifier: GPL-2.0-or-later
// Shared by the BPF programs and the programs that measure them.
#ifndef GRAIN_BENCH_CHAIN_CHAIN_H
#define GRAIN_BENCH_CHAIN_CHAIN_H

#include <linux/types.h>

#define CHAIN_STAGES 3
#define CHAIN_SLOTS  8

enum chain_disposition {
    CHAIN_OTHER,
    CHAIN_BULK,
    CHAIN_CANDIDATE,
    CHAIN_FIRST, // taken by stage 0; stage n follows
};

struct chain_totals {
    __u64 count[CHAIN_SLOTS];
};

#endif
