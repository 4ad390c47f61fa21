// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hellos of real programs, cut at every byte: each is counted once, with its name, and leaves in
 * one event with all its bytes; or it is given up under the name of what happened to it.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <grain/flow.h>

#include "hellos.h"
#include "runner.h"

static struct runner engines[2];
static struct hello_list list;

/* How the parts of one hello are sent. `cut` and `second` are offsets in its stream. */
struct delivery {
    struct script *script;
    const struct found_hello *hello;
    struct envelope envelope;
    uint32_t start; /* sequence number of the stream's first byte */
    size_t cut;
    size_t second;
};

static void part(struct delivery *d, size_t from, size_t until)
{
    d->envelope.sequence = d->start + from;
    script_tcp(d->script, &d->envelope, d->hello->wire + from, until - from);
}

static void flagged(struct delivery *d, uint32_t at, uint8_t flags)
{
    struct envelope e = d->envelope;

    e.sequence = d->start + at;
    e.tcp_flags = flags;
    script_tcp(d->script, &e, NULL, 0);
}

static void in_order(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, d->cut, d->hello->wire_length);
}

static void in_three(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, d->cut, d->second);
    part(d, d->second, d->hello->wire_length);
}

static void repeated(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, 0, d->cut);
    part(d, d->cut, d->hello->wire_length);
}

static void overlapped(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, d->cut / 2, d->hello->wire_length);
}

static void whole_again(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, 0, d->hello->wire_length);
}

static void tuple_reused(struct delivery *d)
{
    part(d, 0, d->cut);
    d->start += 0x20000000;
    flagged(d, -1, TCP_SYN);
    in_order(d);
}

static void last_part_again(struct delivery *d)
{
    in_order(d);
    part(d, d->cut, d->hello->wire_length);
}

static void finished_between(struct delivery *d)
{
    part(d, 0, d->cut);
    flagged(d, d->cut, TCP_FIN | TCP_ACK);
    part(d, d->cut, d->hello->wire_length);
}

static void reset_between(struct delivery *d)
{
    part(d, 0, d->cut);
    flagged(d, d->cut, TCP_RST);
    part(d, d->cut, d->hello->wire_length);
}

static void byte_lost(struct delivery *d)
{
    part(d, 0, d->cut);
    part(d, d->cut + 1, d->hello->wire_length);
}

/* The second part comes first; the data that follows tells that something is missing. */
static void reordered(struct delivery *d)
{
    part(d, d->cut, d->hello->wire_length);
    part(d, 0, d->cut);
    flagged(d, d->hello->wire_length, TCP_ACK);
}

static void too_late(struct delivery *d)
{
    part(d, 0, d->cut);
    script_wait(d->script, 31000);
    part(d, d->cut, d->hello->wire_length);
}

struct manner {
    const char *name;
    void (*deliver)(struct delivery *d);
    int parts;      /* that make the hello; 0: it is given up */
    int completing; /* the frame that completes it, from 1 */
    int frames;
    int counter; /* goes up by one for each delivery; -1: none */
    bool exact;  /* no other flow counter moves */
    int margin;  /* bytes that the second part must have more than one */
};

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define C(name)        GRAIN_COUNTER_FLOW_##name

static const struct manner manners[] = {
    {"in order", in_order, 2, 2, 2, -1, true},
    {"in three parts", in_three, 3, 3, 3, -1, true},
    {"the first part twice", repeated, 2, 3, 3, C(REPEAT), true},
    {"overlapping", overlapped, 2, 2, 2, C(OVERLAP), true},
    {"the whole behind the first part", whole_again, 2, 2, 2, C(OVERLAP), true},
    {"a new connection on the same ports", tuple_reused, 2, 4, 4, C(REUSED), true},
    {"the last part twice", last_part_again, 2, 2, 3, -1, false},
    {"FIN between", finished_between, 0, 0, 3, C(RESET), false},
    {"RST between", reset_between, 0, 0, 3, C(RESET), false},
    {"a byte lost", byte_lost, 0, 0, 2, C(GAP), false, 1},
    {"reordered", reordered, 0, 0, 3, C(GAP), false, 13},
    {"too late", too_late, 0, 0, 2, C(TIMED_OUT), false},
};

