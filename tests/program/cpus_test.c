// SPDX-License-Identifier: GPL-2.0-only
/*
 * The segments of a flow arrive on different CPUs: one table of flows serves all of them. First in
 * turn, each part on the other CPU; then two CPUs at the same flows at the same time.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <grain/flow.h>
#include <linux/bpf.h>

#include "frames.h"
#include "hellos.h"
#include "rig.h"

#define BATCH   64
#define FLOWS   1024
#define C(name) GRAIN_COUNTER_FLOW_##name

static struct rig rig;
static struct hello_list list;

/* The hellos of a batch: the same one, each in a flow of its own. */
static struct {
    const struct found_hello *hello;
    uint64_t records;
    int cpu; /* where the last part was sent */
    int parts;
} expected;

static void take(void *user, const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    (void)user;
    if (!expected.hello)
        return;
    assert_true(record->header.flags & GRAIN_RECORD_FLAG_STREAM);
    assert_int_equal(record->header.cpu, expected.cpu);
    assert_int_equal(record->segments, expected.parts);
    assert_int_equal(length, expected.hello->joined_length);
    assert_memory_equal(bytes, expected.hello->joined, length);
    expected.records++;
}

static void send_part(uint32_t flow, const struct found_hello *hello, size_t from, size_t until)
{
    static _Thread_local struct bytes frame;
    struct envelope e = {.flow = flow, .destination_port = 443, .sequence = flow * 7777 + from};

    frame_tcp(&frame, &e, hello->wire + from, until - from);
    assert_int_equal(rig_run(&rig, frame.data, frame.length), XDP_PASS);
}

static size_t minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Cuts [first, first + BATCH): all first parts on CPU 0, all second parts on CPU 1; `thirds`: the
 * second part is cut again, and the last of it comes on CPU 0. */
static void send_batch(const struct found_hello *hello, size_t first, bool thirds)
{
    static uint32_t flow;
    size_t length = hello->wire_length, last = minimum(first + BATCH, length - thirds);

    flow += BATCH;
    rig_pin(0);
    for (size_t cut = first; cut < last; cut++)
        send_part(flow + cut - first, hello, 0, cut);
    rig_pin(1);
    for (size_t cut = first; cut < last; cut++) {
        send_part(flow + cut - first, hello, 0, cut);
        send_part(flow + cut - first, hello, cut, thirds ? (cut + length + 1) / 2 : length);
    }
    if (!thirds)
        return;
    rig_pin(0);
    for (size_t cut = first; cut < last; cut++)
        send_part(flow + cut - first, hello, (cut + length + 1) / 2, length);
}

static void check_added(const struct grain_engine_counts *before, uint64_t hellos)
{
    struct grain_engine_counts now;

    rig_counts(&rig, &now);
    assert_int_equal(now.counters[C(STARTED)] - before->counters[C(STARTED)], hellos);
    assert_int_equal(now.counters[C(COMPLETED)] - before->counters[C(COMPLETED)], hellos);
    assert_int_equal(now.counters[C(REPEAT)] - before->counters[C(REPEAT)], hellos);
    assert_int_equal(now.flows_pending, 0);
}

static uint64_t run_hello(const struct found_hello *hello, size_t step, bool thirds)
{
    size_t most = hello->wire_length - thirds;
    uint64_t hellos = 0;

    for (size_t first = 1; first < most; first += BATCH * step) {
        expected.hello = hello;
        expected.records = 0;
        expected.parts = 2 + thirds;
        expected.cpu = !thirds;
        send_batch(hello, first, thirds);
        rig_drain(&rig);
        assert_int_equal(expected.records, minimum(BATCH, most - first));
        hellos += expected.records;
    }
    expected.hello = NULL;
    return hellos;
}

/* Testdata's hellos at every byte, one in three batches of cuts for the corpus. A share of that:
 * one hello in up to eight, and fewer batches. */
static void run_all(bool thirds)
{
    struct grain_engine_counts before;
    uint64_t hellos = 0;
    uint32_t share = test_share(), skip = share < 8 ? share : 8;

    rig_counts(&rig, &before);
    for (size_t i = thirds % skip; i < list.count; i += skip) {
        const struct found_hello *hello = &list.hellos[i];
        size_t step;

        if (hello->joined_length > GRAIN_FLOW_BYTES)
            continue;
        step = strncmp(hello->path, "testdata/", 9) ? 3 : 1;
        hellos += run_hello(hello, share / skip * step, thirds);
    }
    check_added(&before, hellos);
    printf("%" PRIu64 " hellos\n", hellos);
}

