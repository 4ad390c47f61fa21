/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded queue of batches between a pipeline and one sink.
 *
 * The batches lie in a ring in a file, or in memory without a name. What a queue in a file holds,
 * and what it has counted, outlives the process: killed at any time, a batch is in it whole or not
 * at all, and how much of the first one was delivered is known to the item that was under way. It
 * is not synced to the disk: a machine that loses power may lose batches, which are then counted as
 * corrupt.
 *
 * One thread puts, another one takes; both may ask for the counts. Functions return 0 or -errno
 * unless they say otherwise; grain_error() then says what and what to do.
 */
#ifndef GRAIN_AGENT_QUEUE_H
#define GRAIN_AGENT_QUEUE_H

#include "item.h"

/* Bytes of a ring. */
#define GRAIN_QUEUE_SIZE_LEAST (64 << 10)
#define GRAIN_QUEUE_SIZE_MOST  (1ULL << 40)

/* A batch may fill this part of a ring: 1 in ... */
#define GRAIN_QUEUE_BATCH_PART 4

/* Pipelines make batches of about so many bytes. */
#define GRAIN_QUEUE_BATCH_BYTES (128 << 10)

struct grain_queue;

struct grain_queue_options {
    const char *path; /* 0600, made where it is missing; NULL: memory */
    uint64_t size;
    bool drop_newest; /* when it is full; otherwise the oldest batches make room */
};

/* In items, but for the bytes. queued = sent + skipped + refused + dropped + corrupt + waiting. */
struct grain_queue_counts {
    uint64_t queued;
    uint64_t sent;
    uint64_t skipped;   /* not of a kind that the sink carries */
    uint64_t refused;   /* by the peer, for good */
    uint64_t dropped;   /* the queue was full, or could not be written */
    uint64_t corrupt;   /* not read back as written */
    uint64_t uncertain; /* of those sent: under way when a former agent was killed */
    uint64_t retried;   /* deliveries that failed and were tried again */
    uint64_t waiting;
    uint64_t bytes; /* waiting, of `size` */
    uint64_t size;
};

/* -EBUSY: another process has the file. A file of another size is carried over. */
int grain_queue_open(struct grain_queue **out, const struct grain_queue_options *options);
void grain_queue_free(struct grain_queue *queue); /* takes NULL */

/* The sequence number of the last batch that was put; 0: none ever. */
uint64_t grain_queue_sequence(struct grain_queue *queue);

/*
 * Put a batch in. What finds no place is counted as dropped, which is no error; -EIO, -ENOSPC: it
 * could not be written, and is counted so too. `sequence` does not fall.
 */
int grain_queue_put(struct grain_queue *queue, uint64_t sequence, const struct grain_batch *batch);

/* The first batch as it was taken; it stays in the queue until it is finished. */
struct grain_taken {
    uint8_t *bytes; /* grows as needed; free it at the end */
    size_t length, room;
    uint32_t items;
    uint32_t done;    /* items already delivered */
    uint32_t skipped; /* of them, since it was taken */
};

/* Room for a batch of the usual size, taken at once; 0 or -ENOMEM, after which it grows as needed.
 */
int grain_queue_reserve(struct grain_queue *queue, struct grain_taken *taken);

/*
 * Wait for a batch until CLOCK_MONOTONIC is `until_ns` or grain_queue_wake. 1: taken; 0: there is
 * none.
 */
int grain_queue_take(struct grain_queue *queue, struct grain_taken *taken, uint64_t until_ns);

/* Items of the taken batch are delivered up to `done`; `skipped` of them, since it was taken, are
 * of a kind that the sink does not carry. Both may fall again: a peer can say late that it took
 * nothing. */
void grain_queue_progress(struct grain_queue *queue, struct grain_taken *taken, uint32_t done,
                          uint32_t skipped);

/* What lies between what is done and `place` is about to be handed to the kernel. */
void grain_queue_sending(struct grain_queue *queue, uint32_t place);

/* The taken batch leaves the queue; what of it was not done is `refused` or sent. */
void grain_queue_finish(struct grain_queue *queue, struct grain_taken *taken, bool refused);

/* A delivery failed; true: the batch is still there to try again. */
bool grain_queue_retry(struct grain_queue *queue, struct grain_taken *taken);

/* Whoever waits in grain_queue_take returns. */
void grain_queue_wake(struct grain_queue *queue);

void grain_queue_counts(struct grain_queue *queue, struct grain_queue_counts *out);

#endif
