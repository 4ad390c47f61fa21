// SPDX-License-Identifier: GPL-2.0-only
/* The steps that take tags away: allow and drop. */
#include <errno.h>

#include "steps_sample.h"

typedef const char *const list[];

static struct grain_step *allow(struct kept *kept, const char *const *tags)
{
    const struct grain_allow_settings settings = {.tags = tags};
    struct grain_step *step;

    assert_int_equal(grain_step_allow(&step, &settings), 0);
    lead_to(step, kept);
    return step;
}

static struct grain_step *drop(struct kept *kept, const char *const *tags)
{
    const struct grain_drop_settings settings = {.tags = tags};
    struct grain_step *step;

    assert_int_equal(grain_step_drop(&step, &settings), 0);
    lead_to(step, kept);
    return step;
}

static struct grain_item four_tags(void)
{
    return sample(GRAIN_ITEM_COUNTER, "c", 1, "a", "1", "b", "2", "c", "3", "d", "4", NULL);
}

static void allow_keeps_what_is_listed(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = allow(&kept, (list){"d", "b", "absent", NULL});
    take(step, four_tags());
    take(step, sample(GRAIN_ITEM_GAUGE, "g", 2, NULL));
    assert_string_equal(kept_take(&kept), "counter c 1 b=2 d=4\ngauge g 2\n");
    step->type->free(step);
    step = allow(&kept, (list){NULL});
    take(step, four_tags());
    assert_string_equal(kept_take(&kept), "counter c 1\n");
    step->type->free(step);
    kept_close(&kept);
}

static void drop_removes_what_is_listed(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = drop(&kept, (list){"d", "absent", "a", NULL});
    take(step, four_tags());
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 5, "d", "x", NULL));
    assert_string_equal(kept_take(&kept), "counter c 1 b=2 c=3\ncounter c 5\n");
    step->type->free(step);
    kept_close(&kept);
}

static void refuse_drop(const char *const *tags, const char *said)
{
    const struct grain_drop_settings settings = {.tags = tags};
    struct grain_step *step = NULL;

    assert_int_equal(grain_step_drop(&step, &settings), -EINVAL);
    assert_null(step);
    assert_string_equal(grain_error(), said);
}

static void lists_are_checked(void **state)
{
    static char names[66][8];
    const char *many[67] = {NULL};

    (void)state;
    for (int i = 0; i < 66; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "t%d", i);
        many[i] = names[i];
    }
    refuse_drop((list){NULL}, "drop: names no tag");
    refuse_drop((list){"a", "", NULL}, "drop: an empty tag in \"drop\"");
    refuse_drop((list){"a", "b", "a", NULL}, "drop: the tag a is twice in \"drop\"");
    refuse_drop(many, "drop: more than 64 tags in \"drop\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allow_keeps_what_is_listed),
        cmocka_unit_test(drop_removes_what_is_listed),
        cmocka_unit_test(lists_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
