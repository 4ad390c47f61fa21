// SPDX-License-Identifier: GPL-2.0-only
/* Two batches: one is filled by whoever appends, the other written by the thread. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <error_private.h>

#include "store_private.h"

#define AGE_DEFAULT_NS (30ULL * 24 * 3600 * 1000000000)
#define BYTES_DEFAULT  (4ULL << 30)
#define BYTES_LEAST    (4ULL << 20)
#define ROWS_DEFAULT   131072
#define MEMORY_DEFAULT (64ULL << 20)

uint64_t grain_store_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* By the thread, with the lock held: what came of a batch. */
static void account(struct grain_store *store, const struct grain_folded *batch, int error,
                    uint64_t too_old)
{
    uint64_t *counters = store->counters;

    counters[GRAIN_STORE_COUNTER_ROWS] = store->history->rows;
    counters[GRAIN_STORE_COUNTER_REMOVED] = store->history->removed;
    counters[GRAIN_STORE_COUNTER_DAMAGED] = store->history->damaged;
    counters[GRAIN_STORE_COUNTER_BYTES] = store->bytes;
    store->error = error;
    if (!error) {
        counters[GRAIN_STORE_COUNTER_WRITTEN] += batch->appended - too_old;
        counters[GRAIN_STORE_COUNTER_LOST] += too_old;
        counters[GRAIN_STORE_COUNTER_TOO_OLD] += too_old;
        counters[GRAIN_STORE_COUNTER_COMMITS]++;
        store->trouble[0] = 0;
        return;
    }
    counters[GRAIN_STORE_COUNTER_ERRORS]++;
    counters[GRAIN_STORE_COUNTER_LOST] += batch->appended;
    (void)snprintf(store->trouble, sizeof(store->trouble), "%s", grain_error());
}

/* What went wrong first is what is told. */
static void renew(struct grain_store *store, uint64_t now_ns)
{
    char why[GRAIN_STORE_TROUBLE_MAX];

    (void)snprintf(why, sizeof(why), "%s", grain_error());
    (void)grain_history_renew(store->history, now_ns);
    (void)grain_fail(0, "%s", why);
}

/* What was in a batch that could not be written becomes a gap of the next one that can. */
static void note_unwritten(struct grain_store *store, const struct grain_folded *batch,
                           uint64_t now_ns)
{
    struct grain_folded_gap *gap = &store->unwritten;
    uint64_t from = batch->first_ns ? batch->first_ns : now_ns;
    uint64_t to = batch->last_ns ? batch->last_ns : now_ns;

    if (!gap->to_ns) {
        *gap = (struct grain_folded_gap){.from_ns = from, .gap = GRAIN_STORE_GAP_UNWRITTEN};
        (void)snprintf(store->unwritten_why, sizeof(store->unwritten_why), "%s", store->trouble);
    }
    gap->from_ns = from < gap->from_ns ? from : gap->from_ns;
    gap->to_ns = to > gap->to_ns ? to : gap->to_ns;
    gap->count += batch->appended;
    /* Gaps that it held are gaps still: as one. */
    for (size_t i = 0; i < batch->gap_count; i++) {
        gap->from_ns =
            batch->gaps[i].from_ns < gap->from_ns ? batch->gaps[i].from_ns : gap->from_ns;
        gap->to_ns = batch->gaps[i].to_ns > gap->to_ns ? batch->gaps[i].to_ns : gap->to_ns;
    }
}

/* A batch whose numbers may have been changed already is not tried again. */
static int write_batch(struct grain_store *store, struct grain_folded *batch, uint64_t now_ns)
{
    struct grain_history *history = store->history;
    int error = history->db ? 0 : grain_history_reopen(history, now_ns);

    if (!error)
        error = grain_history_write(history, batch, now_ns);
    if (error == -EUCLEAN)
        renew(store, now_ns);
    return error;
}

static void write_unwritten(struct grain_store *store, struct grain_folded *batch)
{
    if (!store->unwritten.to_ns)
        return;
    store->unwritten.what = grain_folded_item(batch, GRAIN_STORE_TEXT, store->unwritten_why,
                                              strlen(store->unwritten_why));
    if (store->unwritten.what == GRAIN_FOLDED_FULL)
        store->unwritten.what = 0;
    if (batch->gap_count == GRAIN_FOLDED_GAPS_MAX)
        batch->gap_count--;
    (void)grain_folded_gap(batch, &store->unwritten);
}

static void handle(struct grain_store *store, struct grain_folded *batch, uint64_t now_ns)
{
    uint64_t too_old = store->history->too_old;
    int error;

    write_unwritten(store, batch);
    error = write_batch(store, batch, now_ns);
    if (!error) {
        store->unwritten = (struct grain_folded_gap){0};
        /* The batch is written; what is too much leaves the next time. */
        if (grain_history_bound(store->history, now_ns) == -EUCLEAN)
            renew(store, now_ns);
    }
    store->bytes = grain_history_bytes(store->history);
    pthread_mutex_lock(&store->lock);
    account(store, batch, error, store->history->too_old - too_old);
    pthread_mutex_unlock(&store->lock);
    if (error)
        note_unwritten(store, batch, now_ns);
    grain_folded_clear(batch);
}

