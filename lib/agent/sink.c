// SPDX-License-Identifier: GPL-2.0-only
#include "sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "../error_private.h"

#define RETRY_LEAST_NS 100000000ULL
#define RETRY_MOST_NS  30000000000ULL
/* How long a thread may need to end after it was interrupted. */
#define HANG_NS 1000000000ULL

struct grain_sink {
    char name[GRAIN_SINK_NAME_MAX];
    const struct grain_sink_type *type;
    void *state;
    struct grain_queue *queue;
    pthread_t thread;
    bool running;
    bool interrupted, hangs; /* in a delivery, after the time of the drain */
    uint64_t retry_least_ns, retry_most_ns;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool reopen;
    bool draining;
    uint64_t drain_until_ns;
    uint64_t failed_since_ns;
    char error[256];
};

struct grain_delivery {
    struct grain_sink *sink;
    struct grain_taken *taken;
    struct grain_item item;
    size_t offset;
    struct grain_mark mark;
    bool corrupt;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- a delivery ---- */

const struct grain_item *grain_delivery_next(struct grain_delivery *delivery)
{
    int found = grain_batch_next(delivery->taken->bytes, delivery->taken->length, &delivery->offset,
                                 &delivery->item);

    if (found <= 0) {
        delivery->corrupt = found < 0;
        return NULL;
    }
    delivery->mark.place++;
    return &delivery->item;
}

struct grain_mark grain_delivery_mark(const struct grain_delivery *delivery)
{
    return delivery->mark;
}

void grain_delivery_done_to(struct grain_delivery *delivery, struct grain_mark mark)
{
    grain_queue_progress(delivery->sink->queue, delivery->taken, mark.place, mark.skipped);
}

void grain_delivery_sending(struct grain_delivery *delivery, struct grain_mark mark)
{
    grain_queue_sending(delivery->sink->queue, mark.place);
}

void grain_delivery_done(struct grain_delivery *delivery)
{
    grain_delivery_done_to(delivery, delivery->mark);
}

void grain_delivery_skip(struct grain_delivery *delivery)
{
    delivery->mark.skipped++;
}

bool grain_delivery_stopping(const struct grain_delivery *delivery)
{
    struct grain_sink *sink = delivery->sink;
    bool stopping;

    pthread_mutex_lock(&sink->mutex);
    stopping = sink->draining && now_ns(CLOCK_MONOTONIC) >= sink->drain_until_ns;
    pthread_mutex_unlock(&sink->mutex);
    return stopping;
}

/* What was delivered before is passed over. */
static void pass_done(struct grain_delivery *delivery)
{
    while (delivery->mark.place < delivery->taken->done && grain_delivery_next(delivery))
        ;
}

/* ---- the thread ---- */

static void note(struct grain_sink *sink, int result)
{
    pthread_mutex_lock(&sink->mutex);
    if (!result) {
        sink->failed_since_ns = 0;
        sink->error[0] = 0;
    } else {
        if (!sink->failed_since_ns)
            sink->failed_since_ns = now_ns(CLOCK_REALTIME);
        (void)snprintf(sink->error, sizeof(sink->error), "%s", grain_error());
    }
    pthread_mutex_unlock(&sink->mutex);
}

/* From half of `wait` to all of it, so that agents that lost the same peer do not come back
 * together. */
static uint64_t jitter(uint64_t wait)
{
    uint32_t random = 0;

    (void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
    return wait / 2 + wait / 2 * random / UINT32_MAX;
}

/* False: no time is left. Draining, tries follow each other sooner. */
static bool wait_before_retry(struct grain_sink *sink, uint64_t *wait)
{
    uint64_t until = now_ns(CLOCK_MONOTONIC) + jitter(*wait);
    bool go_on = true;

    *wait = *wait * 2 < sink->retry_most_ns ? *wait * 2 : sink->retry_most_ns;
    pthread_mutex_lock(&sink->mutex);
    for (;;) {
        uint64_t now = now_ns(CLOCK_MONOTONIC), end = until;
        struct timespec at;

        if (sink->draining) {
            if (now >= sink->drain_until_ns) {
                go_on = false;
                break;
            }
            if (end > now + RETRY_LEAST_NS) {
                until = end = now + RETRY_LEAST_NS;
                *wait = sink->retry_least_ns;
            }
        }
        if (now >= end)
            break;
        at = (struct timespec){(time_t)(end / 1000000000), (long)(end % 1000000000)};
        (void)pthread_cond_timedwait(&sink->changed, &sink->mutex, &at);
    }
    pthread_mutex_unlock(&sink->mutex);
    return go_on;
}

/* One try. */
static int deliver(struct grain_sink *sink, struct grain_taken *taken)
{
    struct grain_delivery delivery = {.sink = sink, .taken = taken};
    int result;

    pass_done(&delivery);
    result = sink->type->send(sink->state, &delivery);
    if (delivery.corrupt) {
        grain_queue_finish(sink->queue, taken, true);
        return grain_fail(GRAIN_SINK_REFUSED, "a batch in the queue is not sound");
    }
    if (!result)
        grain_delivery_done(&delivery);
    if (result >= 0)
        grain_queue_finish(sink->queue, taken, result == GRAIN_SINK_REFUSED);
    return result;
}

static void reopen_if_asked(struct grain_sink *sink)
{
    bool reopen;

    pthread_mutex_lock(&sink->mutex);
    reopen = sink->reopen;
    sink->reopen = false;
    pthread_mutex_unlock(&sink->mutex);
    if (reopen && sink->type->reopen)
        sink->type->reopen(sink->state);
}

static bool is_draining(struct grain_sink *sink)
{
    bool draining;

    pthread_mutex_lock(&sink->mutex);
    draining = sink->draining;
    pthread_mutex_unlock(&sink->mutex);
    return draining;
}

/* True: nothing waits and nothing will come, or time is up. */
static bool drained(struct grain_sink *sink, bool empty)
{
    bool done;

    pthread_mutex_lock(&sink->mutex);
    done = sink->draining && (empty || now_ns(CLOCK_MONOTONIC) >= sink->drain_until_ns);
    pthread_mutex_unlock(&sink->mutex);
    return done;
}

/* False: time was up before it could be started. */
static bool start_type(struct grain_sink *sink, uint64_t *wait)
{
    int result = -1;

    while (sink->type->start && result) {
        result = sink->type->start(sink->state);
        note(sink, result);
        if (result && !wait_before_retry(sink, wait))
            return false;
    }
    *wait = sink->retry_least_ns;
    return true;
}

static void *run(void *user)
{
    struct grain_sink *sink = user;
    struct grain_taken taken = {0};
    uint64_t wait = sink->retry_least_ns;

    if (!start_type(sink, &wait))
        return NULL;
    (void)grain_queue_reserve(sink->queue, &taken);
    for (;;) {
        /* Asked before the queue is: one that was empty only until then may hold the last batch. */
        bool draining = is_draining(sink);
        uint64_t until = draining ? 0 : now_ns(CLOCK_MONOTONIC) + 1000000000;
        int result, found = grain_queue_take(sink->queue, &taken, until);

        reopen_if_asked(sink);
        if (found < 0)
            (void)wait_before_retry(sink, &wait);
        if (drained(sink, draining && !found))
            break;
        if (found <= 0)
            continue;
        result = deliver(sink, &taken);
        note(sink, result);
        if (result >= 0) {
            wait = sink->retry_least_ns;
        } else {
            (void)grain_queue_retry(sink->queue, &taken);
            if (!wait_before_retry(sink, &wait))
                break;
        }
    }
    free(taken.bytes);
    return NULL;
}

/* Signals are for the thread that waits for them. */
static int start(struct grain_sink *sink)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return grain_fail(-error, "sink %s: cannot start a thread: %s", sink->name,
                          strerror(error));
    sink->running = true;
    return 0;
}

/* ---- */

int grain_sink_new(struct grain_sink **out, const struct grain_sink_type *type, void *state,
                   const struct grain_sink_options *options)
{
    struct grain_sink *sink = calloc(1, sizeof(*sink));
    pthread_condattr_t clock;
    int error;

    if (!sink) {
        type->free(state);
        return grain_fail(-ENOMEM, "no memory");
    }
    (void)snprintf(sink->name, sizeof(sink->name), "%s", options->name);
    sink->type = type;
    sink->state = state;
    sink->retry_least_ns = options->retry_least_ns ? options->retry_least_ns : RETRY_LEAST_NS;
    sink->retry_most_ns = options->retry_most_ns ? options->retry_most_ns : RETRY_MOST_NS;
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&sink->changed, &clock);
    pthread_condattr_destroy(&clock);
    error = grain_queue_open(&sink->queue, &options->queue);
    if (!error)
        error = start(sink);
    if (error)
        (void)grain_sink_free(sink, NULL);
    else
        *out = sink;
    return error;
}

