// SPDX-License-Identifier: GPL-2.0-only
/* The tables of cases, through both engines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cases.h"

#define TEXT  65536
#define NAMES 64

static struct runner ethernet[2], bare[2];

/* "?": not stated. */
static void check_text(const char *what, const char *expected, const char *got)
{
    if (!expected)
        expected = "";
    if (strcmp(expected, "?") && strcmp(expected, got))
        fail_msg("%s\n    expected: %s\n    got:      %s", what, expected, got);
}

static void check_stated(const struct test_case *c, const struct outcome *o)
{
    static char text[TEXT];

    outcome_dispositions(o, text, sizeof(text));
    check_text("dispositions", c->dispositions, text);
    outcome_names(o, text, sizeof(text));
    check_text("names", c->names, text);
    outcome_counters(o, text, sizeof(text));
    check_text("counters", c->counters, text);
    outcome_records(o, text, sizeof(text));
    check_text("records", c->records, text);
}

static void run_case(struct runner *engines, const struct test_case *c)
{
    struct outcome outcomes[2];
    struct script script;

    script_init(&script);
    c->build(&script);
    for (int i = 0; i < 2; i++) {
        runner_run(&engines[i], &script, &outcomes[i]);
        outcome_check_sums(&outcomes[i], script.count);
    }
    check_stated(c, &outcomes[0]);
    outcome_check_same(&outcomes[0], &outcomes[1]);
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(&script);
}

static void run_ethernet(void **state)
{
    run_case(ethernet, *state);
}

static void run_bare(void **state)
{
    run_case(bare, *state);
}

/* Two questions, and two messages, more than are read: the bounds are in grain/cpu.h. */
static void many_questions(struct script *s)
{
    struct envelope e = {.destination_port = 5353};
    struct bytes message = {0};

    dns_header(&message, 0, GRAIN_QUESTIONS_PER_MESSAGE + 2, 0, 0, 0);
    for (int i = 0; i < GRAIN_QUESTIONS_PER_MESSAGE + 2; i++)
        dns_question(&message, "a.local", DNS_A, DNS_IN);
    script_udp(s, &e, &message);
}

static void many_messages(struct script *s)
{
    struct envelope e = {.destination_port = 53};
    struct bytes message = {0}, stream = {0};

    dns_query(&message, "a.local", DNS_A);
    for (int i = 0; i < GRAIN_MESSAGES_PER_SEGMENT; i++)
        dns_tcp(&stream, &message);
    script_segment(s, &e, stream.data, stream.length);
    dns_tcp(&stream, &message);
    dns_tcp(&stream, &message);
    script_segment(s, &e, stream.data, stream.length);
}

static void questions_beyond_the_bound_are_counted_as_a_loss(void **state)
{
    const int bound = GRAIN_QUESTIONS_PER_MESSAGE;
    char names[64], counters[64], records[64];
    struct test_case c = {"", many_questions, "mdns_query=1", names, counters, records};

    (void)state;
    snprintf(names, sizeof(names), "mdns_query/1/a.local=%d", bound);
    snprintf(counters, sizeof(counters), "names_extra=%d names_limit=1", bound - 1);
    snprintf(records, sizeof(records), "name=%d", bound);
    run_case(ethernet, &c);
}

static void messages_beyond_the_bound_are_counted_as_a_loss(void **state)
{
    const int bound = GRAIN_MESSAGES_PER_SEGMENT;
    char names[64], counters[64], records[64];
    struct test_case c = {"", many_messages, "dns_query=2", names, counters, records};

    (void)state;
    snprintf(names, sizeof(names), "dns_query/1/a.local=%d", 2 * bound);
    snprintf(counters, sizeof(counters), "names_extra=%d names_limit=1", 2 * bound - 2);
    snprintf(records, sizeof(records), "name=%d", 2 * bound);
    run_case(ethernet, &c);
}

static int run_bounds(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_beyond_the_bound_are_counted_as_a_loss),
        cmocka_unit_test(messages_beyond_the_bound_are_counted_as_a_loss),
    };

    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
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

static int open_pair(struct runner *pair, bool with_ethernet)
{
    int result = runner_open(&pair[0], GRAIN_ENGINE_BPF, with_ethernet, NAMES, RUNNER_FLOWS);

    return result ? result
                  : runner_open(&pair[1], GRAIN_ENGINE_HOST, with_ethernet, NAMES, RUNNER_FLOWS);
}

int main(void)
{
    int failed = 0, result = open_pair(ethernet, true);

    if (!result)
        result = open_pair(bare, false);
    if (result)
        return result;
    failed += run_list("fresh table", &fresh_cases, run_ethernet);
    failed += run_list("layers", &layer_cases, run_ethernet);
    failed += run_list("layer 3", &bare_cases, run_bare);
    failed += run_list("transport", &transport_cases, run_ethernet);
    failed += run_list("DNS over UDP", &dns_cases, run_ethernet);
    failed += run_list("DNS over TCP", &dns_tcp_cases, run_ethernet);
    failed += run_list("TLS", &tls_cases, run_ethernet);
    failed += run_list("split TLS", &tls_split_cases, run_ethernet);
    failed += run_bounds();
    for (int i = 0; i < 2; i++) {
        runner_close(&ethernet[i]);
        runner_close(&bare[i]);
    }
    return failed ? 1 : 0;
}
