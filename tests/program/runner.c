// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runner.h"

#define START_MS  1700000000000ULL
#define SCRIPT_MS 120000

static uint32_t scripts;
static uint64_t clock_ms = START_MS; /* the same for both engines, whatever fails */

void script_init(struct script *s)
{
    memset(s, 0, sizeof(*s));
    s->flow = ++scripts << 12;
    s->sequence = 1000;
    s->start_ms = clock_ms;
}

void script_free(struct script *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->steps[i].data);
    free(s->steps);
    clock_ms += s->now_ms + SCRIPT_MS;
    memset(s, 0, sizeof(*s));
}

void script_wait(struct script *s, uint64_t ms)
{
    s->now_ms += ms;
}

void script_raw(struct script *s, const uint8_t *data, uint32_t captured, uint32_t wire)
{
    struct step *step;

    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->steps = reallocarray(s->steps, s->room, sizeof(*s->steps));
        assert_non_null(s->steps);
    }
    step = &s->steps[s->count++];
    /* Exactly as long as it is: reading behind it is for the sanitizer to see. */
    step->data = malloc(captured ? captured : 1);
    assert_non_null(step->data);
    memcpy(step->data, data, captured);
    step->captured = captured;
    step->wire = wire;
    step->time_ms = s->now_ms++;
}

void script_frame_cut(struct script *s, const struct bytes *frame, uint32_t captured)
{
    script_raw(s, frame->data, captured, frame->length);
}

void script_frame(struct script *s, const struct bytes *frame)
{
    script_frame_cut(s, frame, frame->length);
}

void script_udp(struct script *s, const struct envelope *e, const struct bytes *payload)
{
    static struct bytes frame;
    struct envelope own = *e;

    own.flow += s->flow;
    frame_udp(&frame, &own, payload->data, payload->length);
    script_frame(s, &frame);
}

void script_tcp(struct script *s, const struct envelope *e, const void *payload, size_t length)
{
    static struct bytes frame;
    struct envelope own = *e;

    own.flow += s->flow;
    frame_tcp(&frame, &own, payload, length);
    script_frame(s, &frame);
}

void script_segment(struct script *s, struct envelope *e, const void *payload, size_t length)
{
    e->sequence = s->sequence;
    script_tcp(s, e, payload, length);
    s->sequence += length;
}

void outcome_add_record(struct outcome *o, const struct grain_record *record, const uint8_t *bytes,
                        size_t length)
{
    struct taken_record *taken;

    assert_non_null(o);
    if ((o->record_count & (o->record_count - 1)) == 0) {
        size_t room = o->record_count ? 2 * o->record_count : 1;

        o->records = reallocarray(o->records, room, sizeof(*o->records));
        assert_non_null(o->records);
    }
    taken = &o->records[o->record_count++];
    taken->record = *record;
    taken->length = length;
    taken->bytes = malloc(length ? length : 1);
    assert_non_null(taken->bytes);
    memcpy(taken->bytes, bytes, length);
}

static int take_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                       size_t length)
{
    struct runner *r = user;

    outcome_add_record(r->sink, record, bytes, length);
    return 0;
}

int runner_open(struct runner *r, enum grain_engine_kind kind, bool ethernet, uint32_t names,
                uint32_t flows)
{
    struct grain_engine_options options = {
        .size = sizeof(options),
        .kind = kind,
        .ethernet = ethernet,
        .events = true,
        .names = names,
        .flows = flows,
        .seed = RUNNER_SEED,
        .on_record = take_record,
        .user = r,
    };
    int error;

    memset(r, 0, sizeof(*r));
    error = grain_engine_new(&r->engine, &options);
    if (error == -EPERM || error == -EACCES) {
        printf("SKIPPED: this user may not load BPF programs: %s\n", grain_engine_error(NULL));
        return SKIPPED;
    }
    if (error)
        printf("engine %d: %s\n", kind, grain_engine_error(NULL));
    return error ? 1 : 0;
}

void runner_close(struct runner *r)
{
    grain_engine_free(r->engine);
    outcome_free(&r->before);
    r->engine = NULL;
}

void outcome_free(struct outcome *o)
{
    for (size_t i = 0; i < o->record_count; i++)
        free(o->records[i].bytes);
    free(o->records);
    free(o->names);
    memset(o, 0, sizeof(*o));
}

static int take_name(void *user, const struct grain_name_entry *entry)
{
    struct outcome *o = user;

    if ((o->name_count & (o->name_count - 1)) == 0) {
        size_t room = o->name_count ? 2 * o->name_count : 1;

        o->names = reallocarray(o->names, room, sizeof(*o->names));
        assert_non_null(o->names);
    }
    o->names[o->name_count++] = *entry;
    return 0;
}

static int by_hash(const void *a, const void *b)
{
    const struct grain_name_entry *x = a, *y = b;

    return x->slot.hash < y->slot.hash ? -1 : x->slot.hash > y->slot.hash;
}

static void take_state(struct runner *r, struct outcome *o)
{
    assert_int_equal(grain_engine_counts(r->engine, &o->counts), 0);
    assert_int_equal(grain_engine_names(r->engine, take_name, o), 0);
    if (o->name_count)
        qsort(o->names, o->name_count, sizeof(*o->names), by_hash);
}

/* What both states have in common goes: all of the counts are 64-bit words. */
static void subtract(struct outcome *after, const struct outcome *before)
{
    uint64_t *to = (uint64_t *)&after->counts;
    const uint64_t *from = (const uint64_t *)&before->counts;
    size_t kept = 0;

    for (size_t i = 0; i < sizeof(after->counts) / sizeof(*to); i++)
        to[i] -= from[i];
    for (size_t i = 0, j = 0; i < after->name_count; i++) {
        struct grain_name_entry *name = &after->names[i];

        while (j < before->name_count && before->names[j].slot.hash < name->slot.hash)
            j++;
        if (j < before->name_count && before->names[j].slot.hash == name->slot.hash)
            name->slot.count -= before->names[j].slot.count;
        if (name->slot.count)
            after->names[kept++] = *name;
    }
    after->name_count = kept;
}

void runner_run(struct runner *r, const struct script *s, struct outcome *out)
{
    memset(out, 0, sizeof(*out));
    r->sink = out;
    outcome_free(&r->before);
    take_state(r, &r->before);
    for (size_t i = 0; i < s->count; i++) {
        const struct step *step = &s->steps[i];
        struct grain_frame frame = {
            .data = step->data,
            .captured_length = step->captured,
            .wire_length = step->wire,
            .time_ns = (s->start_ms + step->time_ms) * 1000000,
            .number = i + 1,
        };

        if (grain_engine_run(r->engine, &frame))
            fail_msg("frame %zu: %s", i + 1, grain_engine_error(r->engine));
    }
    if (grain_engine_drain(r->engine))
        fail_msg("%s", grain_engine_error(r->engine));
    take_state(r, out);
    subtract(out, &r->before);
}