static void two_parts_on_two_cpus(void **state)
{
    (void)state;
    run_all(false);
}

static void three_parts_alternating(void **state)
{
    (void)state;
    run_all(true);
}

/* ---- at the same time ---- */

#define RACES_ALL  10000
#define RACE_PARTS 8

static uint32_t arrived, races;

/* Both threads set out together, each time. */
static void meet(uint32_t round)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 2 * (round + 1))
        sched_yield();
}

/* Each thread sends all parts of the same hellos, in order, as a network that doubles packets
 * would; who comes first differs from run to run. */
static void *race(void *user)
{
    const struct found_hello *hello = &list.hellos[0];
    int cpu = (int)(intptr_t)user;

    rig_pin(cpu);
    for (uint32_t i = 0; i < races; i++) {
        size_t length = hello->wire_length;

        meet(i);
        for (int part = 0; part < RACE_PARTS; part++)
            send_part(0x500000 + i, hello, length * part / RACE_PARTS,
                      length * (part + 1) / RACE_PARTS);
    }
    return NULL;
}

static uint64_t packets_of(const struct grain_engine_counts *c)
{
    uint64_t sum = 0;

    for (int d = 0; d < GRAIN_DISPOSITION_MAX; d++)
        sum += c->totals.packets[d];
    return sum;
}

/* Whatever the order: each packet has one disposition, each message one end, each hello is whole.
 */
static void check_race(const struct grain_engine_counts *a, const struct grain_engine_counts *b)
{
    uint64_t started = b->counters[C(STARTED)] - a->counters[C(STARTED)], over = 0, names;
    static const int ends[] = {C(COMPLETED), C(EVICTED), C(TIMED_OUT), C(GAP),
                               C(RESET),     C(REUSED),  C(MALFORMED)};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        over += b->counters[ends[i]] - a->counters[ends[i]];
    names = b->names[GRAIN_NAME_TLS_SNI] - a->names[GRAIN_NAME_TLS_SNI];
    assert_int_equal(packets_of(b) - packets_of(a), 2 * races * RACE_PARTS);
    assert_int_equal(started, over + b->flows_pending - a->flows_pending);
    assert_int_equal(names, b->counters[C(COMPLETED)] - a->counters[C(COMPLETED)]);
    assert_int_equal(names, b->totals.packets[GRAIN_DISPOSITION_TLS_HELLO] -
                                a->totals.packets[GRAIN_DISPOSITION_TLS_HELLO]);
    assert_int_equal(b->table[GRAIN_NAME_TLS_SNI], b->names[GRAIN_NAME_TLS_SNI]);
    assert_true(names > 0);
    printf("%" PRIu64 " hellos of %d, %" PRIu64 " meetings of two CPUs\n", names, 2 * races,
           b->counters[C(BUSY)] - a->counters[C(BUSY)]);
}

static uint64_t raced;

static void take_raced(void *user, const struct grain_record *record, const uint8_t *bytes,
                       size_t length)
{
    const struct found_hello *hello = &list.hellos[0];

    (void)user;
    assert_true(record->header.flags & GRAIN_RECORD_FLAG_STREAM);
    assert_int_equal(length, hello->joined_length);
    assert_memory_equal(bytes, hello->joined, length);
    raced++;
}

static void two_cpus_at_the_same_flows(void **state)
{
    struct grain_engine_counts before, after;
    pthread_t threads[2];

    (void)state;
    rig.options.on_record = take_raced;
    rig_counts(&rig, &before);
    for (intptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, (void *)i), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    rig_drain(&rig);
    rig_counts(&rig, &after);
    check_race(&before, &after);
    assert_true(raced > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_parts_on_two_cpus),
        cmocka_unit_test(three_parts_alternating),
        cmocka_unit_test(two_cpus_at_the_same_flows),
    };
    const struct rig_options options = {
        .names = 1024, .flows = FLOWS, .ring_pages = 1024, .on_record = take};
    int result;

    if (rig_cpus_allowed() < 2) {
        printf("SKIPPED: this takes two CPUs\n");
        return 77;
    }
    result = rig_open(&rig, &options);
    if (result)
        return result;
    races = RACES_ALL / test_share();
    capture_each(hellos_collect, &list);
    result = cmocka_run_group_tests_name("CPUs", tests, NULL, NULL);
    rig_close(&rig);
    hellos_free(&list);
    return result ? 1 : 0;
}
