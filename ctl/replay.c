// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grain/message.h>

#include "capture.h"
#include "eve.h"
#include "linktype.h"
#include "replay.h"
#include "say.h"

struct replay {
    struct replay_options options;
    struct replay_sums sums;
    struct name_counts counts; /* of the file in hand */
    uint64_t evicted[GRAIN_NAME_KIND_MAX];
    uint64_t unreadable;
    struct link_buffer buffer;
    const char *file; /* as the user named it */
    const char *path; /* as messages name it */
    int output_error;
    struct grain_engine *engines[2]; /* for frames at layer 3, and for Ethernet */
};

struct replay *replay_new(const struct replay_options *options)
{
    struct replay *replay = must(calloc(1, sizeof(*replay)));

    replay->options = *options;
    replay->sums.engine = options->engine;
    replay->sums.packets_hold = true;
    replay->sums.names_hold = true;
    replay->sums.events_hold = true;
    return replay;
}

void replay_free(struct replay *replay)
{
    link_buffer_free(&replay->buffer);
    for (int i = 0; i < 2; i++)
        grain_engine_free(replay->engines[i]);
    name_counts_free(&replay->counts);
    names_free(&replay->sums.names);
    tally_free(&replay->sums.tls_versions);
    tally_free(&replay->sums.alpn);
    tally_free(&replay->sums.quic_versions);
    free(replay);
}

bool replay_output_failed(const struct replay *replay)
{
    return replay->output_error;
}

const struct replay_sums *replay_sums(const struct replay *replay)
{
    return &replay->sums;
}

const char *replay_engine_name(enum grain_engine_kind engine)
{
    return engine == GRAIN_ENGINE_BPF ? "bpf" : "host";
}

static uint64_t sum_kinds(const uint64_t values[GRAIN_NAME_KIND_MAX])
{
    uint64_t total = 0;

    for (int i = 0; i < GRAIN_NAME_KIND_MAX; i++)
        total += values[i];
    return total;
}

static uint64_t sum_dispositions(const __u64 values[GRAIN_DISPOSITION_MAX])
{
    uint64_t total = 0;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++)
        total += values[i];
    return total;
}

uint64_t replay_packets(const struct replay_sums *sums)
{
    return sum_dispositions(sums->counts.totals.packets);
}

uint64_t replay_bytes(const struct replay_sums *sums)
{
    return sum_dispositions(sums->counts.totals.bytes);
}

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void note_name(struct replay *replay, const struct grain_record *record,
                      const struct grain_message *message)
{
    if (!(record->header.flags & GRAIN_RECORD_FLAG_NEW))
        return;
    if (message->kind == GRAIN_MESSAGE_TLS)
        name_counts_learn(&replay->counts, record, message->tls.sni, message->tls.sni_length);
    else if (message->kind == GRAIN_MESSAGE_DNS)
        name_counts_learn(&replay->counts, record, message->dns.name, message->dns.name_length);
}

static void note_hello(struct replay *replay, const struct grain_tls_message *tls)
{
    char buffer[GRAIN_NAME_TEXT_MAX];

    tally_add(&replay->sums.tls_versions, grain_tls_version_text(tls->version, buffer));
    for (size_t i = 0; i < tls->alpn_count; i++)
        if (grain_host_name_text(buffer, sizeof(buffer), tls->alpn[i].name, tls->alpn[i].length,
                                 false) >= 0)
            tally_add(&replay->sums.alpn, buffer);
}

static void note_message(struct replay *replay, const struct grain_record *record,
                         const struct grain_message *message)
{
    char buffer[16];

    if (record->header.type == GRAIN_RECORD_NAME)
        note_name(replay, record, message);
    if (message->kind == GRAIN_MESSAGE_TLS)
        note_hello(replay, &message->tls);
    else if (message->kind == GRAIN_MESSAGE_QUIC)
        tally_add(&replay->sums.quic_versions,
                  grain_eve_quic_version(message->quic.version, buffer));
}

static int print_event(const struct replay *replay, const struct grain_record *record,
                       const struct grain_message *message)
{
    const struct grain_eve_origin origin = {.path = replay->file,
                                            .time_ns = record->header.time_ns};

    return eve_print(record, message, &origin);
}

