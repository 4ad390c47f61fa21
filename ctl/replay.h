/* SPDX-License-Identifier: GPL-2.0-only */
/* Captures through an engine, one after the other, and the sums of what came out. */
#ifndef GRAIN_CTL_REPLAY_H
#define GRAIN_CTL_REPLAY_H

#include <grain/engine.h>

#include "names.h"
#include "tally.h"

enum replay_form {
    REPLAY_REPORT,
    REPLAY_EVENTS,
    REPLAY_STATS,
};

struct replay_options {
    enum replay_form form;
    bool engine_chosen; /* otherwise: BPF where it is allowed, else host */
    enum grain_engine_kind engine;
    uint64_t seed; /* of the hash key; 0: random */
};

struct replay_sums {
    uint64_t files; /* that were captures grain reads */
    uint64_t frames;
    struct grain_engine_counts counts;
    uint64_t evicted[GRAIN_NAME_KIND_MAX]; /* counts that came in records */
    uint64_t unreadable;                   /* records whose bytes do not hold what they say */
    uint64_t first_ns, last_ns;            /* of the frames' times; both 0: no frame */
    uint64_t elapsed_ns;
    enum grain_engine_kind engine;
    bool packets_hold; /* every packet has one disposition */
    bool names_hold;   /* every name counted is in a table, in a record, or unattributed */
    bool events_hold;  /* every event that could have been was sent or has a reason */
    struct names names;
    struct tally tls_versions, alpn, quic_versions;
};

struct replay;

struct replay *replay_new(const struct replay_options *options);
void replay_free(struct replay *replay);

/* False: something went wrong and was said. What could be read is in the sums, its events are out.
 */
bool replay_file(struct replay *replay, const char *path);

/* No more events can be written: there is no point in going on. */
bool replay_output_failed(const struct replay *replay);

const struct replay_sums *replay_sums(const struct replay *replay);

uint64_t replay_packets(const struct replay_sums *sums);
uint64_t replay_bytes(const struct replay_sums *sums);
const char *replay_engine_name(enum grain_engine_kind engine);

#endif
