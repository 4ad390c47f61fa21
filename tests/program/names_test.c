// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floods of random names into small tables: nothing is lost without a counter, whatever the reader
 * does. For each kind: names counted = what the tables hold + what left in events + unattributed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <linux/bpf.h>

#include "frames.h"
#include "rig.h"

static struct rig rig;
static uint64_t seed;
static uint64_t share;       /* one in how many names */
static uint32_t table = 256; /* a share of the flood floods smaller tables */
static uint32_t ring_pages = 256;
/* What came out of the ring since the start. */
static uint64_t evicted[GRAIN_NAME_KIND_MAX];

static void take(void *user, const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    (void)user;
    (void)bytes;
    (void)length;
    if (record->header.flags & GRAIN_RECORD_FLAG_EVICTED)
        evicted[record->evicted.kind & (GRAIN_NAME_KIND_MAX - 1)] += record->evicted.count;
}

static void random_name(char name[40])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t word = random_next(&seed);
    int at = 0;

    for (; at < 11; at++, word /= 36)
        name[at] = letters[word % 36];
    memcpy(name + at, ".flood.test", sizeof(".flood.test"));
}

static void send_dns(uint16_t flags, uint16_t port, int questions)
{
    static struct bytes message, frame;
    struct envelope e = {.destination_port = port};
    char name[40];

    message.length = 0;
    dns_header(&message, flags, questions, 0, 0, 0);
    for (int i = 0; i < questions; i++) {
        random_name(name);
        dns_question(&message, name, DNS_A, DNS_IN);
    }
    frame_udp(&frame, &e, message.data, message.length);
    assert_int_equal(rig_run(&rig, frame.data, frame.length), XDP_PASS);
}

static void send_hello(void)
{
    static struct bytes stream, frame;
    struct envelope e = {.destination_port = 443};
    char name[40];

    random_name(name);
    stream.length = 0;
    tls_hello_record(&stream, &(struct hello){.sni = name});
    frame_tcp(&frame, &e, stream.data, stream.length);
    assert_int_equal(rig_run(&rig, frame.data, frame.length), XDP_PASS);
}

/* A packet of one of the seven kinds; some carry two names. Returns the names in it. */
static int send_one(uint64_t i)
{
    switch (i % 8) {
    case 0:
        send_hello();
        return 1;
    case 1:
        send_dns(DNS_RESPONSE, 53, 1);
        return 1;
    case 2:
        send_dns(0, 5353, 2);
        return 2;
    case 3:
        send_dns(0x8400, 5353, 1);
        return 1;
    case 4:
        send_dns(0, 5355, 1);
        return 1;
    case 5:
        send_dns(0x8000, 5355, 1);
        return 1;
    default:
        send_dns(DNS_QUERY, 53, 1);
        return 1;
    }
}

/* Everything that must hold of the counts since the rig was opened. */
static void check(struct grain_engine_counts *now)
{
    const __u64 *p = now->totals.packets;
    uint64_t packets = 0, named = 0, names = 0, *c = now->counters, unattributed = 0;

    rig_counts(&rig, now);
    for (int d = 0; d < GRAIN_DISPOSITION_MAX; d++) {
        packets += p[d];
        named += grain_disposition_is_named(d) ? p[d] : 0;
    }
    assert_int_equal(packets, rig.frames);
    for (int kind = 0; kind < GRAIN_NAME_KIND_MAX; kind++) {
        names += now->names[kind];
        unattributed += now->unattributed[kind];
        assert_int_equal(now->names[kind],
                         now->table[kind] + evicted[kind] + now->unattributed[kind]);
    }
    assert_int_equal(names, named + c[GRAIN_COUNTER_NAMES_EXTRA]);
    assert_int_equal(unattributed, c[GRAIN_COUNTER_UNATTRIBUTED]);
    assert_int_equal(c[GRAIN_COUNTER_EVENTS_SEEN], names);
    assert_int_equal(c[GRAIN_COUNTER_EVENTS_SEEN],
                     c[GRAIN_COUNTER_EVENTS_SENT] + c[GRAIN_COUNTER_EVENTS_SAMPLED_OUT] +
                         c[GRAIN_COUNTER_EVENTS_OVER_BUDGET] + c[GRAIN_COUNTER_EVENTS_RING_FULL] +
                         c[GRAIN_COUNTER_EVENTS_NO_READER] + c[GRAIN_COUNTER_EVENTS_FAILED]);
    assert_int_equal(c[GRAIN_COUNTER_EVENTS_SENT], rig.received);
    assert_int_equal(c[GRAIN_COUNTER_EVENTS_FAILED], 0);
    assert_true(c[GRAIN_COUNTER_NAMES_REPLACED] <= c[GRAIN_COUNTER_NAMES_NEW]);
}

/* `names` random ones; the reader drains after every `drain` packets, or never (0). */
static void flood(uint64_t names, uint64_t drain)
{
    for (uint64_t i = 0; names; i++) {
        int sent = send_one(i);

        names -= (uint64_t)sent > names ? names : (uint64_t)sent;
        if (drain && i % drain == 0)
            rig_drain(&rig);
        rig.now_ms += i % 16 == 0;
    }
}

