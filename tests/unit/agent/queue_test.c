// SPDX-License-Identifier: GPL-2.0-only
/* A queue beside what was put into it: in order, once, or counted. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/queue.h>

#define SMALL GRAIN_QUEUE_SIZE_LEAST

struct fixture {
    char folder[64], path[96];
    struct grain_queue *queue;
    struct grain_taken taken;
    uint32_t next; /* number of the item to be put next */
    uint64_t sequence;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    strcpy(f->folder, "/tmp/grain-queue-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/queue", f->folder);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    grain_queue_free(f->queue);
    free(f->taken.bytes);
    unlink(f->path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void open_queue(struct fixture *f, bool memory, uint64_t size, bool drop_newest)
{
    const struct grain_queue_options options = {
        .path = memory ? NULL : f->path, .size = size, .drop_newest = drop_newest};

    assert_int_equal(grain_queue_open(&f->queue, &options), 0);
}

static void close_queue(struct fixture *f)
{
    grain_queue_free(f->queue);
    f->queue = NULL;
}

static void add_item(struct grain_batch *batch, uint32_t number)
{
    struct grain_item item = {
        .kind = GRAIN_ITEM_COUNTER, .name = "n", .unit = "1", .count = number};

    assert_int_equal(grain_batch_add(batch, &item), 0);
}

/* A batch of the next `items` items. */
static int put(struct fixture *f, uint32_t items)
{
    struct grain_batch batch = {0};
    int result;

    for (uint32_t i = 0; i < items; i++)
        add_item(&batch, f->next++);
    result = grain_queue_put(f->queue, ++f->sequence, &batch);
    grain_batch_free(&batch);
    return result;
}

static bool take(struct fixture *f)
{
    int found = grain_queue_take(f->queue, &f->taken, 0);

    assert_true(found >= 0);
    return found;
}

/* The items of what was taken are these. */
static void check_taken(const struct fixture *f, uint32_t first, uint32_t items)
{
    struct grain_item item;
    size_t at = 0;

    assert_int_equal(f->taken.items, items);
    for (uint32_t i = 0; i < items; i++) {
        assert_int_equal(grain_batch_next(f->taken.bytes, f->taken.length, &at, &item), 1);
        assert_int_equal(item.count, first + i);
    }
    assert_int_equal(grain_batch_next(f->taken.bytes, f->taken.length, &at, &item), 0);
}

static struct grain_queue_counts counts_of(struct fixture *f)
{
    struct grain_queue_counts counts;

    grain_queue_counts(f->queue, &counts);
    assert_int_equal(counts.queued, counts.sent + counts.skipped + counts.refused + counts.dropped +
                                        counts.corrupt + counts.waiting);
    return counts;
}

static void what_is_put_is_taken_in_order_over_the_ring_s_end(void **state)
{
    struct fixture *f = *state;
    uint32_t expected = 0;

    open_queue(f, true, SMALL, false);
    for (uint32_t round = 0; round < 400; round++) {
        uint32_t items = 1 + round % 37;

        assert_int_equal(put(f, items), 0);
        assert_true(take(f));
        check_taken(f, expected, items);
        grain_queue_finish(f->queue, &f->taken, false);
        expected += items;
    }
    assert_false(take(f));
    assert_int_equal(counts_of(f).sent, expected);
}

static void the_oldest_make_room(void **state)
{
    struct fixture *f = *state;
    struct grain_queue_counts counts;

    open_queue(f, true, SMALL, false);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(put(f, 20), 0);
    counts = counts_of(f);
    assert_int_equal(counts.queued, 4000);
    assert_true(counts.dropped > 0 && counts.dropped % 20 == 0);
    assert_true(take(f));
    check_taken(f, (uint32_t)counts.dropped, 20);
}

static void the_newest_finds_no_room(void **state)
{
    struct fixture *f = *state;
    struct grain_queue_counts counts;
    uint32_t expected = 0;

    open_queue(f, true, SMALL, true);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(put(f, 20), 0);
    counts = counts_of(f);
    while (take(f)) {
        check_taken(f, expected, 20);
        grain_queue_finish(f->queue, &f->taken, false);
        expected += 20;
    }
    assert_int_equal(expected, counts.waiting);
    assert_int_equal(counts_of(f).sent + counts.dropped, 4000);
}

static void a_batch_that_made_room_while_it_was_sent_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct grain_queue_counts counts;

    open_queue(f, true, SMALL, false);
    put(f, 20);
    assert_true(take(f));
    for (uint32_t i = 0; i < 200; i++)
        put(f, 20);
    counts = counts_of(f);
    grain_queue_finish(f->queue, &f->taken, false);
    assert_int_equal(counts_of(f).sent, 20);
    assert_int_equal(counts_of(f).dropped, counts.dropped);
    assert_true(take(f));
    for (uint32_t i = 0; i < 200; i++)
        put(f, 20);
    /* It failed, and is no longer there to be tried again. */
    assert_false(grain_queue_retry(f->queue, &f->taken));
    (void)counts_of(f);
}

