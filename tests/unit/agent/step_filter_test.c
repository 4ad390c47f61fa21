// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "steps_sample.h"

static struct grain_step *filter(struct kept *kept, const char *expression, bool drop)
{
    const struct grain_filter_settings settings = {.expression = expression, .drop = drop};
    struct grain_step *step;

    assert_int_equal(grain_step_filter(&step, &settings), 0);
    lead_to(step, kept);
    return step;
}

static void feed(struct grain_step *step)
{
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "qname", "a.example", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 2, "qname", "b.test", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 3, NULL));
}

static void keeps_and_drops(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = filter(&kept, "qname ends_with \".example\"", false);
    feed(step);
    assert_string_equal(kept_take(&kept), "counter c 1 qname=a.example\n");
    step->type->free(step);
    step = filter(&kept, "qname ends_with \".example\"", true);
    feed(step);
    assert_string_equal(kept_take(&kept), "counter c 2 qname=b.test\ncounter c 3\n");
    assert_int_equal(step->troubles, 0);
    step->type->free(step);
    kept_close(&kept);
}

static void regex_given_up_is_a_trouble(void **state)
{
    struct grain_step *step;
    struct kept kept;
    char value[200];

    (void)state;
    memset(value, 'a', sizeof(value) - 1);
    value[sizeof(value) - 2] = '!';
    value[sizeof(value) - 1] = 0;
    kept_open(&kept);
    step = filter(&kept, "qname =~ \"^(a|aa|a?)+$\"", false);
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 1, "qname", value, NULL));
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 1, "qname", "aaa", NULL));
    assert_string_equal(kept_take(&kept), "event dns.query 1 qname=aaa\n");
    assert_int_equal(step->troubles, 1);
    assert_string_equal(step->trouble, "filter: a regex was given up on a value of dns.query");
    step->type->free(step);
    kept_close(&kept);
}

static void error_says_where(void **state)
{
    const struct grain_filter_settings settings = {.expression = "qname is \"x\""};
    struct grain_step *step = NULL;

    (void)state;
    assert_int_equal(grain_step_filter(&step, &settings), -EINVAL);
    assert_null(step);
    assert_non_null(strstr(grain_error(), "filter: column 7: expected an operator"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_and_drops),
        cmocka_unit_test(regex_given_up_is_a_trouble),
        cmocka_unit_test(error_says_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
