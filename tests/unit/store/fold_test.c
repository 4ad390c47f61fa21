// SPDX-License-Identifier: GPL-2.0-only
/* Random events through the store, beside a list that is searched from its beginning. */
#include "history_sample.h"

#include "random.h"

#define PLAIN_MAX 20000
#define EVENTS    30000

struct plain {
    uint64_t minute, first_ms, last_ms, count, bytes;
    unsigned int path, pid, operation, flags;
    int result;
    bool found;
};

struct oracle {
    struct plain rows[PLAIN_MAX];
    size_t count;
};

static void name_path(char out[64], unsigned int path)
{
    (void)snprintf(out, 64, "/data/%u/file", path);
}

static void remember(struct oracle *oracle, const struct plain *event)
{
    for (size_t i = 0; i < oracle->count; i++) {
        struct plain *row = &oracle->rows[i];

        if (row->minute != event->minute || row->path != event->path || row->pid != event->pid ||
            row->operation != event->operation || row->result != event->result)
            continue;
        row->count++;
        row->bytes += event->bytes;
        row->flags |= event->flags;
        row->first_ms = event->first_ms < row->first_ms ? event->first_ms : row->first_ms;
        row->last_ms = event->last_ms > row->last_ms ? event->last_ms : row->last_ms;
        return;
    }
    assert_true(oracle->count < PLAIN_MAX);
    oracle->rows[oracle->count++] = *event;
}

static void append(struct grain_store *store, const struct plain *event)
{
    char path[64];
    struct grain_store_process process = {.pid = event->pid, .comm = "cat"};
    struct grain_store_file file = {.time_ns = event->first_ms * 1000000,
                                    .path = path,
                                    .dev = 5,
                                    .ino = 1000 + event->path,
                                    .operation = (uint8_t)event->operation,
                                    .flags = (uint16_t)event->flags,
                                    .result = event->result,
                                    .bytes = event->bytes};

    name_path(path, event->path);
    grain_store_file(store, &process, &file);
}

static struct plain draw(struct random *random)
{
    struct plain event = {.first_ms = NOON / 1000000 + random_below(random, 5 * 60000),
                          .count = 1,
                          .bytes = random_below(random, 10000),
                          .path = random_below(random, 20),
                          .pid = 1 + random_below(random, 5),
                          .operation = random_below(random, 3),
                          .flags = 1U << random_below(random, 6),
                          .result = random_below(random, 4) ? 0 : -13};

    event.last_ms = event.first_ms;
    event.minute = event.first_ms / 60000;
    return event;
}

static int check_row(void *user, const struct grain_store_cell *cells, size_t count)
{
    struct oracle *oracle = user;
    uint64_t first = (uint64_t)cell_of(cells, count, "time")->number;
    const char *operation = cell_of(cells, count, "operation")->text;
    const char *path = cell_of(cells, count, "path")->text;

    for (size_t i = 0; i < oracle->count; i++) {
        struct plain *row = &oracle->rows[i];
        static const char *const operations[] = {"open", "read", "write"};
        char name[64];

        name_path(name, row->path);
        if (row->minute != first / 60000 || strcmp(name, path) ||
            strcmp(operations[row->operation], operation) ||
            row->pid != cell_of(cells, count, "pid")->number ||
            row->result != cell_of(cells, count, "result")->number)
            continue;
        assert_false(row->found);
        row->found = true;
        assert_int_equal(row->first_ms, first);
        assert_int_equal(row->last_ms, cell_of(cells, count, "last")->number);
        assert_int_equal(row->count, cell_of(cells, count, "count")->number);
        assert_int_equal(row->bytes, cell_of(cells, count, "bytes")->number);
        assert_int_equal(row->flags, cell_of(cells, count, "flags")->number);
        return 0;
    }
    fail_msg("a row that nobody appended: %s %s", operation, path);
    return 0;
}

static void check_all(const struct sample *sample, struct oracle *oracle)
{
    struct grain_store_filter filter = {.table = GRAIN_STORE_FILES, .operation = -1};
    struct grain_store_reader *reader = NULL;

    for (size_t i = 0; i < oracle->count; i++)
        oracle->rows[i].found = false;
    assert_int_equal(grain_store_reader_open(&reader, sample->path), 0);
    assert_int_equal(grain_store_select(reader, &filter, check_row, oracle), 0);
    grain_store_reader_close(reader);
    for (size_t i = 0; i < oracle->count; i++)
        assert_true(oracle->rows[i].found);
}

static void equal_to_a_naive_one(void **state)
{
    struct oracle *oracle = calloc(1, sizeof(*oracle));
    struct random random = {20261125};
    struct grain_store *store = sample_open(*state, NOON, 0, 0);

    for (int i = 0; i < EVENTS; i++) {
        struct plain event = draw(&random);

        remember(oracle, &event);
        append(store, &event);
        /* Batches of any size; a new process now and then. */
        if (!random_below(&random, 500))
            assert_int_equal(grain_store_sync(store, NOON), 0);
        if (!random_below(&random, 8000)) {
            assert_int_equal(grain_store_close(store), 0);
            store = sample_open(*state, NOON, 0, 0);
        }
    }
    assert_int_equal(grain_store_sync(store, NOON), 0);
    check_all(*state, oracle);
    assert_int_equal(grain_store_close(store), 0);
    check_all(*state, oracle);
    free(oracle);
}

static void every_event_is_accounted_for(void **state)
{
    const struct sample *sample = *state;
    struct grain_store_filter filter = {.table = GRAIN_STORE_FILES, .operation = -1};
    struct grain_store_options options = {.size = sizeof(options), .now_ns = NOON, .max_rows = 100};
    struct grain_store *store = NULL;
    struct gap_search gap;

    assert_int_equal(grain_store_open(&store, sample->path, &options), 0);
    for (uint32_t i = 0; i < 1000; i++)
        sample_file(store, "/a", NOON, 1 + i % 250);
    assert_int_equal(grain_store_sync(store, NOON), 0);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_APPENDED), 1000);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_WRITTEN), 400);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_FOLDED), 300);
    assert_int_equal(sample_counter(store, GRAIN_STORE_COUNTER_LOST), 600);
    assert_int_equal(sample_sums(sample, &filter).rows, 100);
    assert_int_equal(sample_sums(sample, &filter).count, 400);
    gap = sample_gap(sample, "store_overload", NOON);
    assert_int_equal(gap.found, 1);
    assert_int_equal(gap.count, 600);
    assert_int_equal(grain_store_close(store), 0);
}

static void sums_do_not_overflow(void **state)
{
    struct grain_store *store = sample_open(*state, NOON, 0, 0);
    struct grain_store_filter filter = {.table = GRAIN_STORE_FILES, .operation = -1};

    for (int i = 0; i < 3; i++) {
        struct grain_store_file file = {
            .time_ns = NOON, .path = "/huge", .bytes = UINT64_MAX, .count = UINT64_MAX};

        grain_store_file(store, NULL, &file);
        grain_store_file(store, NULL, &file);
        assert_int_equal(grain_store_sync(store, NOON), 0);
    }
    assert_int_equal(sample_sums(*state, &filter).rows, 1);
    assert_int_equal(sample_sums(*state, &filter).count, 6 * (uint64_t)INT32_MAX);
    assert_int_equal(grain_store_close(store), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        sample_test(equal_to_a_naive_one),
        sample_test(every_event_is_accounted_for),
        sample_test(sums_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