static void *work(void *user)
{
    struct grain_store *store = user;

    pthread_mutex_lock(&store->lock);
    for (;;) {
        while (!store->busy && !store->ending)
            pthread_cond_wait(&store->wake, &store->lock);
        if (!store->busy)
            break;
        pthread_mutex_unlock(&store->lock);
        handle(store, store->writing, store->now_ns);
        pthread_mutex_lock(&store->lock);
        store->busy = false;
        pthread_cond_broadcast(&store->done);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

static int start_thread(struct grain_store *store)
{
    sigset_t all, before;
    int error;

    /* Signals are the caller's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&store->thread, NULL, work, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    store->running = !error;
    return error ? grain_fail(-error, "the history's thread: %s", strerror(error)) : 0;
}

static void release(struct grain_store *store)
{
    grain_history_close(store->history);
    grain_folded_free(store->filling);
    grain_folded_free(store->writing);
    pthread_cond_destroy(&store->wake);
    pthread_cond_destroy(&store->done);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static struct grain_store_options defaults(const struct grain_store_options *given)
{
    struct grain_store_options options = {.size = sizeof(options)};

    if (given)
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    options.now_ns = options.now_ns ? options.now_ns : grain_store_now();
    options.max_age_ns = options.max_age_ns ? options.max_age_ns : AGE_DEFAULT_NS;
    options.max_bytes = options.max_bytes ? options.max_bytes : BYTES_DEFAULT;
    options.max_bytes = options.max_bytes < BYTES_LEAST ? BYTES_LEAST : options.max_bytes;
    options.max_rows = options.max_rows ? options.max_rows : ROWS_DEFAULT;
    options.max_memory = options.max_memory ? options.max_memory : MEMORY_DEFAULT;
    return options;
}

int grain_store_open(struct grain_store **out, const char *path,
                     const struct grain_store_options *given)
{
    struct grain_store_options options = defaults(given);
    struct grain_store *store = calloc(1, sizeof(*store));
    int error;

    if (!store)
        return grain_fail(-ENOMEM, "%s: no memory", path);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->wake, NULL);
    pthread_cond_init(&store->done, NULL);
    store->given_ns = given ? given->now_ns : 0;
    error = grain_history_open(&store->history, path, options.max_age_ns, options.max_bytes,
                               options.now_ns);
    if (!error && (grain_folded_new(&store->filling, options.max_rows, options.max_memory) ||
                   grain_folded_new(&store->writing, options.max_rows, options.max_memory)))
        error = grain_fail(-ENOMEM, "%s: no memory", path);
    if (!error) {
        store->counters[GRAIN_STORE_COUNTER_DAMAGED] = store->history->damaged;
        store->counters[GRAIN_STORE_COUNTER_BYTES] = grain_history_bytes(store->history);
        error = start_thread(store);
    }
    if (error) {
        release(store);
        return error;
    }
    *out = store;
    return 0;
}

/* With the lock held, and the thread idle. */
static void hand_over(struct grain_store *store, uint64_t now_ns)
{
    struct grain_folded *filled = store->filling;

    store->filling = store->writing;
    store->writing = filled;
    store->given_ns = now_ns;
    store->now_ns = now_ns ? now_ns : grain_store_now();
    store->busy = true;
    pthread_cond_signal(&store->wake);
}

void grain_store_flush(struct grain_store *store, uint64_t now_ns)
{
    pthread_mutex_lock(&store->lock);
    if (!store->busy)
        hand_over(store, now_ns);
    pthread_mutex_unlock(&store->lock);
}

int grain_store_sync(struct grain_store *store, uint64_t now_ns)
{
    int error;

    pthread_mutex_lock(&store->lock);
    while (store->busy)
        pthread_cond_wait(&store->done, &store->lock);
    hand_over(store, now_ns);
    while (store->busy)
        pthread_cond_wait(&store->done, &store->lock);
    error = store->error ? grain_fail(store->error, "%s", store->trouble) : 0;
    pthread_mutex_unlock(&store->lock);
    return error;
}

int grain_store_close(struct grain_store *store)
{
    int error;

    if (!store)
        return 0;
    error = grain_store_sync(store, store->given_ns);
    pthread_mutex_lock(&store->lock);
    store->ending = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    /* So that the next one knows since when nobody was there. */
    if (!error && store->history->db)
        (void)grain_history_meta(store->history, "last_ns", (int64_t)store->now_ns);
    release(store);
    return error;
}

void grain_store_counters(const struct grain_store *store, uint64_t *counters)
{
    struct grain_store *mutable = (struct grain_store *)store;

    pthread_mutex_lock(&mutable->lock);
    memcpy(counters, store->counters, sizeof(store->counters));
    pthread_mutex_unlock(&mutable->lock);
    counters[GRAIN_STORE_COUNTER_APPENDED] = store->appended;
    counters[GRAIN_STORE_COUNTER_FOLDED] = store->folded;
    counters[GRAIN_STORE_COUNTER_LOST] += store->refused;
}

const char *grain_store_trouble(const struct grain_store *store)
{
    struct grain_store *mutable = (struct grain_store *)store;

    pthread_mutex_lock(&mutable->lock);
    memcpy(mutable->told, store->trouble, sizeof(store->told));
    pthread_mutex_unlock(&mutable->lock);
    return store->told;
}

const char *grain_store_counter_name(unsigned int counter)
{
    static const char *const names[] = {
#define X(ID, loss, name) name,
        GRAIN_STORE_COUNTERS(X)
#undef X
    };

    return counter < GRAIN_STORE_COUNTER_COUNT ? names[counter] : NULL;
}

bool grain_store_counter_is_loss(unsigned int counter)
{
    static const bool losses[] = {
#define X(ID, loss, name) loss,
        GRAIN_STORE_COUNTERS(X)
#undef X
    };

    return counter < GRAIN_STORE_COUNTER_COUNT && losses[counter];
}

const char *grain_store_gap_name(unsigned int gap)
{
    static const char *const names[] = {
#define X(ID, name, text) name,
        GRAIN_STORE_GAPS(X)
#undef X
    };

    return gap < GRAIN_STORE_GAP_COUNT ? names[gap] : NULL;
}
