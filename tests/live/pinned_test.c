// SPDX-License-Identifier: GPL-2.0-only
/* The pinned set of maps, on a BPF file system that the test mounts for itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <grain/pinned.h>

static char mounted[] = "/tmp/grain-pinned-XXXXXX";
static char root[64];
static const struct grain_table_sizes sizes = {.buckets = 64, .texts = 128, .flow_buckets = 4};

static struct grain_pinned *create(bool expect_new)
{
    struct grain_pinned *pinned = NULL;
    bool created;

    assert_int_equal(grain_pinned_create(&pinned, root, 5, &sizes, &created), 0);
    assert_int_equal(created, expect_new);
    return pinned;
}

static void made_once_and_opened_again(void **state)
{
    struct grain_pinned *pinned = create(true), *reader = NULL;
    struct grain_config config;

    (void)state;
    assert_int_equal(grain_pinned_open(&reader, root), 0);
    assert_int_equal(grain_pinned_abi(reader)->buckets, 64);
    assert_int_equal(grain_pinned_config(reader, &config), 0);
    assert_int_equal(config.generation, 1);
    assert_int_not_equal(config.key.shape, 0);
    grain_pinned_free(reader);
    grain_pinned_free(pinned);
    pinned = create(false);
    assert_int_equal(grain_pinned_remove(pinned), 0);
    grain_pinned_free(pinned);
    assert_int_equal(access(root, F_OK), -1);
}

static void nothing_there_is_told_apart(void **state)
{
    struct grain_pinned *pinned = NULL;

    (void)state;
    assert_int_equal(grain_pinned_open(&pinned, root), -ENOENT);
    assert_int_equal(grain_pinned_change(&pinned, root, 0), -ENOENT);
    assert_int_equal(grain_pinned_open(&pinned, "/proc/grain"), -ENOENT);
    assert_null(pinned);
}

static void places_that_cannot_hold_pins_are_refused(void **state)
{
    struct grain_pinned *pinned = NULL;
    bool created;
    char dotted[96];

    (void)state;
    assert_int_equal(grain_pinned_create(&pinned, "/tmp/grain-none", 0, &sizes, &created), -EINVAL);
    assert_non_null(strstr(grain_error(), "BPF file system"));
    assert_int_equal(grain_pinned_create(&pinned, "relative", 0, &sizes, &created), -EINVAL);
    (void)snprintf(dotted, sizeof(dotted), "%s/a.b", mounted);
    assert_int_equal(grain_pinned_create(&pinned, dotted, 0, &sizes, &created), -EPERM);
    assert_non_null(strstr(grain_error(), "dot"));
}

static void half_made_set_is_made_anew(void **state)
{
    struct grain_pinned *pinned = create(true);
    char path[128];

    (void)state;
    grain_pinned_free(pinned);
    (void)snprintf(path, sizeof(path), "%s/v1/abi", root);
    assert_int_equal(unlink(path), 0);
    pinned = create(true);
    assert_int_equal(grain_pinned_remove(pinned), 0);
    grain_pinned_free(pinned);
}

static void foreign_map_is_refused(void **state)
{
    struct grain_pinned *pinned = create(true), *other = NULL;
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, NULL);
    char path[128];

    (void)state;
    assert_true(fd >= 0);
    (void)snprintf(path, sizeof(path), "%s/v1/texts", root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bpf_obj_pin(fd, path), 0);
    assert_int_equal(grain_pinned_open(&other, root), -EPROTO);
    assert_non_null(strstr(grain_error(), path));
    close(fd);
    assert_int_equal(grain_pinned_remove(pinned), 0);
    grain_pinned_free(pinned);
}

static void missing_map_is_not_taken_for_nothing_attached(void **state)
{
    struct grain_pinned *pinned = create(true), *other = NULL;
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/v1/texts", root);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(grain_pinned_open(&other, root), -EPROTO);
    assert_non_null(strstr(grain_error(), path));
    assert_int_equal(grain_pinned_remove(pinned), 0);
    grain_pinned_free(pinned);
}

static void second_changer_is_told_who_holds_the_lock(void **state)
{
    struct grain_pinned *pinned = create(true), *other = NULL;
    char pid[32];

    (void)state;
    assert_int_equal(grain_pinned_change(&other, root, 0), -EBUSY);
    (void)snprintf(pid, sizeof(pid), "process %d", getpid());
    assert_non_null(strstr(grain_error(), pid));
    assert_int_equal(grain_pinned_remove(pinned), 0);
    grain_pinned_free(pinned);
}

static int mount_own(void **state)
{
    (void)state;
    if (!mkdtemp(mounted) || mount("bpf", mounted, "bpf", 0, NULL))
        return -1;
    (void)snprintf(root, sizeof(root), "%s/grain", mounted);
    return 0;
}

static int unmount_own(void **state)
{
    (void)state;
    return umount(mounted) || rmdir(mounted) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_once_and_opened_again),
        cmocka_unit_test(nothing_there_is_told_apart),
        cmocka_unit_test(places_that_cannot_hold_pins_are_refused),
        cmocka_unit_test(half_made_set_is_made_anew),
        cmocka_unit_test(foreign_map_is_refused),
        cmocka_unit_test(missing_map_is_not_taken_for_nothing_attached),
        cmocka_unit_test(second_changer_is_told_who_holds_the_lock),
    };

    if (geteuid()) {
        puts("SKIP: mounting a BPF file system takes root");
        return 77;
    }
    return cmocka_run_group_tests(tests, mount_own, unmount_own);
}