static void a_batch_bigger_than_its_part_of_the_ring_is_counted(void **state)
{
    struct fixture *f = *state;

    open_queue(f, true, SMALL, false);
    put(f, 1);
    assert_int_equal(put(f, 1000), 0);
    assert_int_equal(counts_of(f).dropped, 1000);
    assert_true(take(f));
    check_taken(f, 0, 1);
}

static void another_process_goes_on_where_this_one_was(void **state)
{
    struct fixture *f = *state;

    open_queue(f, false, SMALL, false);
    put(f, 10);
    put(f, 5);
    assert_true(take(f));
    grain_queue_progress(f->queue, &f->taken, 4, 1);
    close_queue(f);
    open_queue(f, false, SMALL, false);
    assert_int_equal(grain_queue_sequence(f->queue), 2);
    assert_int_equal(counts_of(f).sent, 3);
    assert_int_equal(counts_of(f).skipped, 1);
    assert_int_equal(counts_of(f).waiting, 11);
    assert_true(take(f));
    assert_int_equal(f->taken.done, 4);
    check_taken(f, 0, 10);
}

static void what_was_under_way_when_it_was_killed_counts_as_sent(void **state)
{
    struct fixture *f = *state;

    open_queue(f, false, SMALL, false);
    put(f, 10);
    assert_true(take(f));
    grain_queue_sending(f->queue, 7);
    close_queue(f);
    open_queue(f, false, SMALL, false);
    assert_true(take(f));
    assert_int_equal(f->taken.done, 7);
    assert_int_equal(counts_of(f).uncertain, 7);
    assert_int_equal(counts_of(f).sent, 7);
    /* A failure that came back is none. */
    grain_queue_sending(f->queue, 9);
    assert_true(grain_queue_retry(f->queue, &f->taken));
    close_queue(f);
    open_queue(f, false, SMALL, false);
    assert_true(take(f));
    assert_int_equal(f->taken.done, 7);
}

static void killed_while_it_puts_a_batch_is_whole_or_not_there(void **state)
{
    struct fixture *f = *state;
    int status;

    for (useconds_t wait = 0; wait < 20000; wait += 1000) {
        struct grain_queue_counts before;
        uint64_t sum = 0;
        pid_t child;

        open_queue(f, false, SMALL * 4, false);
        before = counts_of(f);
        close_queue(f);
        child = fork();
        if (!child) {
            open_queue(f, false, SMALL * 4, false);
            for (;;)
                put(f, 7);
        }
        usleep(1000 + wait);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        open_queue(f, false, SMALL * 4, false);
        while (take(f)) {
            assert_int_equal(f->taken.items, 7);
            sum += f->taken.items;
            grain_queue_finish(f->queue, &f->taken, false);
        }
        assert_int_equal(counts_of(f).corrupt, before.corrupt);
        assert_int_equal(counts_of(f).sent - before.sent, sum);
        close_queue(f);
    }
}

