// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tc program on the same tables as the XDP program, beside the host engine: counts and records
 * are the same to the byte, but for the hook's name. Test-run takes frames of 34 to 3,712 bytes
 * here, all of them linear; see tc_live_test.c for others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "cases.h"
#include "rig.h"

#define NAMES    64
#define SHORTEST 34
#define LONGEST  3712

static struct runner host;
static struct rig rig;
static struct outcome *sink;

static void take(void *user, const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    (void)user;
    outcome_add_record(sink, record, bytes, length);
}

static bool fits(const struct script *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->steps[i].captured < SHORTEST || s->steps[i].captured > LONGEST)
            return false;
    return true;
}

static void run_script(const struct script *s, struct outcome *out)
{
    struct grain_engine_counts before;
    uint64_t *to = (uint64_t *)&out->counts;
    const uint64_t *from = (const uint64_t *)&before;

    memset(out, 0, sizeof(*out));
    sink = out;
    rig_counts(&rig, &before);
    rig.frames = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct step *step = &s->steps[i];

        rig.now_ms = s->start_ms + step->time_ms;
        rig.wire = step->wire;
        assert_int_equal((int)rig_run(&rig, step->data, step->captured), TC_ACT_UNSPEC);
        rig_drain(&rig);
    }
    rig_counts(&rig, &out->counts);
    for (size_t i = 0; i < sizeof(before) / sizeof(*to); i++)
        to[i] -= from[i];
}

static void check_stated(const struct test_case *c, const struct outcome *o)
{
    char dispositions[1024], counters[1024], records[1024];

    outcome_dispositions(o, dispositions, sizeof(dispositions));
    outcome_counters(o, counters, sizeof(counters));
    outcome_records(o, records, sizeof(records));
    if (strcmp(dispositions, c->dispositions ? c->dispositions : "") ||
        strcmp(counters, c->counters ? c->counters : "") ||
        strcmp(records, c->records ? c->records : ""))
        fail_msg("got %s; %s; %s", dispositions, counters, records);
}

/* The records name the hook they come from; apart from that they are those of the host engine. */
static void check_hook(struct outcome *o)
{
    for (size_t i = 0; i < o->record_count; i++) {
        assert_int_equal(o->records[i].record.header.hook, GRAIN_HOOK_TC);
        o->records[i].record.header.hook = GRAIN_HOOK_XDP;
    }
}

static void run_case(void **state)
{
    const struct test_case *c = *state;
    struct outcome expected, got;
    struct script script;

    script_init(&script);
    c->build(&script);
    if (!fits(&script)) {
        printf("SKIPPED: %s: frames that test-run does not take on tc\n", c->name);
        script_free(&script);
        skip();
    }
    runner_run(&host, &script, &expected);
    run_script(&script, &got);
    check_stated(c, &got);
    check_hook(&got);
    /* Texts are for the engines' tests. */
    got.name_count = expected.name_count = 0;
    outcome_check_same(&got, &expected);
    outcome_free(&got);
    outcome_free(&expected);
    script_free(&script);
}

/* Run one frame with a context; the segments it counts beyond itself. */
static uint64_t segments_of(uint32_t gso_segs)
{
    static struct bytes frame;
    struct envelope e = {.destination_port = 9};
    struct __sk_buff context = {.gso_segs = gso_segs, .gso_size = gso_segs ? 500 : 0};
    struct grain_engine_counts before, after;
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame.data, .ctx_in = &context,
                .ctx_size_in = sizeof(context), .repeat = 1);

    frame_udp(&frame, &e, "payload", 7);
    run.data_size_in = frame.length;
    rig_counts(&rig, &before);
    assert_int_equal(bpf_prog_test_run_opts(rig.program, &run), 0);
    rig_counts(&rig, &after);
    assert_int_equal(after.totals.packets[GRAIN_DISPOSITION_UDP_OTHER] -
                         before.totals.packets[GRAIN_DISPOSITION_UDP_OTHER],
                     1);
    return after.totals.segments - before.totals.segments;
}

static void a_packet_counts_the_segments_it_stands_for_beyond_one(void **state)
{
    (void)state;
    assert_int_equal(segments_of(0), 0);
    assert_int_equal(segments_of(1), 0);
    assert_int_equal(segments_of(44), 43);
}

static int run_list(const char *group, const struct case_list *list)
{
    struct CMUnitTest *tests = calloc(list->count, sizeof(*tests));
    int failed;

    if (!tests)
        return 1;
    for (size_t i = 0; i < list->count; i++) {
        tests[i].name = list->cases[i].name;
        tests[i].test_func = run_case;
        tests[i].initial_state = (void *)&list->cases[i];
    }
    failed = _cmocka_run_group_tests(group, tests, list->count, NULL, NULL);
    free(tests);
    return failed;
}

static int run_segments(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_counts_the_segments_it_stands_for_beyond_one),
    };

    return cmocka_run_group_tests_name("tc, segments", tests, NULL, NULL);
}

int main(void)
{
    const struct rig_options options = {.tc = true,
                                        .names = NAMES,
                                        .flows = RUNNER_FLOWS,
                                        .ring_pages = 1024,
                                        .seed = RUNNER_SEED,
                                        .on_record = take};
    int failed = 0, result;

    rig_pin(0);
    result = rig_open(&rig, &options);
    if (!result)
        result = runner_open(&host, GRAIN_ENGINE_HOST, true, NAMES, RUNNER_FLOWS);
    if (result)
        return result;
    failed += run_list("tc, fresh table", &fresh_cases);
    failed += run_list("tc, layers", &layer_cases);
    failed += run_list("tc, transport", &transport_cases);
    failed += run_list("tc, DNS over UDP", &dns_cases);
    failed += run_list("tc, DNS over TCP", &dns_tcp_cases);
    failed += run_list("tc, TLS", &tls_cases);
    failed += run_list("tc, split TLS", &tls_split_cases);
    failed += run_segments();
    runner_close(&host);
    rig_close(&rig);
    return failed ? 1 : 0;
}
