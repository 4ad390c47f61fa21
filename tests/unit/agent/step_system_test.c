// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "steps_sample.h"

static void read_line(const char *path, char *out, int size)
{
    FILE *stream = fopen(path, "r");

    assert_non_null(stream);
    assert_non_null(fgets(out, size, stream));
    fclose(stream);
    out[strcspn(out, "\n")] = 0;
}

static struct grain_step *system_step(struct kept *kept, const char *instance)
{
    const struct grain_system_settings settings = {.instance = instance};
    struct grain_step *step;

    assert_int_equal(grain_step_system(&step, &settings), 0);
    lead_to(step, kept);
    return step;
}

static void tags_as_proc_has_them(void **state)
{
    char host[128], kernel[128], expected[512];
    struct grain_step *step;
    struct kept kept;

    (void)state;
    read_line("/proc/sys/kernel/hostname", host, sizeof(host));
    read_line("/proc/sys/kernel/osrelease", kernel, sizeof(kernel));
    kept_open(&kept);
    step = system_step(&kept, NULL);
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, NULL));
    (void)snprintf(expected, sizeof(expected), "counter c 1 host=%s kernel=%s\n", host, kernel);
    assert_string_equal(kept_take(&kept), expected);
    step->type->free(step);
    step = system_step(&kept, "edge-1");
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, "host", "another", "a", "b", NULL));
    (void)snprintf(expected, sizeof(expected),
                   "counter c 1 host=%s a=b kernel=%s instance=edge-1\n", host, kernel);
    assert_string_equal(kept_take(&kept), expected);
    step->type->free(step);
    kept_close(&kept);
}

static void new_host_name_after_flush(void **state)
{
    struct grain_step *step;
    struct kept kept;

    (void)state;
    if (unshare(CLONE_NEWUTS)) {
        print_message("skipped: no UTS namespace of our own: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(sethostname("before", 6), 0);
    kept_open(&kept);
    step = system_step(&kept, NULL);
    assert_int_equal(sethostname("a\033\\b", 4), 0);
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, NULL));
    assert_non_null(strstr(kept_take(&kept), "host=before kernel="));
    assert_int_equal(step->type->flush(step, 1, false), 0);
    take(step, sample(GRAIN_ITEM_COUNTER, "c", 1, NULL));
    assert_non_null(strstr(kept_take(&kept), "host=a\\027\\092b kernel="));
    step->type->free(step);
    kept_close(&kept);
}

static void no_room_is_a_trouble(void **state)
{
    struct grain_item item = sample(GRAIN_ITEM_COUNTER, "c", 1, NULL);
    static char keys[GRAIN_TAGS_MAX][8];
    struct grain_step *step;
    struct kept kept;

    (void)state;
    for (int i = 0; i < GRAIN_TAGS_MAX - 1; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "t%d", i);
        assert_true(grain_item_set_tag(&item, keys[i], "x"));
    }
    kept_open(&kept);
    step = system_step(&kept, "edge-1");
    take(step, item);
    assert_non_null(strstr(kept_take(&kept), " t22=x host="));
    assert_int_equal(step->troubles, 2);
    assert_string_equal(step->trouble,
                        "system: no room for the tag instance: an item has 24 already");
    step->type->free(step);
    kept_close(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_as_proc_has_them),
        cmocka_unit_test(no_room_is_a_trouble),
        cmocka_unit_test(new_host_name_after_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
