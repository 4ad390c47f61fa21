// SPDX-License-Identifier: GPL-2.0-only
#include "items.h"

#include <errno.h>
#include <math.h>

#include <agent/metrics.h>

#define SECOND 1000000000ULL

static struct grain_metrics *fresh(uint32_t series, uint64_t expire_ns)
{
    const struct grain_metrics_settings settings = {.series = series, .expire_ns = expire_ns};
    struct grain_metrics *metrics;

    assert_int_equal(grain_metrics_new(&metrics, &settings), 0);
    return metrics;
}

static int add_at(struct grain_metrics *metrics, struct grain_item item, uint64_t now_ns)
{
    return grain_metrics_add(metrics, &item, now_ns);
}

static void add(struct grain_metrics *metrics, struct grain_item item)
{
    assert_int_equal(add_at(metrics, item, SECOND), 0);
}

static void check(const struct grain_metrics *metrics, bool openmetrics, const char *expected)
{
    struct grain_json w = {0};

    grain_metrics_text(&w, metrics, openmetrics);
    assert_int_equal(grain_json_end_line(&w), 0);
    w.text[w.length - 1] = 0;
    assert_string_equal(w.text, expected);
    grain_json_free(&w);
}

#define OWN_NEW(series, dropped, expired)                                                         \
    "# HELP grain_series series that are kept\n# TYPE grain_series gauge\ngrain_series " series   \
    "\n# HELP grain_series_dropped measurements for which there was no room, or whose names are " \
    "in conflict\n# TYPE grain_series_dropped counter\ngrain_series_dropped_total " dropped       \
    "\n# HELP grain_series_expired series that were not seen any more\n"                          \
    "# TYPE grain_series_expired counter\ngrain_series_expired_total " expired "\n# EOF\n"

#define OWN_OLD(series)                                                                         \
    "# HELP grain_series series that are kept\n# TYPE grain_series gauge\ngrain_series " series \
    "\n# HELP grain_series_dropped_total measurements for which there was no room, or whose "   \
    "names are in conflict\n# TYPE grain_series_dropped_total counter\n"                        \
    "grain_series_dropped_total 0\n"                                                            \
    "# HELP grain_series_expired_total series that were not seen any more\n"                    \
    "# TYPE grain_series_expired_total counter\ngrain_series_expired_total 0\n"

static struct grain_item named(const char *name, const char *unit, uint64_t count)
{
    struct grain_item item = counter(name, count);

    item.unit = unit;
    return item;
}

/* Counters add up whatever the order of their tags. */
static void counters(void **state)
{
    struct grain_metrics *metrics = fresh(10, 0);

    (void)state;
    add(metrics, tagged(tagged(named("made.up", "1", 3), "b", "2"), "a", "1"));
    add(metrics, tagged(tagged(named("made.up", "1", 4), "a", "1"), "b", "2"));
    add(metrics, named("bytes", "bytes", UINT64_MAX));
    check(metrics, true,
          "# HELP grain_bytes their lengths on the wire\n# TYPE grain_bytes counter\n"
          "# UNIT grain_bytes bytes\ngrain_bytes_total 18446744073709551615\n"
          "# TYPE grain_made_up counter\ngrain_made_up_total{a=\"1\",b=\"2\"} 7\n" OWN_NEW("2", "0",
                                                                                           "0"));
    check(metrics, false,
          "# HELP grain_bytes_total their lengths on the wire\n# TYPE grain_bytes_total counter\n"
          "grain_bytes_total 18446744073709551615\n"
          "# TYPE grain_made_up_total counter\ngrain_made_up_total{a=\"1\",b=\"2\"} 7\n" OWN_OLD(
              "2"));
    grain_metrics_free(metrics);
}

static void gauges(void **state)
{
    struct grain_metrics *metrics = fresh(10, 0);

    (void)state;
    add(metrics, gauge("agent.memory", 5));
    add(metrics, gauge("agent.memory", 1234.5));
    add(metrics, tagged(gauge("x", NAN), "k", "nan"));
    add(metrics, tagged(gauge("x", INFINITY), "k", "inf"));
    add(metrics, tagged(gauge("x", -INFINITY), "k", "minus"));
    check(metrics, true,
          "# TYPE grain_x_bytes gauge\n"
          "grain_x_bytes{k=\"inf\"} +Inf\ngrain_x_bytes{k=\"minus\"} -Inf\n"
          "grain_x_bytes{k=\"nan\"} NaN\n"
          "# HELP grain_agent_memory_bytes resident memory of the agent\n"
          "# TYPE grain_agent_memory_bytes gauge\n# UNIT grain_agent_memory_bytes bytes\n"
          "grain_agent_memory_bytes 1234.5\n" OWN_NEW("4", "0", "0"));
    grain_metrics_free(metrics);
}

