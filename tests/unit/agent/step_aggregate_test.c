// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>

#include "steps_sample.h"

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)

static const struct grain_aggregate_settings plain = {.interval_ns = MINUTE};

static struct grain_step *aggregate(struct kept *kept,
                                    const struct grain_aggregate_settings *settings)
{
    struct grain_step *step;

    if (grain_step_aggregate(&step, settings))
        fail_msg("%s", grain_error());
    lead_to(step, kept);
    return step;
}

static void flush(struct grain_step *step, uint64_t now_ns, bool end)
{
    assert_int_equal(step->type->flush(step, now_ns, end), 0);
}

static struct grain_item at(uint64_t time_ns, struct grain_item item)
{
    item.time_ns = time_ns;
    return item;
}

static struct grain_item member(const char *text)
{
    struct grain_item item = sample(GRAIN_ITEM_SET, "clients", 0, NULL);

    item.member = text;
    return item;
}

static void counters_add_up_per_interval(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &plain);
    for (int i = 0; i < 6; i++) {
        take(step,
             at(i * 10 * SECOND, sample(GRAIN_ITEM_COUNTER, "c", 1, "a", "x", "b", "y", NULL)));
        take(step,
             at(i * 10 * SECOND, sample(GRAIN_ITEM_COUNTER, "c", 5, "b", "y", "a", "x", NULL)));
        take(step, at(i * 10 * SECOND, sample(GRAIN_ITEM_COUNTER, "c", i, "a", "z", NULL)));
        flush(step, i * 10 * SECOND, false);
    }
    assert_string_equal(kept_take(&kept), "");
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "counter c 36 a=x b=y\ncounter c 15 a=z\n");
    /* nothing is left, and nothing held is nothing handed on */
    flush(step, 2 * MINUTE, false);
    assert_string_equal(kept_take(&kept), "");
    take(step, at(2 * MINUTE + 1, sample(GRAIN_ITEM_COUNTER, "c", 2, NULL)));
    flush(step, 3 * MINUTE - 1, false);
    assert_string_equal(kept_take(&kept), "");
    flush(step, 3 * MINUTE - 1, true);
    assert_string_equal(kept_take(&kept), "counter c 2\n");
    step->type->free(step);
    kept_close(&kept);
}

static void gauges(void **state)
{
    static const char *const expected[] = {"gauge g 3\n", "gauge g 1\n", "gauge g 8\n",
                                           "gauge g 4\n"};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    for (unsigned int i = 0; i < 4; i++) {
        const struct grain_aggregate_settings settings = {.interval_ns = MINUTE,
                                                          .gauges = (enum grain_aggregate_gauges)i};

        step = aggregate(&kept, &settings);
        take(step, sample(GRAIN_ITEM_GAUGE, "g", 4, NULL));
        take(step, sample(GRAIN_ITEM_GAUGE, "g", 8, NULL));
        take(step, sample(GRAIN_ITEM_GAUGE, "g", 1, NULL));
        take(step, sample(GRAIN_ITEM_GAUGE, "g", 3, NULL));
        flush(step, MINUTE, false);
        assert_string_equal(kept_take(&kept), expected[i]);
        step->type->free(step);
    }
    kept_close(&kept);
}

static void small_histograms_are_exact(void **state)
{
    static const double percents[] = {1, 50, 99.9, 100};
    const struct grain_aggregate_settings settings = {
        .interval_ns = MINUTE, .percentiles = percents, .percentile_count = 4};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &settings);
    for (int i = 40; i > 0; i--)
        take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", i, "k", "v", NULL));
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "gauge h.p1 1 k=v\ngauge h.p50 20 k=v\n"
                                          "gauge h.p99_9 40 k=v\ngauge h.p100 40 k=v\n"
                                          "gauge h.sum 820 k=v\ncounter h.count 40 k=v\n");
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", 0, NULL));
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", -7.5, NULL));
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", 1e-300, NULL));
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", 1e300, NULL));
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "gauge h.p1 -7.5\ngauge h.p50 0\ngauge h.p99_9 1e+300\n"
                                          "gauge h.p100 1e+300\ngauge h.sum 1e+300\n"
                                          "counter h.count 4\n");
    step->type->free(step);
    kept_close(&kept);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double number_after(const char *text, const char *name)
{
    const char *found = strstr(text, name);

    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

/* Beside the sorted list of all. */
static void percentiles_within_one_percent(void **state)
{
    enum { COUNT = 20000 };
    static double values[COUNT];
    struct grain_step *step;
    struct kept kept;
    uint64_t seed = 7;
    double sum = 0;
    const char *text;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &plain);
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        values[i] = exp((double)(seed >> 40) / (1 << 24) * 16 - 8);
        sum += values[i];
        take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", values[i], NULL));
    }
    flush(step, MINUTE, false);
    qsort(values, COUNT, sizeof(values[0]), by_value);
    text = kept_take(&kept);
    assert_true(fabs(number_after(text, "h.p50 ") / values[COUNT / 2 - 1] - 1) < 0.0101);
    assert_true(fabs(number_after(text, "h.p90 ") / values[COUNT * 9 / 10 - 1] - 1) < 0.0101);
    assert_true(fabs(number_after(text, "h.p99 ") / values[COUNT * 99 / 100 - 1] - 1) < 0.0101);
    assert_true(fabs(number_after(text, "h.sum ") / sum - 1) < 1e-6);
    assert_true(number_after(text, "h.count ") == COUNT);
    step->type->free(step);
    kept_close(&kept);
}

