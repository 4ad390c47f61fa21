// SPDX-License-Identifier: GPL-2.0-only
#include "sample.h"

static void reads_inside_the_window_only_are_allowed(void **state)
{
    static const uint32_t sizes[] = {1, 2, 4, 5, 6, 8, 11, 12, 20, 40};
    uint8_t bytes[64] = {0};

    for (uint32_t length = 0; length <= sizeof(bytes); length++) {
        uint8_t *base = guard_put_last(*state, bytes, length);

        for (size_t k = 0; k < ARRAY_SIZE(window_kinds) * ARRAY_SIZE(sizes); k++) {
            struct grain_window w = window_over(base, length, window_kinds[k & 1]);
            uint32_t n = sizes[k >> 1];

            for (uint32_t offset = 0; offset <= sizeof(bytes) + 8; offset++)
                assert_ptr_equal(grain_window_at(&w, offset, n),
                                 offset + n <= length ? base + offset : NULL);
        }
    }
}

/* Offsets far behind the end, as sums of lengths on the wire can give. */
static void huge_offsets_are_outside(void **state)
{
    uint8_t *base = guard_put_last(*state, "0123456789abcdef", 16);

    for (size_t k = 0; k < ARRAY_SIZE(window_kinds); k++) {
        struct grain_window w = window_over(base, 16, window_kinds[k]);

        for (unsigned bit = 5; bit < 63; bit++)
            assert_null(grain_window_at(&w, 1ULL << bit, 1));
        assert_null(grain_window_at(&w, 0xffffffffULL, 1));
        assert_null(grain_window_at(&w, 0xffffffffULL - 7, 8));
    }
}

static void frame_reads_end_at_the_frames_end(void **state)
{
    for (uint32_t length = 0; length <= 16; length++) {
        uint8_t *base = guard_put_last(*state, "0123456789abcdef", length);

        for (uint64_t offset = 0; offset < 20; offset++)
            for (uint32_t n = 1; n < 20; n++)
                assert_ptr_equal(grain_frame_at(base, base + length, offset, n),
                                 offset + n <= length ? base + offset : NULL);
        assert_null(grain_frame_at(base, base + length, 1ULL << 32, 1));
        assert_null(grain_frame_at(base, base + length, ~0ULL, 1));
    }
}

static void length_is_kept_within_what_a_kind_can_address(void **state)
{
    struct grain_window w = {.kind = GRAIN_WINDOW_PACKET};

    (void)state;
    grain_window_limit(&w, 100);
    assert_int_equal(w.length, 100);
    grain_window_limit(&w, 0xffffffff);
    assert_int_equal(w.length, 0x4000);
    w.kind = GRAIN_WINDOW_BUFFER;
    grain_window_limit(&w, 0xffffffff);
    assert_int_equal(w.length, 0x1000);
}

static void numbers_are_read_in_network_order(void **state)
{
    uint8_t *p = guard_put_last(*state, "\x12\x34\x56\x78\x9a\xbc\xde\xf0", 8);

    assert_int_equal(grain_load16(p + 6), 0xdef0);
    assert_int_equal(grain_load24(p + 5), 0xbcdef0);
    assert_int_equal(grain_load32(p + 4), 0x9abcdef0);
    assert_int_equal(grain_load16_raw(p + 6), 0xf0de);
    assert_true(grain_load64_raw(p) == 0xf0debc9a78563412ULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_inside_the_window_only_are_allowed),
        cmocka_unit_test(huge_offsets_are_outside),
        cmocka_unit_test(frame_reads_end_at_the_frames_end),
        cmocka_unit_test(length_is_kept_within_what_a_kind_can_address),
        cmocka_unit_test(numbers_are_read_in_network_order),
    };

    return cmocka_run_group_tests_name("parse/window", tests, guard_setup, guard_teardown);
}
