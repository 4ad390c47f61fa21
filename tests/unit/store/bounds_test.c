// SPDX-License-Identifier: GPL-2.0-only
/* What is too old or too much leaves; a full disk costs what came meanwhile, and says so. */
#include "history_sample.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "random.h"

#define MIB (1024 * 1024ULL)

static const struct grain_store_filter all = {.table = GRAIN_STORE_FILES, .operation = -1};

static void old_parts_leave(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 3 * DAY, 0);
    struct grain_store_filter recent = all;
    uint64_t now = NOON;

    for (int day = 0; day < 10; day++, now += DAY) {
        for (uint32_t i = 1; i <= 50; i++)
            sample_file(store, "/etc/passwd", now, i);
        assert_int_equal(grain_store_sync(store, now), 0);
    }
    now -= DAY;
    recent.from_ns = now - 3 * DAY;
    /* All of the last three days, and no more than the rest of a part. */
    assert_int_equal(sample_sums(*state, &recent).count, 4 * 50);
    assert_in_range(sample_sums(*state, &all).count, 4 * 50, 5 * 50);
    assert_true(sample_counter(store, GRAIN_STORE_COUNTER_REMOVED) >= 5);
    assert_int_equal(sample_gap(*state, "before_history", now).found, 1);
    assert_int_equal(grain_store_close(store), 0);
}

static void too_old_is_lost(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 3 * DAY, 0);

    sample_file(store, "/late", NOON - 4 * DAY, 1);
    sample_file(store, "/in-time", NOON - 2 * DAY, 1);
    assert_int_equal(grain_store_sync(store, NOON), 0);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_TOO_OLD), 1);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_LOST), 1);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_WRITTEN), 1);
    assert_int_equal(sample_sums(*state, &all).count, 1);
    assert_int_equal(grain_store_close(store), 0);
}

static uint64_t size_of(const struct sample *sample)
{
    struct stat stat_buffer;

    assert_int_equal(stat(sample->path, &stat_buffer), 0);
    return (uint64_t)stat_buffer.st_size;
}

static void size_is_bounded(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 4 * MIB);
    struct random random = {7};
    uint64_t now = NOON;

    for (int round = 0; round < 30; round++, now += 7 * SECOND) {
        for (int i = 0; i < 4000; i++) {
            char path[64];

            (void)snprintf(path, sizeof(path), "/random/%08x", (uint32_t)random_next(&random));
            sample_file(store, path, now, 1 + random_below(&random, 1000));
        }
        sample_file(store, "/last", now, (uint32_t)round + 1);
        assert_int_equal(grain_store_sync(store, now), 0);
        assert_true(size_of(*state) <= 4 * MIB + MIB);
    }
    assert_true(sample_counter(store, GRAIN_STORE_COUNTER_REMOVED) > 10);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_LOST), 0);
    /* What came last is there, and is found. */
    struct grain_store_filter last = all;

    last.path = "/last";
    last.from_ns = now - 8 * SECOND;
    assert_true(sample_sums(*state, &last).count >= 1);
    assert_int_equal(grain_store_close(store), 0);
}

