// SPDX-License-Identifier: GPL-2.0-only
/*
 * 100,000 hellos that begin and never end. The table of flows stays as large as it is, each of the
 * hellos is accounted for, and one that comes in two parts meanwhile is still put together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <grain/flow.h>

#include "runner.h"

#define FLOOD_ALL 100000
#define BUCKETS   512

#define C(name) GRAIN_COUNTER_FLOW_##name

static struct runner engines[2];
static struct bytes stream, frame;
static uint32_t flood_size; /* FLOOD_ALL, or a share that still fills the table twice */

static void part(struct script *s, struct envelope e, size_t from, size_t until)
{
    e.sequence = 5000 + from;
    frame_tcp(&frame, &e, stream.data + from, until - from);
    script_frame(s, &frame);
}

static struct envelope attacker(uint32_t number)
{
    return (struct envelope){
        .flow = 0x800000 + number, .source_port = 1024 + number % 60000, .destination_port = 443};
}

/* Messages that are over, by what the counters say. */
static uint64_t accounted(const uint64_t *c)
{
    return c[C(COMPLETED)] + c[C(EVICTED)] + c[C(TIMED_OUT)] + c[C(GAP)] + c[C(RESET)] +
           c[C(REUSED)] + c[C(MALFORMED)];
}

static void run(const struct script *s, struct outcome outcomes[2])
{
    for (int i = 0; i < 2; i++) {
        const struct grain_engine_counts *counts = &outcomes[i].counts;
        const uint64_t *c = counts->counters;

        runner_run(&engines[i], s, &outcomes[i]);
        outcome_check_sums(&outcomes[i], s->count);
        assert_int_equal(c[C(STARTED)], accounted(c) + counts->flows_pending);
        assert_int_equal(c[C(REFUSED)] + c[C(BUSY)], 0);
    }
    outcome_check_same(&outcomes[0], &outcomes[1]);
}

static void flood(struct script *s, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        part(s, attacker(i), 0, 60);
        s->now_ms += (i % 16 == 0) - 1; /* 16,000 a second */
    }
}

static void free_all(struct outcome outcomes[2], struct script *s)
{
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(s);
}

static void half_open_hellos_are_bounded_and_accounted_for(void **state)
{
    const struct envelope genuine = {.flow = 1, .destination_port = 443};
    struct outcome outcomes[2];
    const uint64_t *c = outcomes[0].counts.counters;
    struct script s;

    (void)state;
    script_init(&s);
    flood(&s, 0, flood_size / 2);
    part(&s, genuine, 0, 100);
    part(&s, genuine, 100, stream.length);
    flood(&s, flood_size / 2, flood_size / 2);
    run(&s, outcomes);
    assert_int_equal(c[C(STARTED)], flood_size + 1);
    assert_int_equal(c[C(COMPLETED)], 1);
    assert_true(outcomes[0].counts.flows_pending <= BUCKETS * GRAIN_FLOW_WAYS);
    assert_int_equal(c[C(EVICTED)], flood_size - outcomes[0].counts.flows_pending);
    assert_int_equal(outcomes[0].counts.totals.packets[GRAIN_DISPOSITION_TLS_HELLO], 1);
    assert_int_equal(outcomes[0].record_count, 1);
    assert_int_equal(outcomes[0].records[0].length, stream.length);
    assert_memory_equal(outcomes[0].records[0].bytes, stream.data, stream.length);
    free_all(outcomes, &s);
}

/* Hellos whose second part comes while a handful of others is under way, in a table that is full
 * of what the flood left: all of them are found. */
static void genuine_hellos_pass_through_a_full_table(void **state)
{
    struct outcome outcomes[2];
    struct script s;

    (void)state;
    script_init(&s);
    for (uint32_t i = 0; i < flood_size / 50; i++) {
        struct envelope e = {.flow = 1000 + i, .destination_port = 443};

        part(&s, e, 0, 100);
        flood(&s, flood_size + 4 * i, 4);
        part(&s, e, 100, stream.length);
    }
    run(&s, outcomes);
    /* Four newcomers reach the four ways of one bucket in one of 512 to the fourth power. */
    assert_int_equal(outcomes[0].counts.totals.packets[GRAIN_DISPOSITION_TLS_HELLO],
                     flood_size / 50);
    free_all(outcomes, &s);
}

/* What is over its time goes first, and under that name: of 1,000 newcomers some 35 meet a bucket
 * that four others of them have taken. */
static void old_ones_time_out(void **state)
{
    struct outcome outcomes[2];
    const uint64_t *c = outcomes[0].counts.counters;
    struct script s;

    (void)state;
    script_init(&s);
    script_wait(&s, 60000);
    flood(&s, 2 * flood_size, 1000);
    run(&s, outcomes);
    assert_int_equal(c[C(STARTED)], 1000);
    assert_true(c[C(EVICTED)] < 70);
    assert_int_equal(c[C(EVICTED)] + c[C(TIMED_OUT)] + outcomes[0].counts.flows_pending, 1000);
    free_all(outcomes, &s);
}

/* More of them, each with a second part that does not fit. */
static void every_way_to_give_up_is_counted(void **state)
{
    struct outcome outcomes[2];
    const uint64_t *c = outcomes[0].counts.counters;
    const uint32_t each = flood_size / 50;
    struct script s;

    (void)state;
    script_init(&s);
    script_wait(&s, 60000);
    for (uint32_t i = 0; i < 5 * each; i++) {
        struct envelope e = attacker(3 * flood_size + i);

        part(&s, e, 0, 60);
        e.tcp_flags = i % 5 == 1 ? TCP_RST : i % 5 == 2 ? TCP_SYN : TCP_ACK;
        if (i % 5 == 3)
            script_wait(&s, 31000);
        part(&s, e, i % 5 == 0 ? 80 : 60, 90);
    }
    run(&s, outcomes);
    assert_int_equal(c[C(GAP)], each);
    assert_int_equal(c[C(RESET)], each);
    assert_int_equal(c[C(REUSED)], each);
    assert_true(c[C(TIMED_OUT)] >= each);
    free_all(outcomes, &s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_open_hellos_are_bounded_and_accounted_for),
        cmocka_unit_test(genuine_hellos_pass_through_a_full_table),
        cmocka_unit_test(old_ones_time_out),
        cmocka_unit_test(every_way_to_give_up_is_counted),
    };
    int result = runner_open(&engines[0], GRAIN_ENGINE_BPF, true, 256, BUCKETS);

    if (!result)
        result = runner_open(&engines[1], GRAIN_ENGINE_HOST, true, 256, BUCKETS);
    if (result)
        return result;
    flood_size = FLOOD_ALL / test_share();
    if (flood_size < 2 * BUCKETS * GRAIN_FLOW_WAYS)
        flood_size = 2 * BUCKETS * GRAIN_FLOW_WAYS;
    tls_hello_record(&stream, &(struct hello){.sni = "genuine.example.test", .pad = 200});
    result = cmocka_run_group_tests_name("flood", tests, NULL, NULL);
    runner_close(&engines[0]);
    runner_close(&engines[1]);
    return result ? 1 : 0;
}