int grain_sink_put(struct grain_sink *sink, uint64_t sequence, const struct grain_batch *batch)
{
    return grain_queue_put(sink->queue, sequence, batch);
}

void grain_sink_counts(struct grain_sink *sink, struct grain_sink_counts *out)
{
    grain_queue_counts(sink->queue, &out->queue);
    pthread_mutex_lock(&sink->mutex);
    out->failed_since_ns = sink->failed_since_ns;
    memcpy(out->error, sink->error, sizeof(out->error));
    pthread_mutex_unlock(&sink->mutex);
}

const char *grain_sink_name(const struct grain_sink *sink)
{
    return sink->name;
}

uint64_t grain_sink_sequence(struct grain_sink *sink)
{
    return grain_queue_sequence(sink->queue);
}

void grain_sink_reopen(struct grain_sink *sink)
{
    pthread_mutex_lock(&sink->mutex);
    sink->reopen = true;
    pthread_mutex_unlock(&sink->mutex);
    grain_queue_wake(sink->queue);
}

void grain_sink_drain(struct grain_sink *sink, uint64_t until_ns)
{
    pthread_mutex_lock(&sink->mutex);
    sink->draining = true;
    sink->drain_until_ns = until_ns;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    grain_queue_wake(sink->queue);
}

bool grain_sink_ended(struct grain_sink *sink)
{
    uint64_t now = now_ns(CLOCK_MONOTONIC), until;

    if (sink->running && !pthread_tryjoin_np(sink->thread, NULL))
        sink->running = false;
    if (!sink->running)
        return true;
    pthread_mutex_lock(&sink->mutex);
    until = sink->draining ? sink->drain_until_ns : UINT64_MAX;
    pthread_mutex_unlock(&sink->mutex);
    if (now < until)
        return false;
    if (!sink->interrupted && sink->type->interrupt)
        sink->type->interrupt(sink->state);
    sink->interrupted = true;
    sink->hangs = now - until >= HANG_NS;
    return sink->hangs;
}

