// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP program loaded for frames in several buffers. The tables of cases, with little more than
 * the headers in the first buffer, where test-run can choose (6.18): the same as the host engine on
 * frames in one piece, to the byte. Then frames of up to 60 KB, of which test-run puts the first
 * 3,520 bytes into the first buffer: what the frame builder says of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "cases.h"
#include "rig.h"

#define NAMES        64
#define SNAP         3520
#define FIRST_BUFFER 3520 /* what test-run puts there when it is not asked */

static struct runner host;
static struct rig rig;
static struct outcome *sink;
static bool can_choose;

static void take(void *user, const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    (void)user;
    outcome_add_record(sink, record, bytes, length);
}

/* test-run takes no frame shorter than an Ethernet header: the engine pads those. */
static bool fits(const struct script *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->steps[i].captured < 14)
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
        assert_int_equal(rig_run(&rig, step->data, step->captured), XDP_PASS);
        rig_drain(&rig);
    }
    rig_counts(&rig, &out->counts);
    for (size_t i = 0; i < sizeof(before) / sizeof(*to); i++)
        to[i] -= from[i];
}

static void check_texts(const struct test_case *c, const struct outcome *o)
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

static void run_case(const struct test_case *c, uint32_t linear)
{
    struct outcome expected, got;
    struct script script;

    script_init(&script);
    c->build(&script);
    if (!fits(&script)) {
        printf("SKIPPED: %s: a frame shorter than an Ethernet header\n", c->name);
        script_free(&script);
        skip();
    }
    runner_run(&host, &script, &expected);
    rig.linear = linear;
    run_script(&script, &got);
    rig.linear = 0;
    check_texts(c, &got);
    /* Texts are for the engines' tests. */
    got.name_count = expected.name_count = 0;
    /* The engine runs the head of a frame over 3,520 bytes, and says so; here all of it is run. */
    got.counts.heads_only = expected.counts.heads_only;
    outcome_check_same(&got, &expected);
    outcome_free(&got);
    outcome_free(&expected);
    script_free(&script);
}

static void in_one_buffer(void **state)
{
    run_case(*state, 0);
}

/* No header of these cases is longer than that. */
static void behind_the_headers(void **state)
{
    if (!can_choose) {
        printf(
            "SKIPPED: this kernel's test-run does not let the first buffer's length be chosen\n");
        skip();
    }
    run_case(*state, 128);
}

/* ---- large frames ---- */

static struct bytes payload, message, stream, frame;
static struct outcome got;

static void fill_to(struct bytes *b, size_t length)
{
    assert_true(b->length <= length);
    put_fill(b, 0x17, length - b->length);
}

/* The script's frames, and what they are: dispositions, counters, records. Frees the script. */
static void expect(struct script *s, const char *dispositions, const char *counters, size_t records)
{
    uint64_t bytes = 0, sent = 0;
    char text[1024];

    outcome_free(&got);
    run_script(s, &got);
    outcome_dispositions(&got, text, sizeof(text));
    assert_string_equal(text, dispositions);
    outcome_counters(&got, text, sizeof(text));
    assert_string_equal(text, counters);
    assert_int_equal(got.record_count, records);
    for (int d = 0; d < GRAIN_DISPOSITION_MAX; d++)
        bytes += got.counts.totals.bytes[d];
    for (size_t i = 0; i < s->count; i++)
        sent += s->steps[i].captured;
    assert_int_equal(bytes, sent);
    script_free(s);
}

static void expect_tcp(uint16_t port, const char *dispositions, const char *counters,
                       size_t records)
{
    struct envelope e = {.destination_port = port};
    struct script s;

    script_init(&s);
    frame_tcp(&frame, &e, payload.data, payload.length);
    assert_true(frame.length > FIRST_BUFFER);
    script_frame(&s, &frame);
    expect(&s, dispositions, counters, records);
}

static void expect_udp(uint16_t port, const char *dispositions, size_t records)
{
    struct envelope e = {.destination_port = port};
    struct script s;

    script_init(&s);
    frame_udp(&frame, &e, payload.data, payload.length);
    assert_true(frame.length > FIRST_BUFFER);
    script_frame(&s, &frame);
    expect(&s, dispositions, "", records);
}

/* The record carries the head of the frame, over the buffers. */
static void check_packet_record(size_t number)
{
    const struct taken_record *taken = &got.records[number];

    assert_int_equal(taken->length, frame.length < SNAP ? frame.length : SNAP);
    assert_memory_equal(taken->bytes, frame.data, taken->length);
}

/* The name's hash is that of the same name in a small frame, by the host engine. */
static void check_name(size_t number, uint16_t port, const struct bytes *small)
{
    struct envelope e = {.destination_port = port};
    struct outcome expected;
    struct script s;

    script_init(&s);
    script_tcp(&s, &e, small->data, small->length);
    runner_run(&host, &s, &expected);
    assert_int_equal(expected.record_count, 1);
    assert_int_equal(got.records[number].record.name_hash, expected.records[0].record.name_hash);
    assert_int_equal(got.records[number].record.kind, expected.records[0].record.kind);
    outcome_free(&expected);
    script_free(&s);
}

static void build_hello(size_t pad)
{
    payload.length = stream.length = 0;
    tls_hello_record(&payload, &(struct hello){.sni = "frags.example.test", .pad = pad});
    tls_hello_record(&stream, &(struct hello){.sni = "frags.example.test"});
}

static void a_hello_in_front_of_60_kilobytes(void **state)
{
    (void)state;
    build_hello(0);
    fill_to(&payload, 60000);
    expect_tcp(443, "tls_hello=1", "", 1);
    check_packet_record(0);
    check_name(0, 443, &stream);
}

