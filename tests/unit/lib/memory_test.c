// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <grain/limits.h>
#include <grain/memory.h>

static const uint32_t cpus_tried[] = {1, 2, 3, 64, 512};

#define CPUS_TRIED (sizeof(cpus_tried) / sizeof(cpus_tried[0]))

static uint64_t total(const struct grain_table_sizes *sizes, uint32_t cpus)
{
    struct grain_memory memory;

    grain_memory_count(sizes, cpus, &memory);
    assert_int_equal(memory.total,
                     memory.counts + memory.texts + memory.flows + memory.cpus + memory.rings);
    return memory.total;
}

static void defaults_are_those_of_the_program(void **state)
{
    struct grain_table_sizes sizes;

    (void)state;
    grain_memory_default(0, &sizes);
    assert_int_equal(sizes.buckets, GRAIN_BUCKETS_DEFAULT);
    assert_int_equal(sizes.texts, GRAIN_TEXTS_DEFAULT);
    assert_int_equal(sizes.flow_buckets, GRAIN_FLOW_BUCKETS_DEFAULT);
}

static void largest_that_fits(void **state)
{
    struct grain_table_sizes sizes, twice;
    uint64_t least = 0;

    (void)state;
    for (size_t i = 0; i < CPUS_TRIED; i++)
        for (uint64_t limit = 1; limit < 1ULL << 36; limit = limit * 3 / 2 + 1) {
            int error = grain_memory_fit(limit, cpus_tried[i], &sizes, &least);

            if (error) {
                assert_int_equal(error, -ENOSPC);
                assert_true(least > limit);
                continue;
            }
            assert_true(total(&sizes, cpus_tried[i]) <= limit);
            twice = (struct grain_table_sizes){2 * sizes.buckets, 2 * sizes.texts,
                                               2 * sizes.flow_buckets};
            /* The very largest stay as they are, however much there is. */
            assert_true(total(&twice, cpus_tried[i]) > limit || sizes.buckets >= 1U << 23);
        }
}

static void sizes_are_powers_of_two(void **state)
{
    struct grain_table_sizes sizes;
    uint64_t least;

    (void)state;
    for (uint64_t limit = 1 << 23; limit < 1ULL << 34; limit += limit / 3) {
        assert_int_equal(grain_memory_fit(limit, 2, &sizes, &least), 0);
        assert_int_equal(sizes.buckets & (sizes.buckets - 1), 0);
        assert_int_equal(sizes.texts & (sizes.texts - 1), 0);
        assert_int_equal(sizes.flow_buckets & (sizes.flow_buckets - 1), 0);
    }
}

static void what_is_needed_at_least_is_enough(void **state)
{
    struct grain_table_sizes sizes;
    uint64_t least;

    (void)state;
    assert_int_equal(grain_memory_fit(1, 2, &sizes, &least), -ENOSPC);
    assert_non_null(strstr(grain_error(), "too few"));
    assert_int_equal(grain_memory_fit(least, 2, &sizes, &least), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_program),
        cmocka_unit_test(largest_that_fits),
        cmocka_unit_test(sizes_are_powers_of_two),
        cmocka_unit_test(what_is_needed_at_least_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