static int join(struct grain_sink *sink)
{
    uint64_t now = now_ns(CLOCK_MONOTONIC), left;
    struct timespec until;

    pthread_mutex_lock(&sink->mutex);
    left = sink->drain_until_ns > now ? sink->drain_until_ns - now : 0;
    pthread_mutex_unlock(&sink->mutex);
    left += now_ns(CLOCK_REALTIME);
    until = (struct timespec){(time_t)(left / 1000000000), (long)(left % 1000000000)};
    if (!pthread_timedjoin_np(sink->thread, NULL, &until))
        return 0;
    if (sink->type->interrupt)
        sink->type->interrupt(sink->state);
    left += HANG_NS;
    until = (struct timespec){(time_t)(left / 1000000000), (long)(left % 1000000000)};
    return pthread_timedjoin_np(sink->thread, NULL, &until);
}

int grain_sink_replace(struct grain_sink *sink, const struct grain_sink_type *type, void *state)
{
    grain_sink_drain(sink, now_ns(CLOCK_MONOTONIC));
    if (join(sink)) {
        pthread_mutex_lock(&sink->mutex);
        sink->draining = false;
        pthread_mutex_unlock(&sink->mutex);
        return grain_fail(-ETIMEDOUT, "sink %s: hangs in a delivery, and stays as it was",
                          sink->name);
    }
    sink->running = false;
    sink->type->free(sink->state);
    sink->type = type;
    sink->state = state;
    sink->draining = false;
    sink->error[0] = 0;
    sink->failed_since_ns = 0;
    return start(sink);
}

int grain_sink_free(struct grain_sink *sink, uint64_t *left)
{
    struct grain_queue_counts counts = {0};
    bool hangs = false;

    if (left)
        *left = 0;
    if (!sink)
        return 0;
    if (sink->running) {
        pthread_mutex_lock(&sink->mutex);
        sink->draining = true;
        pthread_mutex_unlock(&sink->mutex);
        grain_queue_wake(sink->queue);
        hangs = sink->hangs || join(sink);
    }
    if (sink->queue)
        grain_queue_counts(sink->queue, &counts);
    if (left)
        *left = counts.waiting;
    if (hangs)
        return grain_fail(-ETIMEDOUT, "sink %s: hangs in a delivery and was left behind",
                          sink->name);
    grain_queue_free(sink->queue);
    sink->type->free(sink->state);
    pthread_cond_destroy(&sink->changed);
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
    return 0;
}
