/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stream of events of what is attached: records from one perf ring a CPU.
 *
 * A perf event array has one reader: a second one would take everything from the first, so readers
 * lock, and the second is told who reads. What the program could not send is in its own counters
 * (seen = sent + sampled_out + over_budget + ring_full + no_reader + failed); a reader counts what
 * came and what is missing between records.
 *
 * Objects belong to one thread. Functions return 0 or -errno unless they say otherwise;
 * grain_error() then says what and what to do.
 */
#ifndef GRAIN_EVENTS_H
#define GRAIN_EVENTS_H

#include <grain/live.h>

#ifdef __cplusplus
extern "C" {
#endif

struct grain_events;

struct grain_events_options {
    size_t size;         /* sizeof(struct grain_events_options): lets the structure grow */
    uint32_t ring_pages; /* of each CPU, a power of two; 0: the default */
    /* Called for each record whose header makes sense, in the order of each CPU. A value other
     * than 0 ends the delivery: what is left stays in the ring. */
    grain_record_fn on_record;
    void *user;
};

struct grain_events_counts {
    uint64_t received; /* records delivered */
    uint64_t lost;     /* that the rings say they dropped; the program counts them as ring_full */
    uint64_t missing;  /* holes in the sequence numbers, between the first record of a CPU and its
                          last */
    uint64_t unsound;  /* records whose header makes no sense */
};

/*
 * Start reading. -EBUSY: somebody else does; grain_error() says who. Errors as of
 * grain_pinned_open. `live` must outlive the reader.
 */
GRAIN_API int grain_events_open(struct grain_events **out, struct grain_live *live,
                                const struct grain_events_options *options);

/*
 * Wait until a ring is a quarter full or `timeout_ms` has passed, then deliver all that is there.
 * Returns 0, -errno, or what on_record returned. -EINTR: a signal came; what was there has been
 * delivered.
 */
GRAIN_API int grain_events_poll(struct grain_events *events, int timeout_ms);

/* Readable when a ring is a quarter full: for callers that wait for other things, too. Belongs to
 * `events`. */
GRAIN_API int grain_events_fd(const struct grain_events *events);

/* Take the rings away from the programs, and deliver what is still in them: then everything sent
 * since the start has been received. Nothing more comes. */
GRAIN_API int grain_events_stop(struct grain_events *events);

GRAIN_API void grain_events_counts(const struct grain_events *events,
                                   struct grain_events_counts *out);

/* Stops reading and releases the lock. Takes NULL. */
GRAIN_API void grain_events_free(struct grain_events *events);

#ifdef __cplusplus
}
#endif

#endif
