// SPDX-License-Identifier: GPL-2.0-only
/* What readers of a live instance compute: holes in sequences, times of ticks, records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <grain/live.h>

#include "engine_private.h"
#include "events_private.h"

static void hole_in_a_sequence_is_counted_once(void **state)
{
    struct grain_sequence sequence = {0};

    (void)state;
    assert_int_equal(grain_sequence_missing(&sequence, 100), 0);
    assert_int_equal(grain_sequence_missing(&sequence, 101), 0);
    assert_int_equal(grain_sequence_missing(&sequence, 105), 3);
    assert_int_equal(grain_sequence_missing(&sequence, 106), 0);
}

static void sequence_that_goes_back_starts_anew(void **state)
{
    struct grain_sequence sequence = {0};

    (void)state;
    assert_int_equal(grain_sequence_missing(&sequence, 7), 0);
    assert_int_equal(grain_sequence_missing(&sequence, 3), 0);
    assert_int_equal(grain_sequence_missing(&sequence, 4), 0);
    assert_int_equal(grain_sequence_missing(&sequence, UINT64_MAX), UINT64_MAX - 5);
    assert_int_equal(grain_sequence_missing(&sequence, 0), 0);
}

static void tick_becomes_a_time_across_the_wrap(void **state)
{
    struct grain_clock clock = {.wall_ns = 1700000000000000000ULL,
                                .ticks = 50,
                                .ticks_per_second = 250,
                                .ticks_known = true};

    (void)state;
    assert_int_equal(grain_clock_tick(&clock, 50), clock.wall_ns);
    assert_int_equal(grain_clock_tick(&clock, 25), clock.wall_ns - 100000000);
    /* 100 ticks before the counter was 0. */
    assert_int_equal(grain_clock_tick(&clock, (uint32_t)-100), clock.wall_ns - 600000000);
    /* Seen since the clock was read. */
    assert_int_equal(grain_clock_tick(&clock, 51), clock.wall_ns);
    clock.ticks_known = false;
    assert_int_equal(grain_clock_tick(&clock, 25), 0);
}

static void boot_time_becomes_a_time(void **state)
{
    const struct grain_clock clock = {.wall_ns = 1700000000000000000ULL, .boot_ns = 5000};

    (void)state;
    assert_int_equal(grain_clock_boot(&clock, 5000), clock.wall_ns);
    assert_int_equal(grain_clock_boot(&clock, 1000), clock.wall_ns - 4000);
}

static struct grain_record sound(void)
{
    struct grain_record record = {0};

    record.header.version = GRAIN_RECORD_VERSION;
    record.header.type = GRAIN_RECORD_NAME;
    record.header.header_length = sizeof(record);
    record.header.length = sizeof(record) + 10;
    return record;
}

static void record_that_lies_is_not_taken(void **state)
{
    uint8_t data[sizeof(struct grain_record) + 10] = {0};
    struct grain_record record = sound(), out;

    (void)state;
    memcpy(data, &record, sizeof(record));
    assert_true(grain_record_take(&out, data, sizeof(data)));
    for (size_t size = 0; size < sizeof(data); size++)
        assert_false(grain_record_take(&out, data, size));
    record.header.length = sizeof(record) - 1;
    memcpy(data, &record, sizeof(record));
    assert_false(grain_record_take(&out, data, sizeof(data)));
    record = sound();
    record.header.header_length--;
    memcpy(data, &record, sizeof(record));
    assert_false(grain_record_take(&out, data, sizeof(data)));
    record = sound();
    record.header.type = 0;
    memcpy(data, &record, sizeof(record));
    assert_false(grain_record_take(&out, data, sizeof(data)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hole_in_a_sequence_is_counted_once),
        cmocka_unit_test(sequence_that_goes_back_starts_anew),
        cmocka_unit_test(tick_becomes_a_time_across_the_wrap),
        cmocka_unit_test(boot_time_becomes_a_time),
        cmocka_unit_test(record_that_lies_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
