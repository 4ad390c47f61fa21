// SPDX-License-Identifier: GPL-2.0-only
/* What comes out of the ring is not believed: lengths have to hold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/host_private.h"

static union {
    struct grain_host_header header;
    struct grain_host_file file;
    struct grain_host_process process;
    uint8_t bytes[512];
} sample;

static void make(uint8_t type, size_t length)
{
    memset(&sample, 0, sizeof(sample));
    sample.header.type = type;
    sample.header.version = GRAIN_HOST_VERSION;
    sample.header.length = (uint32_t)length;
}

static int check(size_t length)
{
    return grain_host_record_check(&sample, length);
}

static void records_of_each_type_pass(void **state)
{
    (void)state;
    make(GRAIN_HOST_FILE, sizeof(sample.file) + 7);
    sample.file.path_length = 4;
    sample.file.path2_length = 3;
    assert_int_equal(check(sizeof(sample.file) + 7), 0);
    make(GRAIN_HOST_PROCESS, sizeof(sample.process) + 6);
    sample.process.exe_length = 1;
    sample.process.arguments_length = 2;
    sample.process.cgroup_length = 3;
    assert_int_equal(check(sizeof(sample.process) + 6), 0);
    make(GRAIN_HOST_EXIT, sizeof(struct grain_host_exit));
    assert_int_equal(check(sizeof(struct grain_host_exit)), 0);
}

static void texts_that_do_not_fill_the_record_do_not_pass(void **state)
{
    (void)state;
    for (int off = -2; off <= 2; off++) {
        make(GRAIN_HOST_FILE, sizeof(sample.file) + 10);
        sample.file.path_length = (uint16_t)(10 + off);
        assert_int_equal(check(sizeof(sample.file) + 10) == 0, off == 0);
    }
    make(GRAIN_HOST_FILE, sizeof(sample.file) + 10);
    sample.file.path_length = 65535;
    sample.file.path2_length = 11;
    assert_int_not_equal(check(sizeof(sample.file) + 10), 0);
}

static void foreign_headers_do_not_pass(void **state)
{
    (void)state;
    make(GRAIN_HOST_EXIT, sizeof(struct grain_host_exit));
    sample.header.version++;
    assert_int_not_equal(check(sizeof(struct grain_host_exit)), 0);
    make(GRAIN_HOST_EXIT, sizeof(struct grain_host_exit));
    sample.header.way = GRAIN_HOST_WAY_COUNT;
    assert_int_not_equal(check(sizeof(struct grain_host_exit)), 0);
    for (unsigned int type = 0; type < 256; type++) {
        if (type >= GRAIN_HOST_PROCESS && type <= GRAIN_HOST_TRAFFIC)
            continue;
        make((uint8_t)type, 256);
        assert_int_not_equal(check(256), 0);
    }
    make(GRAIN_HOST_FILE, sizeof(sample.file));
    sample.file.operation = GRAIN_HOST_OP_COUNT;
    assert_int_not_equal(check(sizeof(sample.file)), 0);
}

/* Each prefix of a record, in a block of its own length: reading beyond it is found. */
static void no_truncation_passes(void **state)
{
    const size_t length = sizeof(sample.file) + 20;

    (void)state;
    make(GRAIN_HOST_FILE, length);
    sample.file.path_length = 20;
    for (size_t cut = 1; cut < length; cut++) {
        uint8_t *copy = malloc(cut);

        assert_non_null(copy);
        memcpy(copy, &sample, cut);
        assert_int_not_equal(grain_host_record_check(copy, cut), 0);
        if (cut >= sizeof(sample.header)) {
            ((struct grain_host_header *)(void *)copy)->length = (uint32_t)cut;
            assert_int_not_equal(grain_host_record_check(copy, cut), 0);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_each_type_pass),
        cmocka_unit_test(texts_that_do_not_fill_the_record_do_not_pass),
        cmocka_unit_test(foreign_headers_do_not_pass),
        cmocka_unit_test(no_truncation_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
