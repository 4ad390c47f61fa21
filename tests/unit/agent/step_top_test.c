// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "../random.h"
#include "steps_sample.h"

static const char *const by_name[] = {"qname", "qtype", NULL};

static struct grain_step *top(struct kept *kept, uint32_t keep, uint32_t series)
{
    const struct grain_top_settings settings = {
        .of = "dns.names", .by = by_name, .keep = keep, .series = series};
    struct grain_step *step;

    assert_int_equal(grain_step_top(&step, &settings), 0);
    lead_to(step, kept);
    return step;
}

static void flush(struct grain_step *step)
{
    assert_int_equal(step->type->flush(step, 1, false), 0);
}

static struct grain_item name(const char *qname, const char *qtype, const char *protocol,
                              double count)
{
    return sample(GRAIN_ITEM_COUNTER, "dns.names", count, "protocol", protocol, "qname", qname,
                  "qtype", qtype, NULL);
}

static void biggest_stay_and_rest_is_one(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 2, 0);
    take(step, name("a", "A", "dns", 5));
    take(step, name("b", "A", "dns", 1));
    take(step, name("c", "A", "dns", 3));
    take(step, name("b", "AAAA", "dns", 4));
    take(step, name("b", "A", "dns", 3)); /* 4 together */
    take(step, name("a", "A", "dns", 2)); /* 7 together */
    assert_string_equal(kept_take(&kept), "");
    flush(step);
    assert_non_null(strstr(kept_take(&kept), "counter dns.names 7 protocol=dns qname=a qtype=A\n"
                                             "counter dns.names 4 protocol=dns qname=b qtype="));
    flush(step);
    assert_string_equal(kept_take(&kept), ""); /* the next collection begins with nothing */
    take(step, name("c", "A", "dns", 1));
    flush(step);
    assert_string_equal(kept_take(&kept), "counter dns.names 1 protocol=dns qname=c qtype=A\n");
    step->type->free(step);
    kept_close(&kept);
}

static void rest_of_the_source_joins(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 1, 0);
    take(step, sample(GRAIN_ITEM_COUNTER, "dns.names", 1000, "protocol", "dns", "qname", "(other)",
                      NULL));
    take(step, name("a", "A", "dns", 5));
    take(step, name("b", "A", "dns", 2));
    take(step, name("c", "A", "dns", 1));
    flush(step);
    assert_string_equal(kept_take(&kept), "counter dns.names 5 protocol=dns qname=a qtype=A\n"
                                          "counter dns.names 1003 protocol=dns qname=(other)\n");
    step->type->free(step);
    kept_close(&kept);
}

static void other_tags_are_ranked_apart(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 1, 0);
    take(step, name("a", "A", "dns", 100));
    take(step, name("b", "A", "dns", 99));
    take(step, name("x", "A", "mdns", 2));
    take(step, name("y", "A", "mdns", 1));
    flush(step);
    assert_string_equal(kept_take(&kept), "counter dns.names 100 protocol=dns qname=a qtype=A\n"
                                          "counter dns.names 2 protocol=mdns qname=x qtype=A\n"
                                          "counter dns.names 99 protocol=dns qname=(other)\n"
                                          "counter dns.names 1 protocol=mdns qname=(other)\n");
    step->type->free(step);
    kept_close(&kept);
}

static void what_is_not_ranked_passes(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 1, 0);
    take(step, sample(GRAIN_ITEM_COUNTER, "tls.names", 1, "qname", "a", NULL));
    take(step, sample(GRAIN_ITEM_GAUGE, "dns.names", 2, "qname", "a", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "dns.names", 3, "qtype", "A", NULL));
    assert_string_equal(kept_take(&kept), "counter tls.names 1 qname=a\n"
                                          "gauge dns.names 2 qname=a\n"
                                          "counter dns.names 3 qtype=A\n");
    flush(step);
    assert_string_equal(kept_take(&kept), "");
    step->type->free(step);
    kept_close(&kept);
}