static void histograms(void **state)
{
    static const double bounds[] = {0.5, 1, 10};
    const struct grain_metrics_settings settings = {
        .series = 10, .buckets = bounds, .bucket_count = 3};
    struct grain_metrics *metrics;

    (void)state;
    assert_int_equal(grain_metrics_new(&metrics, &settings), 0);
    add(metrics, tagged(histogram("h", 0.5, 2), "k", "v"));
    add(metrics, tagged(histogram("h", 0.75, 1), "k", "v"));
    add(metrics, tagged(histogram("h", 11, 4), "k", "v"));
    assert_int_equal(add_at(metrics, histogram("h", NAN, 1), 1), -EBADMSG);
    assert_int_equal(add_at(metrics, histogram("h", -1, 1), 1), -EBADMSG);
    check(metrics, true,
          "# TYPE grain_h_seconds histogram\n"
          "grain_h_seconds_bucket{k=\"v\",le=\"0.5\"} 2\n"
          "grain_h_seconds_bucket{k=\"v\",le=\"1.0\"} 3\n"
          "grain_h_seconds_bucket{k=\"v\",le=\"10.0\"} 3\n"
          "grain_h_seconds_bucket{k=\"v\",le=\"+Inf\"} 7\n"
          "grain_h_seconds_count{k=\"v\"} 7\ngrain_h_seconds_sum{k=\"v\"} 45.75\n" OWN_NEW("1", "0",
                                                                                           "0"));
    grain_metrics_free(metrics);
}

static void hostile_texts(void **state)
{
    struct grain_metrics *metrics = fresh(10, 0);

    (void)state;
    add(metrics, tagged(counter("a:1\n" ESC, 1), "=k\"{}", "=cmd|'\"\\\n" RTL HIGH "}"));
    add(metrics, tagged(tagged(tagged(counter("b", 1), "le", "x"), "__name__", "y"), "9", ""));
    add(metrics, tagged(tagged(counter("c", 1), "a.b", "1"), "a-b", "2"));
    check(metrics, true,
          "# TYPE grain_c counter\ngrain_c_total{a_b=\"1\",a_b_=\"2\"} 1\n"
          "# TYPE grain_b counter\n"
          "grain_b_total{_=\"\",tag___name__=\"y\",tag_le=\"x\"} 1\n"
          "# TYPE grain_a_1___31m counter\n"
          "grain_a_1___31m_total{_k___=\"=cmd|'\\\"\\\\\\\\010\\\\226\\\\128\\\\174"
          "\\\\255\\\\192\\\\175}\"} 1\n" OWN_NEW("3", "0", "0"));
    grain_metrics_free(metrics);
}

static void what_is_too_much_is_counted(void **state)
{
    struct grain_metrics *metrics = fresh(3, 0);
    char value[4000];

    (void)state;
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = 0;
    /* Three series may have 1,536 bytes of labels together. */
    assert_int_equal(add_at(metrics, tagged(counter("a", 1), "k", value), 1), -ENOSPC);
    add(metrics, tagged(counter("a", 1), "k", "1"));
    add(metrics, tagged(counter("a", 1), "k", "2"));
    add(metrics, tagged(counter("a", 1), "k", "3"));
    assert_int_equal(add_at(metrics, tagged(counter("a", 1), "k", "4"), 1), -ENOSPC);
    add(metrics, tagged(counter("a", 1), "k", "1"));
    check(metrics, true,
          "# TYPE grain_a counter\ngrain_a_total{k=\"1\"} 2\ngrain_a_total{k=\"2\"} 1\n"
          "grain_a_total{k=\"3\"} 1\n" OWN_NEW("3", "2", "0"));
    grain_metrics_free(metrics);
}

