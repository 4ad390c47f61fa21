/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The secret of the keyed hashes: one word of its own for every 8 bytes of a name, one for length,
 * kind and type together, and the words that flow addresses meet. Filled from getrandom(2), never
 * printed; whoever can read it can aim collisions.
 */
#ifndef GRAIN_HASH_KEY_H
#define GRAIN_HASH_KEY_H

#include <linux/types.h>

#define GRAIN_HASH_NAME_WORDS 32
#define GRAIN_HASH_FLOW_WORDS 8

struct grain_hash_key {
    __u64 name[GRAIN_HASH_NAME_WORDS];
    __u64 shape;
    __u64 finish;
    __u64 flow[GRAIN_HASH_FLOW_WORDS];
};

_Static_assert(sizeof(struct grain_hash_key) == 336, "ABI");

#endif
