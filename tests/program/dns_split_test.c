// SPDX-License-Identifier: GPL-2.0-only
/*
 * DNS messages over TCP, their stream cut at every byte: every question is counted once, and
 * nothing else is, on the port of DNS and on another.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runner.h"

#define C(name) GRAIN_COUNTER_FLOW_##name

static struct runner engines[2];
static struct bytes stream;

/* What is in the stream: `names` as outcome_names has them, each N times for N streams. */
struct content {
    const char *name;
    void (*build)(void);
    uint16_t source_port;
    uint16_t destination_port;
    const char *names[4];
};

static void add_message(uint16_t flags, const char *question, uint16_t type, int records,
                        size_t length)
{
    struct bytes message = {0};

    dns_header(&message, flags, question != NULL, flags & 0x8000 ? records : 0, 0,
               flags & 0x8000 ? 0 : records);
    if (question)
        dns_question(&message, question, type, DNS_IN);
    else
        dns_record_named(&message, "zone.example.test", 16, length);
    for (int i = question == NULL; i < records; i++)
        dns_record(&message, 16, length);
    dns_tcp(&stream, &message);
}

static void one_query(void)
{
    add_message(DNS_QUERY, "www.example.test", DNS_A, 0, 0);
}

static void three_queries(void)
{
    add_message(DNS_QUERY, "a.example.test", DNS_A, 0, 0);
    add_message(DNS_QUERY, "", 2, 0, 0);
    add_message(DNS_QUERY, "c.example.test", DNS_AAAA, 1, 40);
}

static void long_query(void)
{
    add_message(DNS_QUERY, "key.example.test", 249, 1, 900);
    add_message(DNS_QUERY, "next.example.test", DNS_A, 0, 0);
}

static void responses(void)
{
    add_message(DNS_RESPONSE, "a.example.test", DNS_A, 3, 4);
    add_message(DNS_RESPONSE, "b.example.test", 16, 2, 300);
    add_message(DNS_RESPONSE, "c.example.test", DNS_A, 1, 4);
}

/* Later messages of a transfer have no question; the last one here is a response again. */
static void transfer(void)
{
    add_message(DNS_RESPONSE, "zone.example.test", 252, 2, 150);
    add_message(DNS_RESPONSE, NULL, 0, 2, 150);
    add_message(DNS_RESPONSE, NULL, 0, 2, 150);
    add_message(DNS_RESPONSE, "next.example.test", DNS_A, 1, 4);
}

#define Q "dns_query/"
#define R "dns_response/"

static const struct content contents[] = {
    {"one query", one_query, 40000, 53, {Q "1/www.example.test"}},
    {"one query, an odd port", one_query, 40000, 10053, {Q "1/www.example.test"}},
    {"three queries",
     three_queries,
     40000,
     53,
     {Q "1/a.example.test", Q "2/.", Q "28/c.example.test"}},
    {"three queries, an odd port",
     three_queries,
     40000,
     10053,
     {Q "1/a.example.test", Q "2/.", Q "28/c.example.test"}},
    {"a long query and a short one",
     long_query,
     40000,
     53,
     {Q "1/next.example.test", Q "249/key.example.test"}},
    {"three responses",
     responses,
     53,
     40000,
     {R "1/a.example.test", R "1/c.example.test", R "16/b.example.test"}},
    {"a zone transfer", transfer, 53, 40000, {R "1/next.example.test", R "252/zone.example.test"}},
};

struct delivery {
    struct script *script;
    struct envelope envelope;
    uint32_t start;
};

static void part(struct delivery *d, size_t from, size_t until)
{
    d->envelope.sequence = d->start + from;
    script_tcp(d->script, &d->envelope, stream.data + from, until - from);
}

static void in_two(struct delivery *d, size_t cut, size_t second)
{
    (void)second;
    part(d, 0, cut);
    part(d, cut, stream.length);
}

static void in_three(struct delivery *d, size_t cut, size_t second)
{
    part(d, 0, cut);
    part(d, cut, second);
    part(d, second, stream.length);
}

static void expect_names(const struct content *content, const struct outcome *o, uint64_t streams)
{
    char expected[1024] = "", got[4096];

    for (int i = 0; i < 4 && content->names[i]; i++) {
        size_t used = strlen(expected);

        snprintf(expected + used, sizeof(expected) - used, "%s%s=%" PRIu64, i ? " " : "",
                 content->names[i], streams);
    }
    outcome_names(o, got, sizeof(got));
    assert_string_equal(got, expected);
}

static void check_flows(const struct outcome *o)
{
    const uint64_t *c = o->counts.counters;

    assert_int_equal(c[C(STARTED)], c[C(COMPLETED)]);
    assert_int_equal(c[C(EVICTED)] + c[C(TIMED_OUT)] + c[C(GAP)] + c[C(RESET)] + c[C(REUSED)] +
                         c[C(MALFORMED)] + c[C(REFUSED)],
                     0);
    assert_int_equal(o->counts.flows_pending, 0);
    assert_int_equal(c[GRAIN_COUNTER_NAMES_LIMIT], 0);
}

static void run_content(const struct content *content,
                        void (*deliver)(struct delivery *, size_t cut, size_t second))
{
    struct outcome outcomes[2];
    struct script script;
    struct delivery d = {.script = &script};
    uint64_t seed = 5, streams = 0;

    stream.length = 0;
    content->build();
    script_init(&script);
    for (size_t cut = 1; cut + 1 < stream.length; cut++) {
        d.envelope = (struct envelope){.flow = cut,
                                       .source_port = content->source_port,
                                       .destination_port = content->destination_port};
        d.start = random_next(&seed) >> 32;
        deliver(&d, cut, cut + 1 + random_below(&seed, stream.length - cut - 1));
        streams++;
    }
    for (int i = 0; i < 2; i++) {
        runner_run(&engines[i], &script, &outcomes[i]);
        outcome_check_sums(&outcomes[i], script.count);
        expect_names(content, &outcomes[i], streams);
        check_flows(&outcomes[i]);
    }
    outcome_check_same(&outcomes[0], &outcomes[1]);
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(&script);
}

static void run(void **state)
{
    run_content(*state, in_two);
    run_content(*state, in_three);
}

int main(void)
{
    struct CMUnitTest tests[sizeof(contents) / sizeof(contents[0])] = {0};
    int result = runner_open(&engines[0], GRAIN_ENGINE_BPF, true, 128, 1024);

    if (!result)
        result = runner_open(&engines[1], GRAIN_ENGINE_HOST, true, 128, 1024);
    if (result)
        return result;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        tests[i].name = contents[i].name;
        tests[i].test_func = run;
        tests[i].initial_state = (void *)&contents[i];
    }
    result = cmocka_run_group_tests_name("split DNS", tests, NULL, NULL);
    runner_close(&engines[0]);
    runner_close(&engines[1]);
    return result ? 1 : 0;
}
