// SPDX-License-Identifier: GPL-2.0-only
/* Reading pinned maps that hold what grain never wrote: nothing in them is believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <grain/events.h>
#include <grain/flow.h>
#include <grain/limits.h>
#include <grain/live.h>

#define ROUNDS 20

static char mounted[] = "/tmp/grain-read-XXXXXX";
static char root[64];
static const struct grain_table_sizes sizes = {.buckets = 64, .texts = 16, .flow_buckets = 4};
static struct grain_pinned *pinned;
static struct grain_live *live;

static int open_set(void **state)
{
    bool created;

    (void)state;
    return grain_pinned_create(&pinned, root, 5, &sizes, &created) || !created ||
                   grain_live_open(&live, root)
               ? -1
               : 0;
}

static int remove_set(void **state)
{
    (void)state;
    grain_live_free(live);
    live = NULL;
    if (grain_pinned_remove(pinned))
        return -1;
    grain_pinned_free(pinned);
    return 0;
}

static void fill(enum grain_pinned_map map, uint32_t entries, size_t size, bool per_cpu)
{
    int fd = grain_pinned_fd(pinned, map);
    size_t room = size * (per_cpu ? libbpf_num_possible_cpus() : 1);
    uint8_t *value = malloc(room);

    assert_non_null(value);
    for (uint32_t i = 0; i < entries; i++) {
        for (size_t at = 0; at < room; at += 256)
            assert_true(getrandom(value + at, room - at < 256 ? room - at : 256, 0) > 0);
        assert_int_equal(bpf_map_update_elem(fd, &i, value, BPF_ANY), 0);
    }
    free(value);
}

static int count_name(void *user, const struct grain_name_entry *entry)
{
    size_t *names = user;

    /* Nobody guesses a hash. */
    assert_false(entry->known);
    ++*names;
    return 0;
}

static int check_source(void *user, const struct grain_live_source *source)
{
    struct grain_live_state state;

    (void)user;
    assert_true(source->slot < GRAIN_SOURCE_SLOTS);
    assert_int_equal(source->source.name[sizeof(source->source.name) - 1], '\0');
    assert_int_equal(grain_live_state(live, source, &state), 0);
    assert_int_not_equal(state.presence, GRAIN_PRESENCE_ATTACHED);
    return 0;
}

static void random_maps_are_read_to_the_end(void **state)
{
    struct grain_engine_counts counts;
    struct grain_live_fill places;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t names = 0;

        fill(GRAIN_PINNED_grain_counts, sizes.buckets, sizeof(struct grain_name_bucket), true);
        fill(GRAIN_PINNED_grain_texts, sizes.texts, sizeof(struct grain_text_bucket), false);
        fill(GRAIN_PINNED_grain_flow_tags, sizes.flow_buckets, sizeof(struct grain_flow_tags),
             false);
        fill(GRAIN_PINNED_grain_cpu_map, 1, sizeof(struct grain_cpu), true);
        fill(GRAIN_PINNED_grain_totals_map, GRAIN_SOURCE_SLOTS, sizeof(struct grain_totals), true);
        assert_int_equal(grain_live_counts(live, &counts), 0);
        assert_int_equal(grain_live_fill(live, &places), 0);
        assert_int_equal(places.counts_taken, places.counts);
        assert_int_equal(grain_live_names(live, count_name, &names), 0);
        assert_int_equal(names, places.counts);
    }
}

static void random_sources_are_shown_as_they_are(void **state)
{
    struct grain_source source;

    (void)state;
    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        assert_true(getrandom(&source, sizeof(source), 0) == sizeof(source));
        assert_int_equal(grain_pinned_set_source(pinned, slot, &source), 0);
    }
    assert_int_equal(grain_live_sources(live, check_source, NULL), 0);
}

static int keep_name(void *user, const struct grain_name_entry *entry)
{
    struct grain_name_entry *last = user;

    *last = *entry;
    return 0;
}

