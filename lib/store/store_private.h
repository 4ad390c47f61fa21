/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_STORE_STORE_PRIVATE_H
#define GRAIN_STORE_STORE_PRIVATE_H

#include <pthread.h>

#include "folded.h"
#include "history.h"
#include "store.h"

#define GRAIN_STORE_TROUBLE_MAX 320

struct grain_store {
    /* Of whoever appends. */
    struct grain_folded *filling;
    uint64_t appended, folded, refused;
    /* Of the thread while it is busy. */
    struct grain_history *history;
    struct grain_folded *writing;
    struct grain_folded_gap unwritten; /* to_ns 0: none */
    char unwritten_why[GRAIN_STORE_TROUBLE_MAX];
    uint64_t bytes;
    uint64_t now_ns;
    uint64_t given_ns; /* by the last call; 0: the clock's */
    /* Of who holds the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    bool busy, ending;
    uint64_t counters[GRAIN_STORE_COUNTER_COUNT];
    int error; /* of the last write */
    char trouble[GRAIN_STORE_TROUBLE_MAX];
    char told[GRAIN_STORE_TROUBLE_MAX];
    pthread_t thread;
    bool running;
};

uint64_t grain_store_now(void);

#endif
