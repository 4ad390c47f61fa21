// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devices.h"

static struct grain_device eth0_bond0_vlan5_br0[] = {
    {.name = "eth0", .ifindex = 2, .master = 4},
    {.name = "eth1", .ifindex = 3, .master = 4},
    {.name = "bond0", .ifindex = 4},
    {.name = "vlan5", .ifindex = 5, .lower = 4, .master = 6},
    {.name = "br0", .ifindex = 6},
    {.name = "eth2", .ifindex = 7, .master = 6},
    {.name = "alone", .ifindex = 8},
};

static const struct grain_devices stacked = {eth0_bond0_vlan5_br0, 7};

static size_t above(uint32_t ifindex, uint32_t *out)
{
    return grain_devices_above(&stacked, ifindex, out);
}

static void everything_on_top_and_nothing_beside(void **state)
{
    uint32_t out[7];

    (void)state;
    assert_int_equal(above(2, out), 4);
    assert_int_equal(out[0], 2);
    assert_int_equal(out[1], 4);
    assert_int_equal(out[2], 5);
    assert_int_equal(out[3], 6);
    assert_int_equal(above(7, out), 2);
    assert_int_equal(above(6, out), 1);
    assert_int_equal(above(8, out), 1);
}

static void devices_in_a_circle_end(void **state)
{
    struct grain_device circle[] = {
        {.ifindex = 1, .master = 2},
        {.ifindex = 2, .master = 1, .lower = 1},
    };
    const struct grain_devices devices = {circle, 2};
    uint32_t out[2];

    (void)state;
    assert_int_equal(grain_devices_above(&devices, 1, out), 2);
}

static void a_master_elsewhere_is_left_out(void **state)
{
    struct grain_device one = {.ifindex = 1, .master = 99};
    const struct grain_devices devices = {&one, 1};
    uint32_t out[1];

    (void)state;
    assert_int_equal(grain_devices_above(&devices, 1, out), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_on_top_and_nothing_beside),
        cmocka_unit_test(devices_in_a_circle_end),
        cmocka_unit_test(a_master_elsewhere_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