static uint64_t given_up(const uint64_t *c)
{
    return c[C(EVICTED)] + c[C(TIMED_OUT)] + c[C(GAP)] + c[C(RESET)] + c[C(REUSED)] +
           c[C(MALFORMED)];
}

/* Every message that was started was completed, given up under a name, or is still awaited. */
static void check_flows(const struct outcome *o, const struct manner *m, uint64_t hellos)
{
    const uint64_t *c = o->counts.counters;

    assert_int_equal(c[C(STARTED)], c[C(COMPLETED)] + given_up(c) + o->counts.flows_pending);
    assert_int_equal(c[C(BUSY)] + c[C(REFUSED)] + c[C(CUT)] + c[C(TOO_LONG)], 0);
    /* Whatever else was taken for the start of a message times out too. */
    if (m->counter == C(TIMED_OUT))
        assert_true(c[m->counter] >= hellos);
    else if (m->counter >= 0)
        assert_int_equal(c[m->counter], hellos);
    if (m->parts)
        assert_int_equal(c[C(COMPLETED)], hellos);
    if (!m->exact)
        return;
    assert_int_equal(c[C(STARTED)], m->counter == C(REUSED) ? 2 * hellos : hellos);
    assert_int_equal(given_up(c), m->counter == C(REUSED) ? hellos : 0);
}

/* The only name, as often as there were hellos. */
static void check_name(const struct outcome *o, const struct found_hello *hello, uint64_t hellos)
{
    if (!hello->sni[0] || !hellos) {
        assert_int_equal(o->name_count, 0);
        return;
    }
    assert_int_equal(o->name_count, 1);
    assert_true(o->names[0].known);
    assert_int_equal(o->names[0].slot.kind, GRAIN_NAME_TLS_SNI);
    assert_int_equal(o->names[0].slot.count, hellos);
    assert_int_equal(o->names[0].slot.length, strlen(hello->sni));
    assert_memory_equal(o->names[0].text, hello->sni, strlen(hello->sni));
}

/* One event a hello, all its bytes in it. */
static void check_events(const struct outcome *o, const struct manner *m,
                         const struct found_hello *hello, uint64_t hellos)
{
    int type = hello->sni[0] ? GRAIN_RECORD_NAME : GRAIN_RECORD_HELLO;

    assert_int_equal(o->record_count, m->parts ? hellos : 0);
    for (size_t i = 0; i < o->record_count; i++) {
        const struct grain_record *record = &o->records[i].record;

        assert_int_equal(record->header.type, type);
        assert_true(record->header.flags & GRAIN_RECORD_FLAG_STREAM);
        assert_false(record->header.flags & GRAIN_RECORD_FLAG_PARTIAL);
        assert_int_equal(record->segments, m->parts);
        assert_int_equal(record->frame, i * m->frames + m->completing);
        assert_int_equal(record->message_offset, 0);
        assert_int_equal(o->records[i].length, hello->joined_length);
        assert_memory_equal(o->records[i].bytes, hello->joined, hello->joined_length);
    }
}

static void check(const struct outcome *o, const struct manner *m, const struct found_hello *hello,
                  uint64_t deliveries)
{
    const __u64 *p = o->counts.totals.packets;
    uint64_t hellos = m->parts ? deliveries : 0;

    outcome_check_sums(o, deliveries * m->frames);
    assert_int_equal(p[GRAIN_DISPOSITION_TLS_HELLO], hello->sni[0] ? hellos : 0);
    assert_int_equal(p[GRAIN_DISPOSITION_TLS_HELLO_NO_SNI], hello->sni[0] ? 0 : hellos);
    check_name(o, hello, hellos);
    check_flows(o, m, deliveries);
    check_events(o, m, hello, hellos);
}