static void a_reader_that_keeps_up_loses_nothing(void **state)
{
    struct grain_engine_counts before, after;

    (void)state;
    rig_ring_open(&rig, ring_pages);
    check(&before);
    flood(200000 / share, 64);
    rig_drain(&rig);
    check(&after);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_RING_FULL], 0);
    assert_int_equal(after.counters[GRAIN_COUNTER_UNATTRIBUTED], 0);
    assert_true(after.counters[GRAIN_COUNTER_NAMES_REPLACED] > 100000 / share);
    assert_int_equal(after.counters[GRAIN_COUNTER_NAMES_REPLACED],
                     after.counters[GRAIN_COUNTER_NAMES_REPLACED_SENT]);
    assert_int_equal(rig.lost, 0);
}

/* The ring fills and stays full: a million names later, each of them has a counter. */
static void a_stalled_reader_loses_by_counter(void **state)
{
    struct grain_engine_counts before, after;
    uint64_t full, flooded = 1000000 / share;

    (void)state;
    check(&before);
    flood(flooded, 0);
    rig_drain(&rig);
    check(&after);
    full = after.counters[GRAIN_COUNTER_EVENTS_RING_FULL];
    assert_true(full > flooded / 10 * 9);
    assert_true(after.counters[GRAIN_COUNTER_UNATTRIBUTED] > flooded / 10 * 9);
    /* The ring itself says how many it dropped, in front of the next record. */
    flood(1, 0);
    rig_drain(&rig);
    assert_int_equal(rig.lost, full);
    check(&after);
}

static void no_reader_is_another_counter(void **state)
{
    struct grain_engine_counts before, after;

    (void)state;
    rig_ring_close(&rig);
    check(&before);
    flood(200000 / share, 0);
    check(&after);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_NO_READER] -
                         before.counters[GRAIN_COUNTER_EVENTS_NO_READER],
                     after.counters[GRAIN_COUNTER_EVENTS_SEEN] -
                         before.counters[GRAIN_COUNTER_EVENTS_SEEN]);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_RING_FULL],
                     before.counters[GRAIN_COUNTER_EVENTS_RING_FULL]);
    rig_ring_open(&rig, ring_pages);
}

/* A thousand new names a second, and a hundred saved up: the others keep out of the table. */
static void a_budget_bounds_the_events(void **state)
{
    struct grain_engine_counts before, after;
    uint64_t start = rig.now_ms, sent, allowed;

    (void)state;
    check(&before);
    rig.config.new_rate = 1000;
    rig.config.new_burst = 100;
    rig_configure(&rig);
    flood(200000 / share, 64);
    rig_drain(&rig);
    check(&after);
    rig.config.new_rate = 0;
    rig_configure(&rig);
    sent = after.counters[GRAIN_COUNTER_EVENTS_SENT] - before.counters[GRAIN_COUNTER_EVENTS_SENT];
    allowed = 100 + rig.now_ms - start;
    assert_true(sent > allowed / 2 && sent <= allowed);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_SEEN] -
                         before.counters[GRAIN_COUNTER_EVENTS_SEEN],
                     sent + after.counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET] -
                         before.counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET]);
    /* Full tables change by what the budget lets in only. */
    assert_true(after.counters[GRAIN_COUNTER_NAMES_REPLACED] -
                    before.counters[GRAIN_COUNTER_NAMES_REPLACED] <=
                sent);
}

/* Known names: one event in a hundred, and within a budget of their own. */
static void known_names_are_sampled(void **state)
{
    static struct bytes message, frame;
    struct envelope e = {.destination_port = 53};
    const uint64_t hundreds = share < 100 ? 100 / share : 1;
    struct grain_engine_counts before, after;

    (void)state;
    dns_query(&message, "known.example.test", DNS_A);
    frame_udp(&frame, &e, message.data, message.length);
    rig_run(&rig, frame.data, frame.length);
    rig_drain(&rig);
    check(&before);
    rig.config.sample = 100;
    rig_configure(&rig);
    for (uint64_t i = 0; i < 100 * hundreds; i++)
        rig_run(&rig, frame.data, frame.length);
    rig_drain(&rig);
    check(&after);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_SENT] -
                         before.counters[GRAIN_COUNTER_EVENTS_SENT],
                     hundreds);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_SAMPLED_OUT] -
                         before.counters[GRAIN_COUNTER_EVENTS_SAMPLED_OUT],
                     99 * hundreds);
    before = after;
    rig.config.sample_rate = 1;
    rig.config.sample_burst = 10;
    rig.config.sample = 1;
    rig_configure(&rig);
    rig.now_ms += 100000;
    for (int i = 0; i < 1000; i++)
        rig_run(&rig, frame.data, frame.length);
    rig_drain(&rig);
    check(&after);
    assert_int_equal(
        after.counters[GRAIN_COUNTER_EVENTS_SENT] - before.counters[GRAIN_COUNTER_EVENTS_SENT], 10);
    assert_int_equal(after.counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET] -
                         before.counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET],
                     990);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_keeps_up_loses_nothing),
        cmocka_unit_test(a_stalled_reader_loses_by_counter),
        cmocka_unit_test(no_reader_is_another_counter),
        cmocka_unit_test(a_budget_bounds_the_events),
        cmocka_unit_test(known_names_are_sampled),
    };
    struct rig_options options = {.flows = 64, .on_record = take};
    int result;

    share = test_share();
    if (share > 8)
        table = ring_pages = 16;
    options.names = table;
    rig_pin(0);
    result = rig_open(&rig, &options);
    if (result)
        return result;
    result = cmocka_run_group_tests_name("names", tests, NULL, NULL);
    rig_close(&rig);
    return result ? 1 : 0;
}
