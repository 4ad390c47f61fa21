/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engines: what runs frames through grain's chain.
 *
 * Two engines give the same answers. GRAIN_ENGINE_BPF loads a copy of the shipping XDP program with
 * private, unpinned maps and runs each frame through BPF_PROG_TEST_RUN (needs root or CAP_BPF,
 * CAP_NET_ADMIN and CAP_PERFMON). GRAIN_ENGINE_HOST runs the same chain, compiled natively, without
 * privileges.
 *
 * An engine belongs to one thread. Functions return 0 or -errno unless they say otherwise. Nothing
 * here prints; where something fails, grain_engine_error() says what and why in one line.
 */
#ifndef GRAIN_ENGINE_H
#define GRAIN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/config.h>
#include <grain/cpu.h>
#include <grain/names.h>
#include <grain/record.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRAIN_API __attribute__((visibility("default")))

/* Frame bytes that BPF_PROG_TEST_RUN takes in one piece on every kernel; both engines keep to it,
 * so that they agree. */
#define GRAIN_FRAME_HEAD 3520

enum grain_engine_kind {
    GRAIN_ENGINE_BPF,
    GRAIN_ENGINE_HOST,
};

/*
 * Called for each record, in order. `record` and `bytes` are valid during the call only; `bytes`
 * holds `length` raw bytes (see grain/record.h). Type, version and lengths have been checked. A
 * return value other than 0 ends the drain and is returned.
 */
typedef int (*grain_record_fn)(void *user, const struct grain_record *record, const uint8_t *bytes,
                               size_t length);

struct grain_engine_options {
    size_t size; /* sizeof(struct grain_engine_options): lets the structure grow */
    enum grain_engine_kind kind;
    bool ethernet; /* frames start with an Ethernet header; otherwise at layer 3 */
    bool
        events; /* deliver records; otherwise grain_engine_drain finds nothing and nobody listens */
    uint32_t names;    /* expected names: sizes the tables; 0: the default. A power of two */
    uint32_t flows;    /* buckets of four flows; 0: the default. A power of two */
    uint32_t sample;   /* known names: one event in this many; 0: every one */
    uint32_t snap;     /* frame bytes an event carries; 0: all that fit into a record */
    uint32_t new_rate; /* events for new names a second; 0: no limit */
    uint32_t new_burst;
    uint32_t ring_pages; /* pages of the perf ring, a power of two; 0: the default. BPF only */
    uint64_t seed; /* not 0: derive the hash key from this instead of the system's randomness, for
                      tests */
    grain_record_fn on_record;
    void *user;
};

/* One frame of a capture. */
struct grain_frame {
    const uint8_t *data;
    uint32_t captured_length; /* bytes at `data` */
    uint32_t wire_length;     /* of the frame on the wire, not less than captured_length */
    uint64_t time_ns;         /* since the epoch */
    uint64_t number;          /* in the capture, from 1 */
};

/* What an engine has counted so far, summed over CPUs. `unattributed` and `names` are by enum
 * grain_name_kind. */
struct grain_engine_counts {
    struct grain_totals totals;
    uint64_t counters[GRAIN_COUNTER_MAX];
    uint64_t names[GRAIN_NAME_KIND_MAX];
    uint64_t unattributed[GRAIN_NAME_KIND_MAX];
    uint64_t table[GRAIN_NAME_KIND_MAX]; /* counts that stand in the tables now */
    uint64_t flows_pending;
    uint64_t events_lost; /* records that the ring dropped */
    uint64_t heads_only;  /* frames longer than GRAIN_FRAME_HEAD: their head was run, with the true
                             length */
    uint64_t texts_disagreed; /* stored texts that do not hash to their key */
    uint64_t hash_collisions; /* names that share a hash with one of another kind, type or length */
};

/* One name of the tables. `text` is folded; DNS names are in wire form. `known`: the text was there
 * and agreed. */
struct grain_name_entry {
    struct grain_name_slot slot;
    bool known;
    uint8_t text[GRAIN_NAME_LENGTH_MAX + 1];
};

typedef int (*grain_name_fn)(void *user, const struct grain_name_entry *entry);

struct grain_engine;

/* `*out` is left alone on failure. -EPERM or -EACCES: this user may not load BPF programs. */
GRAIN_API int grain_engine_new(struct grain_engine **out,
                               const struct grain_engine_options *options);
GRAIN_API void grain_engine_free(struct grain_engine *engine); /* takes NULL */

/*
 * Run one frame. -EBADMSG: the program returned another verdict than PASS or changed the frame,
 * which grain never does. Records may be delivered from here when the ring fills.
 */
GRAIN_API int grain_engine_run(struct grain_engine *engine, const struct grain_frame *frame);

/* Deliver the records that are waiting. -ENOBUFS: the ring dropped some; counts.events_lost says
 * how many. */
GRAIN_API int grain_engine_drain(struct grain_engine *engine);

GRAIN_API int grain_engine_counts(struct grain_engine *engine, struct grain_engine_counts *out);

/* Every name in the tables, the counts of all CPUs added up, in no order. */
GRAIN_API int grain_engine_names(struct grain_engine *engine, grain_name_fn fn, void *user);

/*
 * Forget everything counted, named and pending, as if the engine were new: for the next capture,
 * without the second that the kernel takes to verify the program again. -EOPNOTSUPP: this kernel
 * (before 5.13) cannot; make a new engine.
 */
GRAIN_API int grain_engine_reset(struct grain_engine *engine);

/* The last failure in one line, also for a failed grain_engine_new with engine NULL (per thread).
 * Never NULL. */
GRAIN_API const char *grain_engine_error(const struct grain_engine *engine);

/* File descriptor of the XDP program, for callers that run it themselves; -EOPNOTSUPP for the host
 * engine. */
GRAIN_API int grain_engine_program_fd(const struct grain_engine *engine);

/* Names of the enumerations, for output: NULL beyond the last. */
GRAIN_API const char *grain_disposition_name(unsigned int disposition);
GRAIN_API const char *grain_disposition_text(unsigned int disposition);
GRAIN_API const char *grain_counter_name(unsigned int counter);
GRAIN_API const char *grain_counter_text(unsigned int counter);
/* Does it tell of something that was not seen, kept or sent? All others count ordinary work, or
 * events that nobody asked for: not sampled, without a reader. */
GRAIN_API bool grain_counter_is_loss(unsigned int counter);
GRAIN_API const char *grain_name_kind_name(unsigned int kind);
GRAIN_API bool grain_disposition_is_named(unsigned int disposition);

#ifdef __cplusplus
}
#endif

#endif
