// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include <agent/expression.h>

#include "steps_sample.h"

static struct grain_item query(void)
{
    struct grain_item item =
        sample(GRAIN_ITEM_EVENT, "dns.query", 3, "qname", "www.example.com", "qtype", "AAAA",
               "src_ip", "10.1.2.3", "dest_ip", "2001:db8::53", "dest_port", "53", "id", "007",
               "kind", "odd", "odd", "a\\032\"b", "number", "1e3", "mapped", "::ffff:10.9.9.9",
               "word", "nan", "empty", "", NULL);

    return item;
}

static bool holds(const char *text, const struct grain_item *item)
{
    struct grain_expression *expression;
    bool result;

    if (grain_expression_new(&expression, text))
        fail_msg("%s: %s", text, grain_error());
    result = grain_expression_true(expression, item);
    grain_expression_free(expression);
    return result;
}

struct truth {
    const char *text;
    bool holds;
};

static const struct truth truths[] = {
    {"qname == \"www.example.com\"", true},
    {"qname == \"www.example.org\"", false},
    {"qname != \"www.example.org\"", true},
    {"qname!=\"www.example.com\"", false},
    /* numbers: without quotes, and when the tag is one */
    {"dest_port == 53", true},
    {"dest_port == 53.0", true},
    {"dest_port < 100", true},
    {"dest_port <= 53", true},
    {"dest_port >= 53", true},
    {"dest_port > 53", false},
    {"dest_port < 53", false},
    {"dest_port > -1", true},
    {"number == 1000", true},
    {"id == 7", true},
    {"id == \"7\"", false},
    {"id == \"007\"", true},
    {"dest_port < \"6\"", true},    /* text: 5 before 6 */
    {"dest_port < \"500\"", false}, /* text: 53 after 50 */
    {"qname < 5", false},
    {"qname >= 5", false},
    {"qname == 5", false},
    {"qname != 5", true},
    {"word == 0", false},
    {"word != 0", true},
    {"empty == 0", false},
    {"empty == \"\"", true},
    /* built-ins, and tags of the same names */
    {"name == \"dns.query\"", true},
    {"kind == \"event\"", true},
    {"tag(kind) == \"odd\"", true},
    {"tag(\"kind\") == \"odd\"", true},
    {"unit == \"1\"", true},
    {"value == 3", true},
    {"value in [1, 2, 3]", true},
    {"value in [1, 2]", false},
    {"exists(member)", false},
    {"member == \"x\"", false},
    /* absent */
    {"absent == \"\"", false},
    {"absent != \"x\"", false},
    {"absent < 1", false},
    {"absent =~ \".\"", false},
    {"absent !~ \".\"", false},
    {"absent in [\"\"]", false},
    {"absent contains \"\"", false},
    {"not absent == \"x\"", true},
    {"exists(absent)", false},
    {"not exists(absent)", true},
    {"exists(empty)", true},
    {"exists (qname)", true},
    /* parts */
    {"qname ends_with \".example.com\"", true},
    {"qname ends_with \"www.example.com\"", true},
    {"qname ends_with \"xwww.example.com\"", false},
    {"qname starts_with \"www.\"", true},
    {"qname starts_with \"example\"", false},
    {"qname contains \"example\"", true},
    {"qname contains \"exomple\"", false},
    {"qname contains \"\"", true},
    /* regexes */
    {"qname =~ \"^w{3}\\.\"", true},
    {"qname =~ \"^example\"", false},
    {"qname !~ \"^example\"", true},
    {"qname !~ \"example\"", false},
    {"odd =~ \"\\\\\\\\032\"", false}, /* four backslashes: two literal ones */
    {"odd =~ \"\\\\032\"", true},      /* two: one literal one */
    /* texts: backslashes stand for themselves but before a quote and a backslash */
    {"odd == \"a\\032\\\"b\"", true},
    {"odd == \"a\\\\032\\\"b\"", true},
    /* lists and prefixes */
    {"qtype in [\"A\", \"AAAA\"]", true},
    {"qtype in [\"A\",\"MX\"]", false},
    {"qtype in \"AAAA\"", true},
    {"dest_port in [53, 853]", true},
    {"src_ip in 10.0.0.0/8", true},
    {"src_ip in 10.1.2.3", true},
    {"src_ip in 10.1.2.2/31", true},
    {"src_ip in 10.1.2.4/30", false},
    {"src_ip in 0.0.0.0/0", true},
    {"src_ip in ::/0", false},
    {"dest_ip in 2001:db8::/32", true},
    {"dest_ip in 2001:db8::40/122", true},
    {"dest_ip in 2001:db8:8000::/33", false},
    {"dest_ip in 0.0.0.0/0", false},
    {"dest_ip in [10.0.0.0/8, 2001:db8::/32]", true},
    {"mapped in 10.0.0.0/8", true},
    {"qname in 0.0.0.0/0", false},
    /* together: not before and before or */
    {"qtype == \"A\" and dest_port == 1 or value == 3", true},
    {"value == 3 or qtype == \"A\" and dest_port == 1", true},
    {"(value == 3 or qtype == \"A\") and dest_port == 1", false},
    {"not value == 3 and value == 3 or value == 3", true},
    {"not (value == 3 and value == 3)", false},
    {"not not value == 3", true},
    {"value==3 and value==3 and value==4", false},
    {"value == 1 or value == 2 or value == 3", true},
    {"qname ends_with \".example.com\" and not (src_ip in 10.0.0.0/8)", false},
    {" (( value\t==\n3 )) ", true},
};

