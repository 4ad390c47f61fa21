// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/random.h>

#include "engine_private.h"

/* splitmix64: spreads a seed over as many words as are wanted. Not for secrets. */
static uint64_t spread(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

int grain_hash_key_fill(struct grain_hash_key *key, uint64_t seed)
{
    uint64_t *words = (uint64_t *)key;
    ssize_t got;

    if (seed) {
        for (size_t i = 0; i < sizeof(*key) / sizeof(*words); i++)
            words[i] = spread(&seed);
        return 0;
    }
    got = getrandom(key, sizeof(*key), 0);
    if (got < 0)
        return -errno;
    return got == sizeof(*key) ? 0 : -EIO;
}