/* More different values than bins: coarser, and none is lost. */
static void bins_are_bounded(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &plain);
    for (int i = -1500; i < 1500; i++)
        take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", pow(1.3, i), NULL));
    flush(step, MINUTE, false);
    assert_non_null(strstr(kept_take(&kept), "counter h.count 3000\n"));
    step->type->free(step);
    kept_close(&kept);
}

static void unsound_observations_are_refused(void **state)
{
    const double wrong[] = {NAN, INFINITY, -INFINITY};
    struct grain_item item;
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &plain);
    for (int i = 0; i < 3; i++) {
        item = sample(GRAIN_ITEM_HISTOGRAM, "h", wrong[i], NULL);
        assert_int_equal(step->type->take(step, &item), -EINVAL);
    }
    item = sample(GRAIN_ITEM_HISTOGRAM, "h", 1, NULL);
    item.count = 0;
    assert_int_equal(step->type->take(step, &item), -EINVAL);
    flush(step, MINUTE, true);
    assert_string_equal(kept_take(&kept), "");
    step->type->free(step);
    kept_close(&kept);
}

static void sets_count_members(void **state)
{
    const struct grain_aggregate_settings settings = {.interval_ns = MINUTE, .members = 3};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &settings);
    for (int i = 0; i < 3; i++) {
        take(step, member("10.0.0.2"));
        take(step, member("10.0.0.1"));
        take(step, member("10.0.0.3"));
    }
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "gauge clients 3\n");
    take(step, member("a"));
    take(step, member("b"));
    take(step, member("c"));
    take(step, member("d"));
    take(step, member("d"));
    take(step, member("a"));
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "gauge clients 3\ncounter clients.uncounted 2\n");
    step->type->free(step);
    kept_close(&kept);
}

static void feed_events(struct grain_step *step)
{
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 1, "qname", "a", "id", "1", NULL));
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 1, "qname", "b", "id", "2", NULL));
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 2, "qname", "a", "id", "3", NULL));
    take(step, sample(GRAIN_ITEM_EVENT, "dns.query", 1, "id", "4", NULL));
}

static void events_pass_or_are_counted(void **state)
{
    const char *const qname[] = {"qname", NULL}, *const none[] = {NULL};
    const struct grain_aggregate_settings by_name = {.interval_ns = MINUTE, .events_by = qname};
    const struct grain_aggregate_settings all = {.interval_ns = MINUTE, .events_by = none};
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &plain);
    feed_events(step);
    assert_string_equal(kept_take(&kept), "event dns.query 1 qname=a id=1\n"
                                          "event dns.query 1 qname=b id=2\n"
                                          "event dns.query 2 qname=a id=3\n"
                                          "event dns.query 1 id=4\n");
    step->type->free(step);
    step = aggregate(&kept, &by_name);
    feed_events(step);
    assert_string_equal(kept_take(&kept), "");
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "counter dns.query 1\ncounter dns.query 3 qname=a\n"
                                          "counter dns.query 1 qname=b\n");
    step->type->free(step);
    step = aggregate(&kept, &all);
    feed_events(step);
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "counter dns.query 5\n");
    step->type->free(step);
    kept_close(&kept);
}

/* The sum over all series is what came in. */
static void overflow_is_in_other(void **state)
{
    const struct grain_aggregate_settings settings = {.interval_ns = MINUTE, .series = 2};
    struct grain_item gauge = sample(GRAIN_ITEM_GAUGE, "g", 1, NULL);
    struct grain_step *step;
    struct kept kept;

    (void)state;
    kept_open(&kept);
    step = aggregate(&kept, &settings);
    /* What came as (other) is in the same series, and takes no place. */
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 100, "k", "(other)", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "k", "a", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 2, "k", "b", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 4, "k", "c", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 8, "k", "d", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 16, "k", "a", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "d", 5, "k", "a", NULL));
    assert_int_equal(step->type->take(step, &gauge), -ENOSPC);
    assert_int_equal(step->troubles, 3);
    assert_string_equal(step->trouble, "aggregate: more than 2 series; others are in (other)");
    flush(step, MINUTE, false);
    assert_string_equal(kept_take(&kept), "counter c 17 k=a\ncounter c 2 k=b\n"
                                          "counter c 112 k=(other)\ncounter d 5 k=(other)\n");
    step->type->free(step);
    kept_close(&kept);
}