static void truth_table(void **state)
{
    struct grain_item item = query();

    (void)state;
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++)
        if (holds(truths[i].text, &item) != truths[i].holds)
            fail_msg("%s: not %s", truths[i].text, truths[i].holds ? "true" : "false");
}

static void values_by_kind(void **state)
{
    struct grain_item gauge = sample(GRAIN_ITEM_GAUGE, "g", 0.5, NULL);
    struct grain_item set = sample(GRAIN_ITEM_SET, "s", 0, NULL);

    (void)state;
    set.member = "10.0.0.1";
    assert_true(holds("value == 0.5 and kind == \"gauge\"", &gauge));
    assert_true(holds("value > 0.4 and value < 0.6", &gauge));
    assert_false(holds("exists(value)", &gauge)); /* asks for a tag */
    assert_false(holds("value == 0 or value != 0", &set));
    assert_true(holds("member in 10.0.0.0/24", &set));
}

struct wrong {
    const char *text;
    int error;
    const char *said; /* a part of it */
};

static const struct wrong wrongs[] = {
    {"", -EINVAL, "column 1: expected the name of a tag, not, exists or (, but it ends here"},
    {"qname", -EINVAL, "column 6: expected an operator"},
    {"qname ==", -EINVAL, "column 9: expected a \"text\" in quotes or a number, but it ends here"},
    {"qtype == A", -EINVAL, "column 10: expected a \"text\" in quotes or a number, not A"},
    {"qname = \"x\"", -EINVAL, "column 7: expected a name, an operator or a \"text\", not ="},
    {"qname == \"x", -EINVAL, "column 10: the \" that begins here has no end"},
    {"\"x\" == qname", -EINVAL, "column 1: expected the name of a tag"},
    {"53 == dest_port", -EINVAL, "column 1: expected the name of a tag"},
    {"(a == 1", -EINVAL, "column 8: expected and, or or \")\", but it ends here"},
    {"a == 1)", -EINVAL, "column 7: expected and, or, or the end, not )"},
    {"a == 1 b == 2", -EINVAL, "column 8: expected and, or, or the end, not b"},
    {"a in [\"x\" \"y\"]", -EINVAL, "column 11: expected \",\" or \"]\", not \"y\""},
    {"a in []", -EINVAL, "column 7: expected a \"text\", a number or an address prefix"},
    {"a in 10.0.0.0/33", -EINVAL, "column 6: expected"},
    {"a in 10.0.0.0/8x", -EINVAL, "column 6: expected"},
    {"a in 10.0.0.1/8", -EINVAL, "column 6: 10.0.0.1/8 has bits set beyond its first 8"},
    {"a in ::1/64", -EINVAL, "column 6: ::1/64 has bits set beyond its first 64"},
    {"a =~ \"(\"", -EINVAL, "column 6: missing closing parenthesis, at byte 2 of the regex"},
    {"a =~ 5", -EINVAL, "column 6: expected a regex in quotes, not 5"},
    {"a contains 5", -EINVAL, "column 12: expected a \"text\" in quotes, not 5"},
    {"value == \"5\"", -EINVAL, "column 10: expected a number"},
    {"value contains \"5\"", -EINVAL, "column 16: \"value\" is a number"},
    {"exists(a", -EINVAL, "column 9: expected \")\""},
    {"not", -EINVAL, "column 4: expected"},
    {"a == nan", -EINVAL, "column 6: expected"},
    {"a == 0x10", -EINVAL, "column 6: expected"},
    {"a == \"\xc3\xa9\xc3\xa9\" ; b", -EINVAL, "column 11: expected"}, /* characters */
    {"a == 1 and \033[31m", -EINVAL,
     "column 12: expected a name, an operator or a \"text\", "
     "not \\027"},
};

