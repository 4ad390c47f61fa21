/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory of its own for each test, and a history in it. */
#ifndef GRAIN_TESTS_HISTORY_SAMPLE_H
#define GRAIN_TESTS_HISTORY_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>

#include <grain/error.h>
#include <grain/host_record.h>
#include <store/reader.h>
#include <store/store.h>

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOON   (1780000000ULL / 86400 * DAY + 12 * HOUR)

struct sample {
    char directory[64];
    char path[96];
};

static inline int sample_begin(void **state)
{
    struct sample *sample = calloc(1, sizeof(*sample));

    strcpy(sample->directory, "/tmp/grain-store-XXXXXX");
    if (!mkdtemp(sample->directory))
        return -1;
    (void)snprintf(sample->path, sizeof(sample->path), "%s/history.db", sample->directory);
    *state = sample;
    return 0;
}

static inline int sample_end(void **state)
{
    struct sample *sample = *state;
    DIR *directory = opendir(sample->directory);
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char name[512];

        (void)snprintf(name, sizeof(name), "%s/%s", sample->directory, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(name);
    }
    if (directory)
        closedir(directory);
    rmdir(sample->directory);
    free(sample);
    return 0;
}

#define sample_test(name) cmocka_unit_test_setup_teardown(name, sample_begin, sample_end)

static inline struct grain_store *sample_open(const struct sample *sample, uint64_t now_ns,
                                              uint64_t max_age_ns, uint64_t max_bytes)
{
    struct grain_store_options options = {.size = sizeof(options),
                                          .now_ns = now_ns,
                                          .max_age_ns = max_age_ns,
                                          .max_bytes = max_bytes};
    struct grain_store *store = NULL;

    if (grain_store_open(&store, sample->path, &options))
        fail_msg("%s", grain_error());
    return store;
}

static inline void sample_file(struct grain_store *store, const char *path, uint64_t time_ns,
                               uint32_t pid)
{
    struct grain_store_process process = {.pid = pid, .comm = "cat", .exe = "/bin/cat"};
    struct grain_store_file file = {.time_ns = time_ns,
                                    .path = path,
                                    .dev = 1 << 20 | 2,
                                    .ino = 77,
                                    .operation = GRAIN_HOST_OP_READ,
                                    .bytes = 10};

    grain_store_file(store, &process, &file);
}

static inline uint64_t sample_counter(const struct grain_store *store,
                                      enum grain_store_counter counter)
{
    uint64_t counters[GRAIN_STORE_COUNTER_COUNT];

    grain_store_counters(store, counters);
    return counters[counter];
}

static inline const struct grain_store_cell *cell_of(const struct grain_store_cell *cells,
                                                     size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(cells[i].name, name))
            return &cells[i];
    fail_msg("no column %s", name);
    return NULL;
}

struct sums {
    uint64_t rows, count;
};

static inline int sum_row(void *user, const struct grain_store_cell *cells, size_t count)
{
    struct sums *sums = user;

    sums->rows++;
    sums->count += (uint64_t)cell_of(cells, count, "count")->number;
    return 0;
}

static inline struct sums sample_sums(const struct sample *sample,
                                      const struct grain_store_filter *filter)
{
    struct grain_store_reader *reader = NULL;
    struct sums sums = {0, 0};

    if (grain_store_reader_open(&reader, sample->path) ||
        grain_store_select(reader, filter, sum_row, &sums))
        fail_msg("%s", grain_error());
    grain_store_reader_close(reader);
    return sums;
}

struct gap_search {
    const char *kind;
    uint64_t found, count;
    int64_t from_ms, to_ms;
};

static inline int find_gap(void *user, const struct grain_store_cell *cells, size_t count)
{
    struct gap_search *search = user;

    if (strcmp(cell_of(cells, count, "kind")->text, search->kind))
        return 0;
    search->found++;
    search->count += (uint64_t)cell_of(cells, count, "count")->number;
    search->from_ms = cell_of(cells, count, "time")->number;
    search->to_ms = cell_of(cells, count, "until")->number;
    return 0;
}

static inline struct gap_search sample_gap(const struct sample *sample, const char *kind,
                                           uint64_t now_ns)
{
    struct grain_store_reader *reader = NULL;
    struct gap_search search = {.kind = kind};

    if (grain_store_reader_open(&reader, sample->path) ||
        grain_store_select_gaps(reader, 1, 0, now_ns, find_gap, &search))
        fail_msg("%s", grain_error());
    grain_store_reader_close(reader);
    return search;
}

#endif
