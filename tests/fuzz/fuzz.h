/* SPDX-License-Identifier: GPL-2.0-only */
/* What the harnesses share. A check that fails is a crash, which is what a fuzzer looks for. */
#ifndef GRAIN_TESTS_FUZZ_H
#define GRAIN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <grain/hash_key.h>
#include "parse/window.h"

#define fuzz_check(condition) \
    do {                      \
        if (!(condition))     \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The kind changes with the input's length, so both are met. */
static inline struct grain_window fuzz_window(const uint8_t *data, size_t size)
{
    struct grain_window w = {.base = data, .end = data + size, .kind = size & 1};

    grain_window_limit(&w, (__u32)size);
    return w;
}

/* A key with no two words alike. */
static inline const struct grain_hash_key *fuzz_key(void)
{
    static union {
        struct grain_hash_key key;
        __u64 words[sizeof(struct grain_hash_key) / 8];
    } u;

    for (size_t i = 0; !u.key.finish && i < sizeof(u.words) / 8; i++)
        u.words[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
    return &u.key;
}

#endif