static void feed_all(struct grain_step *step, int turn)
{
    static char text[16];

    take(step, sample(GRAIN_ITEM_COUNTER, "c", turn, "k", turn % 2 ? "odd" : "even", NULL));
    take(step, sample(GRAIN_ITEM_COUNTER, "d", turn, NULL));
    take(step, sample(GRAIN_ITEM_GAUGE, "g", turn * turn - 10 * turn, NULL));
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", turn * 0.25, NULL));
    take(step, sample(GRAIN_ITEM_HISTOGRAM, "h", turn * 0.25, NULL));
    take(step, sample(GRAIN_ITEM_EVENT, "e", 1, "k", "x", NULL));
    (void)snprintf(text, sizeof(text), "m%d", turn / 2);
    take(step, member(text));
}

/* The state of one as items into the next, as when the first was killed. */
static struct grain_step *move(struct grain_step *from, struct kept *kept,
                               const struct grain_aggregate_settings *settings)
{
    struct grain_step *step = aggregate(kept, settings);
    struct grain_batch batch = {0};
    struct grain_item item;
    size_t offset = 0;

    assert_int_equal(from->type->save(from, &batch), 0);
    while (grain_batch_next(batch.bytes, batch.length, &offset, &item) > 0)
        take(step, item);
    assert_int_equal(offset, batch.length);
    grain_batch_free(&batch);
    from->type->free(from);
    return step;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines in order, so that it does not matter in which they came; to be freed. */
static char *sorted(const char *text)
{
    char *lines[64], *copy = strdup(text), *out = calloc(1, strlen(text) + 2), *to = out;
    size_t count = 0;

    assert_non_null(copy);
    assert_non_null(out);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < 64);
        lines[count++] = line;
    }
    qsort(lines, count, sizeof(lines[0]), by_line);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(stpcpy(to, lines[i]), "\n");
    free(copy);
    return out;
}

static void kill_at_any_time(void **state)
{
    const char *const none[] = {NULL};
    struct grain_step *step;
    struct kept kept;
    char *whole, *parts;

    (void)state;
    kept_open(&kept);
    for (unsigned int gauge = 0; gauge < 4; gauge++) {
        const struct grain_aggregate_settings settings = {
            .interval_ns = MINUTE,
            .gauges = (enum grain_aggregate_gauges)gauge,
            .events_by = none,
            .series = 5, /* so that something overflows */
            .members = 8};

        step = aggregate(&kept, &settings);
        for (int i = 0; i < 20; i++)
            feed_all(step, i);
        flush(step, MINUTE, false);
        whole = sorted(kept_take(&kept));
        step->type->free(step);
        for (int killed = 0; killed <= 20; killed++) {
            step = aggregate(&kept, &settings);
            for (int i = 0; i < 20; i++) {
                if (i == killed)
                    step = move(step, &kept, &settings);
                feed_all(step, i);
            }
            step = move(step, &kept, &settings);
            flush(step, MINUTE, false);
            parts = sorted(kept_take(&kept));
            assert_string_equal(parts, whole);
            free(parts);
            step->type->free(step);
        }
        free(whole);
    }
    kept_close(&kept);
}

static void refuse(const struct grain_aggregate_settings *settings, const char *said)
{
    struct grain_step *step = NULL;

    assert_int_equal(grain_step_aggregate(&step, settings), -EINVAL);
    assert_null(step);
    assert_string_equal(grain_error(), said);
}

static void settings_are_checked(void **state)
{
    const double wrong[] = {50, 0}, twice[] = {50, 90, 50}, nan[] = {NAN};
    const char *const tags[] = {"a", "a", NULL};

    (void)state;
    refuse(&(struct grain_aggregate_settings){0}, "aggregate: the interval is 0");
    refuse(&(struct grain_aggregate_settings){.interval_ns = 1,
                                              .percentiles = wrong,
                                              .percentile_count = 2},
           "aggregate: the percentile 0 is not above 0 and up to 100");
    refuse(&(struct grain_aggregate_settings){.interval_ns = 1,
                                              .percentiles = nan,
                                              .percentile_count = 1},
           "aggregate: the percentile nan is not above 0 and up to 100");
    refuse(&(struct grain_aggregate_settings){.interval_ns = 1,
                                              .percentiles = twice,
                                              .percentile_count = 3},
           "aggregate: the percentile 50 is there twice");
    refuse(&(struct grain_aggregate_settings){.interval_ns = 1,
                                              .percentiles = twice,
                                              .percentile_count = 17},
           "aggregate: more than 16 percentiles");
    refuse(&(struct grain_aggregate_settings){.interval_ns = 1, .events_by = tags},
           "aggregate: the tag a is twice in \"events_by\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_per_interval),
        cmocka_unit_test(gauges),
        cmocka_unit_test(small_histograms_are_exact),
        cmocka_unit_test(percentiles_within_one_percent),
        cmocka_unit_test(bins_are_bounded),
        cmocka_unit_test(unsound_observations_are_refused),
        cmocka_unit_test(sets_count_members),
        cmocka_unit_test(events_pass_or_are_counted),
        cmocka_unit_test(overflow_is_in_other),
        cmocka_unit_test(kill_at_any_time),
        cmocka_unit_test(settings_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
