/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sinks: where a pipeline ends. Each has a queue and a thread of its own, so one that is dead or
 * slow delays nobody else; what its queue cannot hold is counted.
 *
 * A type of sink says how a batch is delivered; when to try again, for how long, and what is lost
 * in between is the same for all of them and lies in sink.c.
 */
#ifndef GRAIN_AGENT_SINK_H
#define GRAIN_AGENT_SINK_H

#include "queue.h"

#define GRAIN_SINK_NAME_MAX 64

/* A batch under way, for a sink's `send`. */
struct grain_delivery;

/*
 * The next item that has not been delivered; valid until the delivery ends. NULL: there is none
 * left. What was gone through counts as delivered when `send` returns 0, or when
 * grain_delivery_done says so before.
 */
const struct grain_item *grain_delivery_next(struct grain_delivery *delivery);

/* All that grain_delivery_next has returned so far is with the peer: it is not sent again when the
 * rest fails, not even by another process after this one was killed. */
void grain_delivery_done(struct grain_delivery *delivery);

/* How far grain_delivery_next has come. */
struct grain_mark {
    uint32_t place, skipped;
};

struct grain_mark grain_delivery_mark(const struct grain_delivery *delivery);

/* Done up to a mark of this delivery; an earlier one than before takes back what was said: the peer
 * has not got it. */
void grain_delivery_done_to(struct grain_delivery *delivery, struct grain_mark mark);

/*
 * What lies before `mark` and is not done is about to be handed to the kernel in one call that
 * cannot be undone: should this process be killed before it says done, it is not sent again. For
 * sinks whose peer cannot tell a repetition.
 */
void grain_delivery_sending(struct grain_delivery *delivery, struct grain_mark mark);

/* The item that grain_delivery_next returned last is not of a kind that this sink carries. */
void grain_delivery_skip(struct grain_delivery *delivery);

/* The sink is being stopped: give up soon. */
bool grain_delivery_stopping(const struct grain_delivery *delivery);

/* The peer will never take what is left of this batch: it is counted as refused. */
#define GRAIN_SINK_REFUSED 1

struct grain_sink_type {
    const char *name;
    /* In the sink's thread before anything is sent: what is needed also while there is nothing to
     * send. -errno: tried again later; grain_error() says why. May be NULL. */
    int (*start)(void *state);
    /* Deliver. 0: everything; GRAIN_SINK_REFUSED: no use in trying again; -errno: try again from
     * what is not done, later. For both grain_error() says why. */
    int (*send)(void *state, struct grain_delivery *delivery);
    /* In the sink's thread, when asked to open files anew. May be NULL. */
    void (*reopen)(void *state);
    /* Makes a `send` that waits return soon; from another thread. May be NULL. */
    void (*interrupt)(void *state);
    void (*free)(void *state);
};

struct grain_sink_options {
    const char *name; /* of the configuration */
    struct grain_queue_options queue;
    /* Between two tries, doubled each time, with a random part. 0: 100 ms and 30 s. */
    uint64_t retry_least_ns, retry_most_ns;
};

struct grain_sink;

/* `state` is the sink's from now on, also when this fails. */
int grain_sink_new(struct grain_sink **out, const struct grain_sink_type *type, void *state,
                   const struct grain_sink_options *options);

/*
 * Another type or state for the same queue. `state` is the sink's from now on, unless this fails:
 * -ETIMEDOUT: a delivery hangs, and everything is as it was.
 */
int grain_sink_replace(struct grain_sink *sink, const struct grain_sink_type *type, void *state);

/* Never waits for the peer. Errors as of grain_queue_put. */
int grain_sink_put(struct grain_sink *sink, uint64_t sequence, const struct grain_batch *batch);

/* The sink's own counts, and why the last delivery failed ("" while none has since it last
 * succeeded); `error` holds what came from outside. */
struct grain_sink_counts {
    struct grain_queue_counts queue;
    uint64_t failed_since_ns; /* of CLOCK_REALTIME; 0: it is not failing */
    char error[256];
};

void grain_sink_counts(struct grain_sink *sink, struct grain_sink_counts *out);

const char *grain_sink_name(const struct grain_sink *sink);
uint64_t grain_sink_sequence(struct grain_sink *sink);

void grain_sink_reopen(struct grain_sink *sink);

/* Deliver what waits, until CLOCK_MONOTONIC is `until_ns`. Returns at once; several sinks drain
 * side by side. */
void grain_sink_drain(struct grain_sink *sink, uint64_t until_ns);

/* True: the drain is over, and grain_sink_free waits no more. Whoever asks again and again, also
 * after the time of the drain, makes a delivery that is under way then end. */
bool grain_sink_ended(struct grain_sink *sink);

/*
 * Wait for the drain and release everything. *left: items that were not delivered, which a queue in
 * a file keeps. -ETIMEDOUT: its thread hangs in a delivery and was left behind, with what it
 * holds, which is in *left too. Takes NULL.
 */
int grain_sink_free(struct grain_sink *sink, uint64_t *left);

#endif