static void no_two_samples_have_one_name(void **state)
{
    struct grain_metrics *metrics = fresh(100, 0);

    (void)state;
    add(metrics, counter("a.b", 1));
    add(metrics, counter("a_b_total", 1));
    assert_int_equal(add_at(metrics, named("a.b", "1", 1), 1), 0);
    assert_int_equal(
        add_at(metrics, (struct grain_item){.kind = GRAIN_ITEM_GAUGE, .name = "a.b", .unit = ""},
               1),
        -ENOSPC);
    add(metrics, histogram("h", 1, 1));
    assert_int_equal(add_at(metrics, named("h.seconds.count", "1", 1), 1), -ENOSPC);
    assert_int_equal(add_at(metrics, named("series.dropped", "1", 1), 1), -ENOSPC);
    assert_int_equal(add_at(metrics, set("s", "x"), 1), -EBADMSG);
    assert_int_equal(add_at(metrics, query_event(), 1), -EBADMSG);
    grain_metrics_free(metrics);
}

static void unseen_series_go(void **state)
{
    struct grain_metrics *metrics = fresh(2, 10 * SECOND);

    (void)state;
    assert_int_equal(add_at(metrics, tagged(counter("a", 5), "k", "old"), 100 * SECOND), 0);
    assert_int_equal(add_at(metrics, tagged(counter("b", 5), "k", "old"), 100 * SECOND), 0);
    assert_int_equal(add_at(metrics, tagged(counter("a", 5), "k", "new"), 105 * SECOND), -ENOSPC);
    grain_metrics_expire(metrics, 110 * SECOND);
    assert_int_equal(add_at(metrics, tagged(counter("b", 1), "k", "old"), 110 * SECOND), 0);
    grain_metrics_expire(metrics, 111 * SECOND);
    assert_int_equal(add_at(metrics, tagged(counter("a", 1), "k", "old"), 111 * SECOND), 0);
    check(metrics, true,
          "# TYPE grain_a counter\ngrain_a_total{k=\"old\"} 1\n"
          "# TYPE grain_b counter\ngrain_b_total{k=\"old\"} 6\n" OWN_NEW("2", "1", "1"));
    grain_metrics_free(metrics);
}

/* What is there is what was added, whatever comes and goes. */
static void at_random(void **state)
{
    struct grain_metrics *metrics = fresh(1000, 50 * SECOND);
    uint64_t counts[300] = {0}, seen[300] = {0};
    uint32_t random = 12345;

    (void)state;
    for (uint64_t now = 100 * SECOND; now < 5000 * SECOND; now += SECOND) {
        char value[16];
        uint32_t which;

        random = random * 1664525 + 1013904223;
        which = (random >> 16) % 300;
        grain_metrics_expire(metrics, now);
        for (int i = 0; i < 300; i++)
            if (seen[i] + 50 * SECOND < now)
                counts[i] = 0;
        (void)snprintf(value, sizeof(value), "%u", which);
        assert_int_equal(add_at(metrics, tagged(counter("c", which + 1), "k", value), now), 0);
        counts[which] += which + 1;
        seen[which] = now;
    }
    struct grain_json w = {0};
    grain_metrics_text(&w, metrics, true);
    assert_int_equal(grain_json_end_line(&w), 0);
    w.text[w.length - 1] = 0;
    for (int i = 0; i < 300; i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "grain_c_total{k=\"%d\"} ", i);
        if (!counts[i]) {
            assert_null(strstr(w.text, line));
            continue;
        }
        assert_non_null(strstr(w.text, line));
        assert_int_equal(strtoull(strstr(w.text, line) + strlen(line), NULL, 10), counts[i]);
    }
    grain_json_free(&w);
    grain_metrics_free(metrics);
}

static void settings_that_make_no_sense(void **state)
{
    static const double falling[] = {2, 1}, none[] = {NAN};
    struct grain_metrics_settings settings = {.series = 1, .buckets = falling, .bucket_count = 2};
    struct grain_metrics *metrics;

    (void)state;
    assert_int_equal(grain_metrics_new(&metrics, &settings), -EINVAL);
    settings.bucket_count = 33;
    assert_int_equal(grain_metrics_new(&metrics, &settings), -EINVAL);
    settings.buckets = none;
    settings.bucket_count = 1;
    assert_int_equal(grain_metrics_new(&metrics, &settings), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters),
        cmocka_unit_test(gauges),
        cmocka_unit_test(histograms),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(no_two_samples_have_one_name),
        cmocka_unit_test(unseen_series_go),
        cmocka_unit_test(at_random),
        cmocka_unit_test(settings_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
