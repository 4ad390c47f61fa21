/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_EVENTS_PRIVATE_H
#define GRAIN_LIB_EVENTS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

/* The sequence numbers of one CPU. Starts out as all zeros. */
struct grain_sequence {
    uint64_t next;
    bool started;
};

/* How many numbers are missing before this one. */
uint64_t grain_sequence_missing(struct grain_sequence *sequence, uint64_t number);

#endif