static int on_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                     size_t length)
{
    struct replay *replay = user;
    struct grain_message message;

    if (record->header.flags & GRAIN_RECORD_FLAG_EVICTED) {
        replay->evicted[record->evicted.kind % GRAIN_NAME_KIND_MAX] += record->evicted.count;
        if (replay->options.form == REPLAY_REPORT)
            name_counts_evicted(&replay->counts, &record->evicted);
    }
    if (replay->options.form == REPLAY_STATS)
        return 0;
    if (grain_message_parse(&message, record, bytes, length)) {
        replay->unreadable++;
        return 0;
    }
    if (replay->options.form == REPLAY_REPORT)
        note_message(replay, record, &message);
    else if (!replay->output_error)
        replay->output_error = print_event(replay, record, &message);
    return replay->output_error;
}

static int open_engine(struct replay *replay, bool ethernet, struct grain_engine **out)
{
    struct grain_engine_options options = {
        .size = sizeof(options),
        .kind = replay->sums.engine,
        .ethernet = ethernet,
        .events = true,
        .seed = replay->options.seed,
        .on_record = on_record,
        .user = replay,
    };

    return grain_engine_new(out, &options);
}

/*
 * An engine for one file: what is left of a stream has no place in the next. The one of the file
 * before is emptied where it can be. NULL: said why not.
 */
static struct grain_engine *engine_for(struct replay *replay, bool ethernet)
{
    struct grain_engine **engine = &replay->engines[ethernet];
    int error;

    if (*engine && !grain_engine_reset(*engine))
        return *engine;
    grain_engine_free(*engine);
    *engine = NULL;
    error = open_engine(replay, ethernet, engine);
    if (error && replay->sums.engine == GRAIN_ENGINE_BPF && !replay->options.engine_chosen) {
        say("engine bpf is not to be had (%s); using engine host, the same parser without the "
            "kernel",
            grain_engine_error(NULL));
        replay->sums.engine = GRAIN_ENGINE_HOST;
        error = open_engine(replay, ethernet, engine);
    }
    if (error)
        say("%s: engine %s cannot be started: %s", replay->path,
            replay_engine_name(replay->sums.engine), grain_engine_error(NULL));
    return *engine;
}

static void note_time(struct replay_sums *sums, uint64_t time_ns)
{
    if (!sums->frames || time_ns < sums->first_ns)
        sums->first_ns = time_ns;
    if (!sums->frames || time_ns > sums->last_ns)
        sums->last_ns = time_ns;
}

/* -ENOBUFS is told later, with the number of records that were lost. */
static int tolerate_loss(int error)
{
    return error == -ENOBUFS ? 0 : error;
}

static bool engine_failed(struct replay *replay, const struct grain_engine *engine, uint64_t frame,
                          int error)
{
    if (!error)
        return false;
    if (!replay->output_error)
        say("%s: frame %llu: engine %s: %s (%s)", replay->path, (unsigned long long)frame,
            replay_engine_name(replay->sums.engine), grain_engine_error(engine), strerror(-error));
    return true;
}

/* All frames that can be read; `*frames` counts those the engine was given. */
static bool run_frames(struct replay *replay, struct grain_engine *engine, struct capture *capture,
                       const struct link_type *link, uint64_t *frames)
{
    struct capture_frame in = {0};
    struct grain_frame out;
    int next, error;

    while ((next = capture_next(capture, &in)) > 0) {
        link_frame(link, &replay->buffer, &in, &out);
        note_time(&replay->sums, in.time_ns);
        replay->sums.frames++;
        ++*frames;
        error = tolerate_loss(grain_engine_run(engine, &out));
        if (!error && capture_waits(capture)) {
            error = tolerate_loss(grain_engine_drain(engine));
            eve_flush(&replay->output_error);
        }
        if (engine_failed(replay, engine, in.number, error))
            return false;
    }
    if (next < 0)
        say("%s: after frame %llu: %s", replay->path, (unsigned long long)in.number,
            capture_error(capture));
    return next == 0;
}

static bool names_hold(const struct replay *replay, const struct grain_engine_counts *counts)
{
    uint64_t packets = 0;

    for (int i = 0; i < GRAIN_NAME_KIND_MAX; i++)
        if (counts->table[i] + replay->evicted[i] + counts->unattributed[i] != counts->names[i])
            return false;
    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++)
        if (grain_disposition_is_named(i))
            packets += counts->totals.packets[i];
    return sum_kinds(counts->names) == packets + counts->counters[GRAIN_COUNTER_NAMES_EXTRA];
}

