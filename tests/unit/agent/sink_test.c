// SPDX-License-Identifier: GPL-2.0-only
#include "items.h"

#include <time.h>

#include <agent/sink.h>

/* Counts what it delivers; asked to open anew, gets its last batch and is drained. */
struct counting {
    struct grain_sink *sink;
    uint32_t delivered;
};

static uint64_t in_a_minute(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec + 60) * 1000000000;
}

static int counting_send(void *state, struct grain_delivery *delivery)
{
    struct counting *counting = state;

    while (grain_delivery_next(delivery))
        counting->delivered++;
    return 0;
}

/* The place between a look at the queue, which was empty, and what follows from that. */
static void counting_reopen(void *state)
{
    struct counting *counting = state;
    struct grain_batch batch = {0};
    const struct grain_item item = counter("a", 1);

    assert_int_equal(grain_batch_add(&batch, &item), 0);
    assert_int_equal(grain_sink_put(counting->sink, 1, &batch), 0);
    grain_batch_free(&batch);
    grain_sink_drain(counting->sink, in_a_minute());
}

static void counting_free(void *state)
{
    (void)state;
}

static const struct grain_sink_type counting_type = {
    .name = "counting",
    .send = counting_send,
    .reopen = counting_reopen,
    .free = counting_free,
};

static void the_last_batch_is_delivered_when_the_queue_was_just_empty(void **state)
{
    const struct grain_sink_options options = {.name = "a", .queue.size = GRAIN_QUEUE_SIZE_LEAST};
    const struct timespec moment = {.tv_nsec = 1000000};
    struct counting counting = {0};
    uint64_t left = 1;

    (void)state;
    assert_int_equal(grain_sink_new(&counting.sink, &counting_type, &counting, &options), 0);
    grain_sink_reopen(counting.sink);
    while (!grain_sink_ended(counting.sink))
        nanosleep(&moment, NULL);
    assert_int_equal(grain_sink_free(counting.sink, &left), 0);
    assert_int_equal(left, 0);
    assert_int_equal(counting.delivered, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_batch_is_delivered_when_the_queue_was_just_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
