/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scripts of frames, run through both engines; what came out, as text that a test states by hand.
 *
 * One pair of engines serves a whole test program: a script's outcome is what it added. Each script
 * gets client addresses and a minute of its own, so that no flow reaches into the next script.
 */
#ifndef GRAIN_TEST_RUNNER_H
#define GRAIN_TEST_RUNNER_H

#include <grain/engine.h>

#include "frames.h"

#define SKIPPED     77
#define RUNNER_SEED 20 /* of the hash key */
/* Buckets of the flow table where the tables of cases run. */
#define RUNNER_FLOWS 128

struct step {
    uint8_t *data;
    uint32_t captured;
    uint32_t wire;
    uint64_t time_ms; /* from the script's start */
};

struct script {
    struct step *steps;
    size_t count;
    size_t room;
    uint64_t start_ms;
    uint64_t now_ms;   /* since then */
    uint32_t flow;     /* added to the flow of each envelope */
    uint32_t sequence; /* that script_segment continues */
};

void script_init(struct script *s);
void script_free(struct script *s);
void script_wait(struct script *s, uint64_t ms);
void script_raw(struct script *s, const uint8_t *data, uint32_t captured, uint32_t wire);
void script_frame(struct script *s, const struct bytes *frame);
/* As a capture with a snap length of `captured` has it. */
void script_frame_cut(struct script *s, const struct bytes *frame, uint32_t captured);
void script_udp(struct script *s, const struct envelope *e, const struct bytes *payload);
void script_tcp(struct script *s, const struct envelope *e, const void *payload, size_t length);
/* The next bytes of a stream: sets and advances the sequence number. */
void script_segment(struct script *s, struct envelope *e, const void *payload, size_t length);

struct taken_record {
    struct grain_record record;
    size_t length;
    uint8_t *bytes;
};

/* What a script added. `names` is sorted by hash. */
struct outcome {
    struct grain_engine_counts counts;
    struct grain_name_entry *names;
    size_t name_count;
    struct taken_record *records;
    size_t record_count;
};

struct runner {
    struct grain_engine *engine;
    struct outcome before; /* counts and names at the start of the script */
    struct outcome *sink;  /* where records go now */
};

/* Engines with small tables and a fixed key. Returns 0, or 77 when this user may not load BPF
 * programs, with the reason printed. */
int runner_open(struct runner *r, enum grain_engine_kind kind, bool ethernet, uint32_t names,
                uint32_t flows);
void runner_close(struct runner *r);
void runner_run(struct runner *r, const struct script *s, struct outcome *out);
void outcome_free(struct outcome *o);
void outcome_add_record(struct outcome *o, const struct grain_record *record, const uint8_t *bytes,
                        size_t length);

/* What always holds; `packets` is the number of frames run. */
void outcome_check_sums(const struct outcome *o, uint64_t packets);
/* The engines agree: totals, counters, names and records, byte by byte. */
void outcome_check_same(const struct outcome *a, const struct outcome *b);

/* "dns_query=2 tcp_other=1", in the order of the numbers. */
void outcome_dispositions(const struct outcome *o, char *text, size_t size);
/* Counters other than those that count events, names and texts. */
void outcome_counters(const struct outcome *o, char *text, size_t size);
/* "dns_query/1/www.example.test=2", sorted. */
void outcome_names(const struct outcome *o, char *text, size_t size);
/* "name=1 hello=1". */
void outcome_records(const struct outcome *o, char *text, size_t size);

#endif
