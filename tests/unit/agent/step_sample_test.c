// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "steps_sample.h"

static unsigned int events_of(uint32_t one_in, unsigned int given)
{
    const struct grain_sample_settings settings = {.one_in = one_in};
    struct grain_step *step;
    struct kept kept;
    unsigned int lines = 0;

    kept_open(&kept);
    assert_int_equal(grain_step_sample(&step, &settings), 0);
    lead_to(step, &kept);
    for (unsigned int i = 0; i < given; i++)
        take(step, sample(GRAIN_ITEM_EVENT, "e", 1, NULL));
    for (const char *at = kept_take(&kept); (at = strchr(at, '\n')); at++)
        lines++;
    step->type->free(step);
    kept_close(&kept);
    return lines;
}

static void one_in_n(void **state)
{
    (void)state;
    assert_int_equal(events_of(1, 7), 7);
    assert_int_equal(events_of(10, 1), 1);
    assert_int_equal(events_of(10, 10), 1);
    assert_int_equal(events_of(10, 11), 2);
    assert_int_equal(events_of(10, 1000), 100);
    assert_int_equal(events_of(UINT32_MAX, 1000), 1);
}

static void counters_are_untouched(void **state)
{
    const struct grain_sample_settings settings = {.one_in = 3};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    assert_int_equal(grain_step_sample(&step, &settings), 0);
    lead_to(step, &kept);
    for (int i = 1; i <= 4; i++) {
        take(step, sample(GRAIN_ITEM_EVENT, "e", i, NULL));
        take(step, sample(GRAIN_ITEM_COUNTER, "c", i, NULL));
    }
    assert_string_equal(kept_take(&kept), "event e 1\ncounter c 1\ncounter c 2\ncounter c 3\n"
                                          "event e 4\ncounter c 4\n");
    step->type->free(step);
    kept_close(&kept);
}

static void zero_is_refused(void **state)
{
    const struct grain_sample_settings settings = {.one_in = 0};
    struct grain_step *step = NULL;

    (void)state;
    assert_int_equal(grain_step_sample(&step, &settings), -EINVAL);
    assert_null(step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_in_n),
        cmocka_unit_test(counters_are_untouched),
        cmocka_unit_test(zero_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