static void errors_name_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct grain_expression *expression = NULL;

        assert_int_equal(grain_expression_new(&expression, wrongs[i].text), wrongs[i].error);
        assert_null(expression);
        if (!strstr(grain_error(), wrongs[i].said))
            fail_msg("%s: %s", wrongs[i].text, grain_error());
    }
}

/* `before` so many times, the middle, `after` as often. */
static char *repeated(const char *before, size_t count, const char *middle, const char *after)
{
    size_t size = count * (strlen(before) + strlen(after)) + strlen(middle) + 1;
    char *text = malloc(size), *at = text;

    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, before);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, after);
    return text;
}

static int parse(char *text)
{
    struct grain_expression *expression = NULL;
    int error = grain_expression_new(&expression, text);

    grain_expression_free(expression);
    free(text);
    return error;
}

static void size_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(parse(repeated("(", 32, "a == 1", ")")), 0);
    assert_int_equal(parse(repeated("(", 33, "a == 1", ")")), -EINVAL);
    assert_int_equal(parse(repeated("not ", 32, "a == 1", "")), 0);
    assert_int_equal(parse(repeated("not ", 33, "a == 1", "")), -EINVAL);
    assert_non_null(strstr(grain_error(), "column 129: nested deeper than 32"));
    assert_int_equal(parse(repeated("a<1 or ", 1000, "a == 1", "")), 0);
    assert_int_equal(parse(repeated("a<1 or ", 1100, "a == 1", "")), -EINVAL);
    assert_non_null(strstr(grain_error(), "more than 1024"));
    assert_int_equal(parse(repeated(" ", 8186, "a == 1", "")), 0);
    assert_int_equal(parse(repeated(" ", 8187, "a == 1", "")), -EINVAL);
    assert_non_null(strstr(grain_error(), "longer than 8192"));
}

/* Two to the power of the number of letters ways to fail, were there no limit. */
static void hostile_value_is_no_match(void **state)
{
    struct grain_expression *expression;
    struct grain_item item;
    char *value = repeated("a", 255, "!", "");

    (void)state;
    item = sample(GRAIN_ITEM_EVENT, "e", 1, "qname", value, NULL);
    assert_int_equal(grain_expression_new(&expression, "qname =~ \"^(a|aa|a?)+$\""), 0);
    assert_false(grain_expression_true(expression, &item));
    assert_int_equal(grain_expression_given_up(expression), 1);
    grain_expression_free(expression);
    assert_int_equal(grain_expression_new(&expression, "qname !~ \"^(a|aa|a?)+$\""), 0);
    assert_false(grain_expression_true(expression, &item));
    assert_int_equal(grain_expression_given_up(expression), 1);
    grain_expression_free(expression);
    free(value);
}

static void invalid_utf8_is_no_match(void **state)
{
    struct grain_expression *expression;
    struct grain_item item = sample(GRAIN_ITEM_EVENT, "e", 1, "qname", "a\xff", NULL);

    (void)state;
    assert_int_equal(grain_expression_new(&expression, "qname =~ \"a\""), 0);
    assert_false(grain_expression_true(expression, &item));
    assert_int_equal(grain_expression_given_up(expression), 1);
    grain_expression_free(expression);
}

/* The examples of the guide. */
static void guide_is_right(void **state)
{
    FILE *guide = fopen(GRAIN_STEPS_GUIDE, "r");
    struct grain_expression *expression;
    unsigned int examples = 0;
    bool inside = false;
    char line[512];

    (void)state;
    assert_non_null(guide);
    while (fgets(line, sizeof(line), guide)) {
        if (!strncmp(line, "```", 3)) {
            inside = !strcmp(line, "```expression\n");
        } else if (inside) {
            if (grain_expression_new(&expression, line))
                fail_msg("%s%s", line, grain_error());
            grain_expression_free(expression);
            examples++;
        }
    }
    fclose(guide);
    assert_true(examples >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_table),
        cmocka_unit_test(values_by_kind),
        cmocka_unit_test(errors_name_column),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(hostile_value_is_no_match),
        cmocka_unit_test(invalid_utf8_is_no_match),
        cmocka_unit_test(guide_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