/* A text under the hash of another name is not shown as its name, and counted. */
static void text_of_another_name_is_counted(void **state)
{
    struct grain_text_bucket texts = {.hash = {0x12345}};
    struct grain_name_bucket *buckets =
        calloc(libbpf_num_possible_cpus(), sizeof(struct grain_name_bucket));
    uint32_t bucket = grain_text_bucket_of(0x12345) & (sizes.texts - 1), zero = 0;
    struct grain_name_entry entry = {0};
    struct grain_engine_counts counts;

    (void)state;
    assert_non_null(buckets);
    texts.slots[0].kind = GRAIN_NAME_TLS_SNI;
    texts.slots[0].length = 7;
    memcpy(texts.slots[0].text, "foreign", 7);
    buckets[0].slots[1] = (struct grain_name_slot){
        .hash = 0x12345, .count = 3, .kind = GRAIN_NAME_TLS_SNI, .length = 7};
    assert_int_equal(bpf_map_update_elem(grain_pinned_fd(pinned, GRAIN_PINNED_grain_texts), &bucket,
                                         &texts, BPF_ANY),
                     0);
    assert_int_equal(bpf_map_update_elem(grain_pinned_fd(pinned, GRAIN_PINNED_grain_counts), &zero,
                                         buckets, BPF_ANY),
                     0);
    free(buckets);
    assert_int_equal(grain_live_names(live, keep_name, &entry), 0);
    assert_int_equal(entry.slot.count, 3);
    assert_false(entry.known);
    assert_int_equal(grain_live_counts(live, &counts), 0);
    assert_int_equal(counts.texts_disagreed, 1);
    assert_int_equal(counts.table[GRAIN_NAME_TLS_SNI], 3);
}

static int ignore_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                         size_t length)
{
    (void)user;
    (void)record;
    (void)bytes;
    (void)length;
    return 0;
}

static void second_reader_is_told_who_reads(void **state)
{
    const struct grain_events_options options = {.size = sizeof(options),
                                                 .on_record = ignore_record};
    struct grain_events *first = NULL, *second = NULL;
    struct grain_events_counts counts;
    char pid[32];

    (void)state;
    assert_int_equal(grain_events_open(&first, live, &options), 0);
    assert_int_equal(grain_events_open(&second, live, &options), -EBUSY);
    assert_null(second);
    (void)snprintf(pid, sizeof(pid), "process %d", getpid());
    assert_non_null(strstr(grain_error(), pid));
    assert_int_equal(grain_events_poll(first, 0), 0);
    assert_int_equal(grain_events_stop(first), 0);
    grain_events_counts(first, &counts);
    assert_int_equal(counts.received + counts.lost + counts.missing + counts.unsound, 0);
    grain_events_free(first);
    assert_int_equal(grain_events_open(&second, live, &options), 0);
    grain_events_free(second);
}

static void removed_set_is_noticed(void **state)
{
    struct grain_live *old = NULL;

    assert_int_equal(grain_live_open(&old, root), 0);
    assert_true(grain_live_current(old));
    assert_int_equal(remove_set(state), 0);
    assert_false(grain_live_current(old));
    assert_int_equal(open_set(state), 0);
    assert_false(grain_live_current(old));
    grain_live_free(old);
}

/* Seconds by ticks go as fast as seconds. */
static void ticks_are_read(void **state)
{
    struct grain_config config;
    struct grain_clock first, second;

    (void)state;
    assert_int_equal(grain_live_clock(live, &first), 0);
    assert_false(first.ticks_known);
    assert_int_equal(grain_pinned_config(pinned, &config), 0);
    config.ticks_per_second = (uint32_t)sysconf(_SC_CLK_TCK);
    assert_int_equal(grain_pinned_set_config(pinned, &config), 0);
    assert_int_equal(grain_live_clock(live, &first), 0);
    assert_true(first.ticks_known);
    do
        assert_int_equal(grain_live_clock(live, &second), 0);
    while (second.ticks == first.ticks);
    assert_true((int32_t)(second.ticks - first.ticks) > 0);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_set, remove_set)
    const struct CMUnitTest tests[] = {
        TEST(random_maps_are_read_to_the_end), TEST(random_sources_are_shown_as_they_are),
        TEST(text_of_another_name_is_counted), TEST(second_reader_is_told_who_reads),
        TEST(removed_set_is_noticed),          TEST(ticks_are_read),
    };

    if (geteuid()) {
        puts("SKIP: mounting a BPF file system takes root");
        return 77;
    }
    return cmocka_run_group_tests(tests, mount_own, unmount_own);
}