static void a_server_name_behind_the_first_buffer(void **state)
{
    (void)state;
    for (size_t pad = 3200; pad <= 3800; pad += test_share()) {
        build_hello(pad);
        if (pad % 3)
            fill_to(&payload, 60000);
        if (payload.length + 54 <= FIRST_BUFFER)
            continue;
        expect_tcp(443, "tls_hello=1", "", 1);
        check_packet_record(0);
        check_name(0, 443, &stream);
    }
}

/* Its second part is small; what was kept of the first lies in two buffers. */
static void a_split_hello_behind_the_first_buffer(void **state)
{
    struct envelope e = {.destination_port = 443};
    struct script s;

    (void)state;
    build_hello(3700);
    for (size_t cut = FIRST_BUFFER - 54; cut < payload.length; cut += 7 * test_share()) {
        script_init(&s);
        script_segment(&s, &e, payload.data, cut);
        script_segment(&s, &e, payload.data + cut, payload.length - cut);
        expect(&s, "tls_hello=1 tls_hello_part=1", "flow_started=1 flow_completed=1", 1);
        assert_int_equal(got.records[0].length, payload.length);
        assert_memory_equal(got.records[0].bytes, payload.data, payload.length);
        check_name(0, 443, &stream);
    }
}

/* A response, and a query behind it at each place around the end of the first buffer. */
static void dns_messages_behind_the_first_buffer(void **state)
{
    struct bytes query = {0};

    (void)state;
    for (size_t rdata = 3300; rdata <= 3600; rdata += test_share()) {
        payload.length = message.length = stream.length = query.length = 0;
        dns_header(&message, DNS_RESPONSE, 1, 1, 0, 0);
        dns_question(&message, "first.example.test", DNS_A, DNS_IN);
        dns_record(&message, 16, rdata);
        dns_tcp(&payload, &message);
        dns_query(&query, "behind.example.test", DNS_A);
        dns_tcp(&stream, &query);
        put(&payload, stream.data, stream.length);
        if (payload.length + 54 <= FIRST_BUFFER)
            continue;
        expect_tcp(53, "dns_response=1", "names_extra=1", 2);
        check_packet_record(1);
        check_name(1, 53, &stream);
    }
}

static void datagrams_of_60_kilobytes(void **state)
{
    (void)state;
    payload.length = 0;
    dns_header(&payload, DNS_RESPONSE, 1, 1, 0, 0);
    dns_question(&payload, "large.example.test", DNS_A, DNS_IN);
    dns_record(&payload, 16, 60000);
    expect_udp(53, "dns_response=1", 1);
    check_packet_record(0);
    payload.length = 0;
    quic_initial(&payload, 1, 60000);
    expect_udp(443, "quic_initial=1", 1);
    check_packet_record(0);
}

static void bulk_of_60_kilobytes(void **state)
{
    (void)state;
    payload.length = 0;
    fill_to(&payload, 60000);
    expect_tcp(9999, "tcp_other=1", "", 0);
    expect_udp(9999, "udp_other=1", 0);
}

static int run_large(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_in_front_of_60_kilobytes),
        cmocka_unit_test(a_server_name_behind_the_first_buffer),
        cmocka_unit_test(a_split_hello_behind_the_first_buffer),
        cmocka_unit_test(dns_messages_behind_the_first_buffer),
        cmocka_unit_test(datagrams_of_60_kilobytes),
        cmocka_unit_test(bulk_of_60_kilobytes),
    };

    return cmocka_run_group_tests_name("large frames", tests, NULL, NULL);
}

static int run_list(const char *group, const struct case_list *list, CMUnitTestFunction run)
{
    struct CMUnitTest *tests = calloc(list->count, sizeof(*tests));
    int failed;

    if (!tests)
        return 1;
    for (size_t i = 0; i < list->count; i++) {
        tests[i].name = list->cases[i].name;
        tests[i].test_func = run;
        tests[i].initial_state = (void *)&list->cases[i];
    }
    failed = _cmocka_run_group_tests(group, tests, list->count, NULL, NULL);
    free(tests);
    return failed;
}

static int run_tables(const char *name, CMUnitTestFunction run)
{
    const struct case_list *lists[] = {&transport_cases, &dns_cases, &dns_tcp_cases, &tls_cases,
                                       &tls_split_cases};
    int failed = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        failed += run_list(name, lists[i], run);
    return failed;
}

static bool test_run_chooses(void)
{
    static uint8_t in[64];
    struct xdp_md context = {.data_end = 32};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in),
                .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);

    rig.replay->captured_length = rig.replay->wire_length = sizeof(in);
    return !bpf_prog_test_run_opts(rig.program, &run);
}

int main(void)
{
    const struct rig_options options = {.frags = true,
                                        .names = NAMES,
                                        .flows = RUNNER_FLOWS,
                                        .ring_pages = 1024,
                                        .seed = RUNNER_SEED,
                                        .on_record = take};
    int failed, result;

    rig_pin(0);
    result = rig_open(&rig, &options);
    if (!result)
        result = runner_open(&host, GRAIN_ENGINE_HOST, true, NAMES, RUNNER_FLOWS);
    if (result)
        return result;
    can_choose = test_run_chooses();
    failed = run_list("frags, fresh table", &fresh_cases, in_one_buffer);
    failed += run_list("frags, layers", &layer_cases, in_one_buffer);
    failed += run_tables("frags, one buffer", in_one_buffer);
    failed += run_tables("frags, behind the headers", behind_the_headers);
    failed += run_large();
    outcome_free(&got);
    runner_close(&host);
    rig_close(&rig);
    return failed ? 1 : 0;
}
