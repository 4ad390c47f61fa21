// SPDX-License-Identifier: GPL-2.0-only
/* What steps hold back goes from one pipeline to the next when an agent is killed. */
#include <agent/pipeline.h>

#include "steps_sample.h"

static void add_filter(struct grain_pipeline *pipeline)
{
    struct grain_step *step;

    assert_int_equal(
        grain_step_filter(
            &step, &(struct grain_filter_settings){.expression = "not name == \"unwanted\""}),
        0);
    assert_int_equal(grain_pipeline_add_step(pipeline, step), 0);
}

static void add_aggregate(struct grain_pipeline *pipeline)
{
    struct grain_step *step;

    assert_int_equal(
        grain_step_aggregate(&step, &(struct grain_aggregate_settings){.interval_ns = 60}), 0);
    assert_int_equal(grain_pipeline_add_step(pipeline, step), 0);
}

static struct grain_pipeline *new_pipeline(bool aggregate)
{
    struct grain_pipeline *pipeline;

    assert_int_equal(grain_pipeline_new(&pipeline, "test", 0), 0);
    add_filter(pipeline);
    if (aggregate)
        add_aggregate(pipeline);
    return pipeline;
}

/* As many tags as there can be. */
static struct grain_item full_item(void)
{
    static char keys[GRAIN_TAGS_MAX][8];
    struct grain_item item = sample(GRAIN_ITEM_COUNTER, "full", 2, NULL);

    for (int i = 0; i < GRAIN_TAGS_MAX; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "t%02d", i);
        assert_true(grain_item_set_tag(&item, keys[i], "x"));
    }
    return item;
}

static void feed(struct grain_pipeline *pipeline)
{
    struct grain_item items[] = {
        sample(GRAIN_ITEM_COUNTER, "c", 3, "k", "v", NULL),
        sample(GRAIN_ITEM_COUNTER, "unwanted", 1, NULL),
        full_item(),
        sample(GRAIN_ITEM_GAUGE, "g", 5, NULL),
    };

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        grain_pipeline_take(pipeline, &items[i]);
}

/* The pipeline's state into a new one. */
static struct grain_pipeline *move(struct grain_pipeline *from, bool aggregate)
{
    struct grain_pipeline *pipeline = new_pipeline(aggregate);
    struct grain_batch saved = {0};

    assert_int_equal(grain_pipeline_save(from, &saved), 0);
    grain_pipeline_restore(pipeline, &saved);
    grain_batch_free(&saved);
    grain_pipeline_free(from);
    return pipeline;
}

/* All that has come to the end. */
static void take_out(struct grain_pipeline *pipeline, struct kept *kept)
{
    const struct grain_batch *batch;
    struct grain_item item;
    uint64_t sequence = 0;
    size_t at = 0;

    grain_pipeline_number(pipeline, &sequence);
    while (grain_pipeline_numbered(pipeline, &at, &sequence, &batch)) {
        size_t offset = 0;

        while (grain_batch_next(batch->bytes, batch->length, &offset, &item) > 0) {
            assert_string_equal(item.unit, "1");
            keep_item(kept, &item);
        }
    }
}

#define FULL_TAGS                                                                    \
    " t00=x t01=x t02=x t03=x t04=x t05=x t06=x t07=x t08=x t09=x t10=x t11=x t12=x" \
    " t13=x t14=x t15=x t16=x t17=x t18=x t19=x t20=x t21=x t22=x t23=x\n"

static void killed_twice_counts_once(void **state)
{
    struct grain_pipeline *pipeline = new_pipeline(true);
    struct kept kept;

    (void)state;
    kept_open(&kept);
    feed(pipeline);
    pipeline = move(pipeline, true);
    feed(pipeline);
    pipeline = move(pipeline, true);
    assert_int_equal(grain_pipeline_waiting(pipeline), 0);
    grain_pipeline_flush(pipeline, 59, false);
    assert_int_equal(grain_pipeline_waiting(pipeline), 0);
    grain_pipeline_flush(pipeline, 60, false);
    take_out(pipeline, &kept);
    assert_string_equal(kept_take(&kept),
                        "counter c 6 k=v\ncounter full 4" FULL_TAGS "gauge g 5\n");
    assert_int_equal(grain_pipeline_refused(pipeline), 0);
    grain_pipeline_free(pipeline);
    kept_close(&kept);
}

/* The next one's configuration has no such step. */
static void without_the_step_all_goes_through(void **state)
{
    struct grain_pipeline *pipeline = new_pipeline(true);
    struct kept kept;

    (void)state;
    kept_open(&kept);
    feed(pipeline);
    pipeline = move(pipeline, false);
    take_out(pipeline, &kept);
    assert_string_equal(kept_take(&kept),
                        "counter c 3 k=v\ncounter full 2" FULL_TAGS "gauge g 5\n");
    grain_pipeline_free(pipeline);
    kept_close(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_twice_counts_once),
        cmocka_unit_test(without_the_step_all_goes_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