static void keep_zero_is_all_other(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 0, 0);
    take(step, name("a", "A", "dns", 5));
    take(step, name("b", "A", "dns", 2));
    flush(step);
    assert_string_equal(kept_take(&kept), "counter dns.names 7 protocol=dns qname=(other)\n");
    step->type->free(step);
    kept_close(&kept);
}

static void table_that_is_full_loses_nothing(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = top(&kept, 10, 2);
    take(step, name("a", "A", "dns", 1));
    take(step, name("b", "A", "dns", 2));
    take(step, name("c", "A", "dns", 50));
    take(step, name("d", "A", "dns", 60));
    take(step, name("a", "A", "dns", 4));
    flush(step);
    assert_string_equal(kept_take(&kept), "counter dns.names 5 protocol=dns qname=a qtype=A\n"
                                          "counter dns.names 2 protocol=dns qname=b qtype=A\n"
                                          "counter dns.names 110 protocol=dns qname=(other)\n");
    step->type->free(step);
    kept_close(&kept);
}

/* ---- beside a plain array of sums ---- */

#define NAMES 300
#define KEEP  20

static int downwards(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x < y) - (x > y);
}

static void compare_to_sums(const char *text, uint64_t sums[NAMES])
{
    uint64_t rest = 0, count;
    char qname[32];
    int line = 0;

    qsort(sums, NAMES, sizeof(sums[0]), downwards);
    for (int i = KEEP; i < NAMES; i++)
        rest += sums[i];
    for (; *text; text = strchr(text, '\n') + 1, line++) {
        const char *at = strstr(text, "qname=");

        assert_non_null(at);
        count = strtoull(text + strlen("counter dns.names "), NULL, 10);
        (void)snprintf(qname, sizeof(qname), "%.7s", at + strlen("qname="));
        assert_int_equal(count, line < KEEP ? sums[line] : rest);
        assert_int_equal(!strcmp(qname, "(other)"), line == KEEP);
    }
    assert_int_equal(line, KEEP + 1);
}

static void random_counts_beside_sums(void **state)
{
    static uint64_t sums[NAMES];
    struct random random = {.state = 42};
    struct grain_step *step;
    struct kept kept;
    char qname[16];

    (void)state;
    kept_open(&kept);
    step = top(&kept, KEEP, 0);
    for (int turn = 0; turn < 5; turn++) {
        memset(sums, 0, sizeof(sums));
        for (int i = 0; i < 5000; i++) {
            uint32_t which = random_below(&random, NAMES);
            uint32_t count = random_below(&random, 1000);

            (void)snprintf(qname, sizeof(qname), "n%u", which);
            take(step, name(qname, "A", "dns", count));
            sums[which] += count;
        }
        flush(step);
        compare_to_sums(kept_take(&kept), sums);
    }
    step->type->free(step);
    kept_close(&kept);
}

static void settings_are_checked(void **state)
{
    const char *const none[] = {NULL};
    const char *const many[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
    struct grain_step *step = NULL;

    (void)state;
    assert_int_equal(
        grain_step_top(&step, &(struct grain_top_settings){.of = "c", .by = none, .keep = 1}),
        -EINVAL);
    assert_string_equal(grain_error(), "top: \"by\" names no tag");
    assert_int_equal(
        grain_step_top(&step, &(struct grain_top_settings){.of = "c", .by = many, .keep = 1}),
        -EINVAL);
    assert_string_equal(grain_error(), "top: more than 8 tags in \"by\"");
    assert_null(step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biggest_stay_and_rest_is_one),
        cmocka_unit_test(rest_of_the_source_joins),
        cmocka_unit_test(other_tags_are_ranked_apart),
        cmocka_unit_test(what_is_not_ranked_passes),
        cmocka_unit_test(keep_zero_is_all_other),
        cmocka_unit_test(table_that_is_full_loses_nothing),
        cmocka_unit_test(random_counts_beside_sums),
        cmocka_unit_test(settings_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
