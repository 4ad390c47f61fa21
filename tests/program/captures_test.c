// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every capture through both engines, into tables that are far too small: what must always hold,
 * holds, and the engines agree to the last byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture.h"
#include "runner.h"

#define C(name) GRAIN_COUNTER_FLOW_##name

/* [0]: frames with an Ethernet header; [1]: without. */
static struct runner engines[2][2];
static size_t captures, packets, left_out;

static void build(struct script *s, const struct capture *capture)
{
    int header = capture->link == CAPTURE_ETHERNET ? 0 : capture_link_header(capture->link);

    script_init(s);
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_packet *p = &capture->packets[i];
        uint32_t skip = p->captured < (uint32_t)header ? p->captured : (uint32_t)header;

        script_raw(s, p->data + skip, p->captured - skip, p->wire - skip);
        s->now_ms = (p->time_ns - capture->packets[0].time_ns) / 1000000;
    }
}

/* Since the engines were opened. */
struct flows {
    uint64_t started;
    uint64_t over; /* completed, or given up by name */
    uint64_t pending;
};

static struct flows flows[2][2];

/* Flows that only pass over the rest of a counted message are pending, and were not started. */
static void check_flows(struct flows *f, const struct outcome *o)
{
    const uint64_t *c = o->counts.counters;

    f->started += c[C(STARTED)];
    f->over += c[C(COMPLETED)] + c[C(EVICTED)] + c[C(TIMED_OUT)] + c[C(GAP)] + c[C(RESET)] +
               c[C(REUSED)] + c[C(MALFORMED)];
    f->pending += o->counts.flows_pending;
    assert_true(f->started >= f->over);
    assert_true(f->started - f->over <= f->pending);
    assert_int_equal(c[C(BUSY)], 0);
}

static void run_capture(const char *path, const struct capture *capture, void *user)
{
    bool ethernet = capture->link == CAPTURE_ETHERNET;
    struct outcome outcomes[2];
    struct script script;

    (void)user;
    if (!ethernet && capture_link_header(capture->link) < 0) {
        left_out++;
        return;
    }
    print_message("  %s: %zu packets\n", path, capture->count);
    build(&script, capture);
    for (int i = 0; i < 2; i++) {
        runner_run(&engines[!ethernet][i], &script, &outcomes[i]);
        outcome_check_sums(&outcomes[i], script.count);
        check_flows(&flows[!ethernet][i], &outcomes[i]);
    }
    outcome_check_same(&outcomes[0], &outcomes[1]);
    captures++;
    packets += script.count;
    outcome_free(&outcomes[0]);
    outcome_free(&outcomes[1]);
    script_free(&script);
}

static void sums_hold_and_engines_agree_on_every_capture(void **state)
{
    (void)state;
    assert_true(capture_each(run_capture, NULL) > 0);
    printf("%zu captures, %zu packets; %zu captures of other link types left out\n", captures,
           packets, left_out);
    assert_true(captures >= 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_hold_and_engines_agree_on_every_capture),
    };
    int result = 0;

    for (int i = 0; i < 4 && !result; i++)
        result = runner_open(&engines[i / 2][i % 2], i % 2 ? GRAIN_ENGINE_HOST : GRAIN_ENGINE_BPF,
                             i / 2 == 0, 8, 2);
    if (result)
        return result;
    result = cmocka_run_group_tests_name("captures", tests, NULL, NULL);
    for (int i = 0; i < 4; i++)
        runner_close(&engines[i / 2][i % 2]);
    return result ? 1 : 0;
}