/* One hello in one manner, cut at each byte. Returns the number of deliveries. */
static uint64_t run_manner(const struct manner *m, const struct found_hello *hello, size_t step)
{
    struct outcome outcomes[2];
    struct script script;
    uint64_t seed = hello->wire_length;
    struct delivery d = {.script = &script, .hello = hello};
    uint64_t deliveries = 0;

    script_init(&script);
    for (d.cut = 1 + hello->wire_length % step; d.cut + m->margin < hello->wire_length;
         d.cut += step) {
        size_t rest = hello->wire_length - d.cut;

        if (m->parts == 3 && rest < 2)
            break;
        d.second = d.cut + (rest > 1 ? 1 + random_below(&seed, rest - 1) : 0);
        d.start = random_next(&seed) >> 32;
        d.envelope = (struct envelope){.flow = d.cut, .destination_port = 443};
        m->deliver(&d);
        deliveries++;
    }
    for (int i = 0; i < 2; i++) {
        runner_run(&engines[i], &script, &outcomes[i]);
        check(&outcomes[i], m, hello, deliveries);
    }
    outcome_check_same(&outcomes[0], &outcomes[1]);
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(&script);
    return deliveries;
}

/* In order, every hello at every byte; in the other manners those of testdata at every byte, those
 * of the corpus at every thirteenth. A share of that: one hello in up to eight, another one in each
 * manner, and fewer cuts. */
static void run(void **state)
{
    const struct manner *m = *state;
    uint64_t deliveries = 0, hellos = 0;
    uint32_t share = test_share(), skip = share < 8 ? share : 8;

    for (size_t i = (m - manners) % skip; i < list.count; i += skip) {
        const struct found_hello *hello = &list.hellos[i];
        bool own = !strncmp(hello->path, "testdata/", 9);
        size_t step = own || m->deliver == in_order ? 1 : 13;

        if (hello->joined_length > GRAIN_FLOW_BYTES)
            continue;
        print_message("  %s frame %zu: %zu bytes, %zu records, %s\n", hello->path, hello->frame,
                      hello->wire_length, hello->records, hello->sni);
        deliveries += run_manner(m, hello, share / skip * step);
        hellos++;
    }
    printf("%s: %" PRIu64 " hellos, %" PRIu64 " deliveries\n", m->name, hellos, deliveries);
}

/* tshark's answers beside a capture of testdata. */
static char *answers_of(const char *capture)
{
    const char *dot = strrchr(capture, '.');
    static char text[1 << 16];
    char path[512];
    size_t length;
    FILE *file;

    snprintf(path, sizeof(path), "%.*s.tls.tsv", (int)(dot - capture), capture);
    file = fopen(path, "r");
    assert_non_null(file);
    length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = 0;
    return text;
}

/* The hellos that all this rests on are those that another program finds. */
static void names_are_those_that_tshark_finds(void **state)
{
    size_t own = 0;

    (void)state;
    for (size_t i = 0; i < list.count; i++) {
        const struct found_hello *hello = &list.hellos[i];
        char column[260];

        if (strncmp(hello->path, "testdata/", 9))
            continue;
        snprintf(column, sizeof(column), "\t%s\t", hello->sni);
        if (!strcasestr(answers_of(hello->path), column))
            fail_msg("%s frame %zu: %s", hello->path, hello->frame, hello->sni);
        own++;
    }
    assert_true(own >= 40);
    printf("%zu hellos in the captures, %zu different ones, %zu of them in testdata\n", list.seen,
           list.count, own);
}

int main(void)
{
    struct CMUnitTest tests[1 + COUNT_OF(manners)] = {
        cmocka_unit_test(names_are_those_that_tshark_finds)};
    int result = runner_open(&engines[0], GRAIN_ENGINE_BPF, true, 128, 256);

    if (!result)
        result = runner_open(&engines[1], GRAIN_ENGINE_HOST, true, 128, 256);
    if (result)
        return result;
    capture_each(hellos_collect, &list);
    for (size_t i = 0; i < COUNT_OF(manners); i++) {
        tests[1 + i].name = manners[i].name;
        tests[1 + i].test_func = run;
        tests[1 + i].initial_state = (void *)&manners[i];
    }
    result = cmocka_run_group_tests_name("split hellos", tests, NULL, NULL);
    runner_close(&engines[0]);
    runner_close(&engines[1]);
    hellos_free(&list);
    return result ? 1 : 0;
}