static void one_file_has_one_owner(void **state)
{
    struct fixture *f = *state;
    const struct grain_queue_options options = {.path = f->path, .size = SMALL};
    struct grain_queue *other = NULL;

    open_queue(f, false, SMALL, false);
    assert_int_equal(grain_queue_open(&other, &options), -EBUSY);
    assert_null(other);
}

static void another_size_keeps_what_waits(void **state)
{
    struct fixture *f = *state;

    open_queue(f, false, SMALL, false);
    put(f, 10);
    put(f, 10);
    assert_true(take(f));
    grain_queue_progress(f->queue, &f->taken, 3, 0);
    close_queue(f);
    open_queue(f, false, 4 * SMALL, false);
    assert_int_equal(counts_of(f).size, 4 * SMALL);
    assert_int_equal(counts_of(f).waiting, 17);
    assert_true(take(f));
    assert_int_equal(f->taken.done, 3);
    check_taken(f, 0, 10);
    grain_queue_finish(f->queue, &f->taken, false);
    assert_true(take(f));
    check_taken(f, 10, 10);
}

static void a_spoiled_batch_is_counted_and_the_next_one_found(void **state)
{
    struct fixture *f = *state;
    int fd;

    open_queue(f, false, SMALL, false);
    put(f, 10);
    put(f, 10);
    close_queue(f);
    fd = open(f->path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 4096 + 64), 1);
    close(fd);
    open_queue(f, false, SMALL, false);
    assert_true(take(f));
    check_taken(f, 10, 10);
    assert_int_equal(counts_of(f).corrupt, 10);
}

static void a_file_of_noise_is_refused_or_read_safely(void **state)
{
    struct fixture *f = *state;
    const struct grain_queue_options options = {.path = f->path, .size = SMALL};
    uint32_t random = 1;

    for (int round = 0; round < 300; round++) {
        struct grain_queue *queue = NULL;
        uint8_t noise[256];
        int fd;

        open_queue(f, false, SMALL, false);
        put(f, 10);
        close_queue(f);
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        fd = open(f->path, O_WRONLY | O_CLOEXEC);
        /* Of the head behind its magic number, or of the ring. */
        assert_true(pwrite(fd, noise, 1 + random % 16, round % 2 ? 8 + random % 120 : 4096) > 0);
        close(fd);
        if (!grain_queue_open(&queue, &options)) {
            struct grain_taken taken = {0};

            for (int i = 0; i < 50 && grain_queue_take(queue, &taken, 0) > 0; i++)
                grain_queue_finish(queue, &taken, false);
            free(taken.bytes);
            grain_queue_free(queue);
        }
        unlink(f->path);
    }
}

static void a_full_disk_is_an_error_and_counted(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, limit;

    open_queue(f, false, 4 * SMALL, false);
    put(f, 10);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 8192;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 20; i++)
        (void)put(f, 10);
    assert_true(put(f, 10) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(counts_of(f).dropped > 0);
    assert_true(counts_of(f).waiting >= 10);
    assert_true(take(f));
    check_taken(f, 0, 10);
    assert_int_equal(put(f, 10), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_taken_in_order_over_the_ring_s_end),
        TEST(the_oldest_make_room),
        TEST(the_newest_finds_no_room),
        TEST(a_batch_that_made_room_while_it_was_sent_is_told_once),
        TEST(a_batch_bigger_than_its_part_of_the_ring_is_counted),
        TEST(another_process_goes_on_where_this_one_was),
        TEST(what_was_under_way_when_it_was_killed_counts_as_sent),
        TEST(killed_while_it_puts_a_batch_is_whole_or_not_there),
        TEST(one_file_has_one_owner),
        TEST(another_size_keeps_what_waits),
        TEST(a_spoiled_batch_is_counted_and_the_next_one_found),
        TEST(a_file_of_noise_is_refused_or_read_safely),
        TEST(a_full_disk_is_an_error_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
