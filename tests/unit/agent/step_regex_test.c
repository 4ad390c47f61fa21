// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "steps_sample.h"

typedef struct grain_regex_pattern patterns[];

static struct grain_step *regex(struct kept *kept, const struct grain_regex_pattern *list)
{
    const struct grain_regex_settings settings = {.patterns = list};
    struct grain_step *step;

    if (grain_step_regex(&step, &settings))
        fail_msg("%s", grain_error());
    lead_to(step, kept);
    return step;
}

/* What one pattern makes of a value. */
static void becomes(const char *expression, const char *replace, bool whole, const char *value,
                    const char *expected)
{
    struct grain_step *step;
    struct kept kept;
    char line[512];

    kept_open(&kept);
    step = regex(&kept, (patterns){{"k", expression, replace, whole}, {0}});
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", value, NULL));
    (void)snprintf(line, sizeof(line), "counter c 1 k=%s\n", expected);
    assert_string_equal(kept_take(&kept), line);
    assert_int_equal(step->troubles, 0);
    step->type->free(step);
    kept_close(&kept);
}

static void whole_and_in_place(void **state)
{
    (void)state;
    becomes("\\d+", "N", false, "a12b3", "aNbN");
    becomes("\\d+", "N", true, "a12b3", "N");
    becomes("x", "N", true, "a12b3", "a12b3");
    becomes("^.*\\.(\\w+\\.\\w+)$", "$1", false, "www.mail.example.com", "example.com");
    becomes("(\\w+)\\.(?<tld>\\w+)$", "${tld}/${1}", true, "www.example.com", "com/example");
    becomes("(\\w+)\\.(?<tld>\\w+)$", "$tld-$1x", false, "www.example.com", "www.com-examplex");
    becomes("b", "", false, "abcb", "ac");
    becomes("^.*$", "", false, "abc", "");
    becomes("a", "$$1", false, "banana", "b$1n$1n$1");
    becomes("(x)?a", "[$1]", false, "axa", "[][x]");
    /* an empty match stands between all letters */
    becomes("", "-", false, "ab", "-a-b-");
    becomes("\xc3\xa9.", "e", false, "\xc3\xa9\xc3\xa9", "e");
}

static void several_of_a_key_in_order(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = regex(&kept, (patterns){{"k", "a", "b", false},
                                   {"k", "b", "c", false},
                                   {"k", "^c", "d", false},
                                   {"other", "x", "y", true},
                                   {0}});
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "other", "1x1", "k", "aba", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", "zzz", "third", "a", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, NULL));
    assert_string_equal(kept_take(&kept), "counter c 1 other=y k=dcc\n"
                                          "counter c 1 k=zzz third=a\ncounter c 1\n");
    step->type->free(step);
    kept_close(&kept);
}

static void output_is_bounded(void **state)
{
    static char value[1025];
    struct grain_step *step;
    struct kept kept;

    (void)state;
    memset(value, 'a', 1024);
    kept_open(&kept);
    step = regex(&kept, (patterns){{"k", "a", "bbbb", false}, {0}});
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", value, NULL));
    assert_int_equal(strlen(kept_take(&kept)), strlen("counter c 1 k=\n") + GRAIN_ITEM_TEXT_MAX);
    assert_int_equal(step->troubles, 0);
    step->type->free(step);
    step = regex(&kept, (patterns){{"k", "a", "bbbbb", false}, {0}});
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", value, NULL));
    assert_int_equal(strlen(kept_take(&kept)), strlen("counter c 1 k=\n") + 1024);
    assert_int_equal(step->troubles, 1);
    assert_string_equal(step->trouble, "regex: what k would become is longer than 4096");
    step->type->free(step);
    kept_close(&kept);
}

static void hostile_values_stay(void **state)
{
    static char value[256];
    struct grain_step *step;
    struct kept kept;

    (void)state;
    memset(value, 'a', 254);
    value[254] = '!';
    kept_open(&kept);
    step = regex(&kept, (patterns){{"k", "^(a|aa|a?)+$", "x", true}, {0}});
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", value, NULL));
    assert_non_null(strstr(kept_take(&kept), "k=aaaa"));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", "aa\xff", NULL));
    assert_string_equal(kept_take(&kept), "counter c 1 k=aa\xff\n");
    assert_int_equal(step->troubles, 2);
    assert_string_equal(step->trouble, "regex: given up on a value of k");
    step->type->free(step);
    kept_close(&kept);
}

static void refuse(const char *expression, const char *replace, const char *said)
{
    const struct grain_regex_pattern list[] = {
        {"a", "b", "c", false}, {"k", expression, replace, false}, {0}};
    const struct grain_regex_settings settings = {.patterns = list};
    struct grain_step *step = NULL;

    assert_int_equal(grain_step_regex(&step, &settings), -EINVAL);
    assert_null(step);
    if (!strstr(grain_error(), said))
        fail_msg("%s", grain_error());
}

static void errors_name_the_pattern(void **state)
{
    const struct grain_regex_settings none = {.patterns = (patterns){{0}}};
    struct grain_step *step = NULL;

    (void)state;
    refuse("a(b", "x", "regex: pattern 2, of k: missing closing parenthesis, at byte 4");
    refuse("(a)", "$2", "regex: pattern 2, of k: replace: $2: the regex has 1 groups");
    refuse("(a)", "${x}", "replace: ${x}: the regex has no group of this name");
    refuse("(a)", "$x", "replace: ${x}: the regex has no group of this name");
    refuse("(a)", "${1a}", "replace: ${1a} is neither a number nor a name");
    refuse("(a)", "${1", "replace: a \"${\" without its \"}\"");
    refuse("(a)", "1$", "replace: a group is written $1, ${1} or ${name}, and a dollar $$");
    refuse("(a)", "$*MARK", "replace: a group is written");
    refuse("(a)", "${}", "replace: a group is written");
    assert_int_equal(grain_step_regex(&step, &none), -EINVAL);
    assert_string_equal(grain_error(), "regex: no pattern");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_in_place),      cmocka_unit_test(several_of_a_key_in_order),
        cmocka_unit_test(output_is_bounded),       cmocka_unit_test(hostile_values_stay),
        cmocka_unit_test(errors_name_the_pattern),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