static bool events_hold(const struct grain_engine_counts *counts)
{
    const uint64_t *counters = counts->counters;

    return counters[GRAIN_COUNTER_EVENTS_SEEN] ==
           counters[GRAIN_COUNTER_EVENTS_SENT] + counters[GRAIN_COUNTER_EVENTS_SAMPLED_OUT] +
               counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET] +
               counters[GRAIN_COUNTER_EVENTS_RING_FULL] + counters[GRAIN_COUNTER_EVENTS_NO_READER] +
               counters[GRAIN_COUNTER_EVENTS_FAILED];
}

static bool check(struct replay *replay, bool holds, bool *all, const char *what)
{
    if (!holds) {
        *all = false;
        say("%s: broken invariant: %s", replay->path, what);
    }
    return holds;
}

static bool check_counts(struct replay *replay, const struct grain_engine_counts *counts,
                         uint64_t frames)
{
    struct replay_sums *sums = &replay->sums;
    bool fine = true;

    fine &= check(replay, sum_dispositions(counts->totals.packets) == frames, &sums->packets_hold,
                  "the dispositions do not add up to the packets");
    fine &=
        check(replay, names_hold(replay, counts), &sums->names_hold,
              "the names in tables, in records and unattributed do not add up to those counted");
    fine &= check(replay, events_hold(counts), &sums->events_hold,
                  "the events sent and not sent do not add up to those seen");
    if (counts->events_lost) {
        say("%s: %llu events were lost in the ring", replay->path,
            (unsigned long long)counts->events_lost);
        fine = false;
    }
    if (replay->unreadable) {
        say("%s: %llu records do not hold what they say", replay->path,
            (unsigned long long)replay->unreadable);
        fine = false;
    }
    return fine;
}

static void add(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void add_counts(struct replay *replay, const struct grain_engine_counts *counts)
{
    struct grain_engine_counts *sums = &replay->sums.counts;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++) {
        sums->totals.packets[i] += counts->totals.packets[i];
        sums->totals.bytes[i] += counts->totals.bytes[i];
    }
    add(sums->counters, counts->counters, GRAIN_COUNTER_MAX);
    add(sums->names, counts->names, GRAIN_NAME_KIND_MAX);
    add(sums->unattributed, counts->unattributed, GRAIN_NAME_KIND_MAX);
    add(sums->table, counts->table, GRAIN_NAME_KIND_MAX);
    add(replay->sums.evicted, replay->evicted, GRAIN_NAME_KIND_MAX);
    sums->flows_pending += counts->flows_pending;
    sums->events_lost += counts->events_lost;
    sums->heads_only += counts->heads_only;
    sums->texts_disagreed += counts->texts_disagreed;
}

/* What the engine has counted for this file goes into the sums. */
static bool collect(struct replay *replay, struct grain_engine *engine, uint64_t frames)
{
    struct grain_engine_counts counts;
    int error = grain_engine_counts(engine, &counts);
    bool fine;

    if (!error && replay->options.form == REPLAY_REPORT)
        error = grain_engine_names(engine, name_counts_entry, &replay->counts);
    if (error) {
        say("%s: the engine's tables cannot be read: %s", replay->path, strerror(-error));
        return false;
    }
    fine = check_counts(replay, &counts, frames);
    add_counts(replay, &counts);
    replay->sums.unreadable += replay->unreadable;
    replay->unreadable = 0;
    memset(replay->evicted, 0, sizeof(replay->evicted));
    name_counts_merge(&replay->counts, &replay->sums.names);
    return fine;
}

static bool run_capture(struct replay *replay, struct capture *capture,
                        const struct link_type *link)
{
    struct grain_engine *engine = engine_for(replay, link_type_ethernet(link));
    uint64_t frames = 0, start = clock_ns();
    bool fine;

    if (!engine)
        return false;
    replay->sums.files++;
    fine = run_frames(replay, engine, capture, link, &frames);
    if (engine_failed(replay, engine, frames, tolerate_loss(grain_engine_drain(engine))))
        fine = false;
    replay->sums.elapsed_ns += clock_ns() - start;
    fine &= collect(replay, engine, frames);
    return fine;
}

bool replay_file(struct replay *replay, const char *path)
{
    char error[CAPTURE_ERROR_MAX];
    const struct link_type *link;
    struct capture *capture;
    bool fine = false;

    replay->file = path;
    replay->path = strcmp(path, "-") ? path : "standard input";
    if (capture_open(&capture, path, error)) {
        say("%s: %s", replay->path, error);
        return false;
    }
    link = link_type_find(capture_link(capture));
    if (link)
        fine = run_capture(replay, capture, link);
    else
        say("%s: link type %s is not one that grain reads", replay->path,
            capture_link_name(capture));
    capture_close(capture);
    return fine;
}