static void a_lower_bound_takes_effect(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 64 * MIB);
    struct random random = {8};

    for (int i = 0; i < 60000; i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/random/%08x", (uint32_t)random_next(&random));
        sample_file(store, path, NOON, 1);
    }
    assert_int_equal(grain_store_close(store), 0);
    assert_true(size_of(*state) > 5 * MIB);
    store = sample_open(*state, NOON, 0, 4 * MIB);
    for (int i = 0; i < 40; i++) {
        sample_file(store, "/more", NOON + MINUTE, 1);
        assert_int_equal(grain_store_sync(store, NOON + MINUTE), 0);
    }
    assert_int_equal(grain_store_close(store), 0);
    assert_true(size_of(*state) <= 4 * MIB);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_survived(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct gap_search gap;
    uint64_t lost;

    (void)signal(SIGXFSZ, SIG_IGN);
    sample_file(store, "/before", NOON, 1);
    assert_int_equal(grain_store_sync(store, NOON), 0);
    limit_files(1024);
    for (uint32_t i = 1; i <= 3; i++) {
        sample_file(store, "/meanwhile", NOON + i * SECOND, i);
        assert_int_not_equal(grain_store_sync(store, NOON + i * SECOND), 0);
    }
    assert_true(*grain_store_trouble(store));
    lost = sample_counter(store, GRAIN_STORE_COUNTER_LOST);
    assert_int_equal(lost, 3);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_ERRORS), 3);
    limit_files(RLIM_INFINITY);
    sample_file(store, "/after", NOON + 10 * SECOND, 1);
    assert_int_equal(grain_store_sync(store, NOON + 10 * SECOND), 0);
    assert_string_equal(grain_store_trouble(store), "");
    assert_int_equal(sample_sums(*state, &all).count, 2);
    gap = sample_gap(*state, "not_written", NOON + 10 * SECOND);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.count, 3);
    assert_int_equal(gap.from_ms, (NOON + SECOND) / 1000000);
    assert_int_equal(gap.to_ms, (NOON + 3 * SECOND) / 1000000);
    assert_int_equal(grain_store_close(store), 0);
}

static void gaps_become_one(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct gap_search gap;

    for (uint64_t i = 0; i < 100; i++) {
        uint64_t at = NOON + i * SECOND;

        grain_store_gap(store, GRAIN_STORE_GAP_LOST, "ring_full", at, at + SECOND, 5);
        assert_int_equal(grain_store_sync(store, at + SECOND), 0);
    }
    gap = sample_gap(*state, "events_lost", NOON + 100 * SECOND);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.count, 500);
    assert_int_equal(gap.from_ms, NOON / 1000000);
    assert_int_equal(gap.to_ms, (NOON + 100 * SECOND) / 1000000);
    assert_int_equal(grain_store_close(store), 0);
}

static void not_running_is_a_gap(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct gap_search gap;

    assert_int_equal(grain_store_sync(store, NOON + MINUTE), 0);
    assert_int_equal(grain_store_close(store), 0);
    /* Nobody writes: it lasts until now. */
    gap = sample_gap(*state, "agent_not_running", NOON + HOUR);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.to_ms, (NOON + HOUR) / 1000000);
    store = sample_open(*state, NOON + 2 * HOUR, 0, 0);
    gap = sample_gap(*state, "agent_not_running", NOON + 2 * HOUR);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.from_ms, (NOON + MINUTE) / 1000000);
    assert_int_equal(gap.to_ms, (NOON + 2 * HOUR) / 1000000);
    assert_int_equal(grain_store_sync(store, NOON + 2 * HOUR), 0);
    assert_int_equal(grain_store_close(store), 0);
}

/* However short: what came between the two is nowhere. */
static void a_restart_is_a_gap(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct gap_search gap;

    gap = sample_gap(*state, "agent_not_running", NOON);
    assert_int_equal(gap.found, 0);
    assert_int_equal(grain_store_sync(store, NOON + SECOND), 0);
    /* Nothing to write, and not yet the time to note it: the end is noted all the same. */
    assert_int_equal(grain_store_sync(store, NOON + 3 * SECOND), 0);
    assert_int_equal(grain_store_close(store), 0);
    store = sample_open(*state, NOON + 3 * SECOND + 200000000, 0, 0);
    gap = sample_gap(*state, "agent_not_running", NOON + 4 * SECOND);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.from_ms, (NOON + 3 * SECOND) / 1000000);
    assert_int_equal(gap.to_ms, (NOON + 3 * SECOND) / 1000000 + 200);
    assert_int_equal(grain_store_close(store), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sample_test(old_parts_leave),         sample_test(too_old_is_lost),
        sample_test(size_is_bounded),         sample_test(a_lower_bound_takes_effect),
        sample_test(a_full_disk_is_survived), sample_test(gaps_become_one),
        sample_test(not_running_is_a_gap),    sample_test(a_restart_is_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
