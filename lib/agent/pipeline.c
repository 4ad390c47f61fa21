// SPDX-License-Identifier: GPL-2.0-only
#include "pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"

/* A queue takes batches up to a part of its size; smaller ones are delivered sooner and lose less
 * when they make room. */
#define BATCH_LEAST (4 << 10)
/* What one collection may make; more is refused. */
#define READY_BYTES (64U << 20)

struct ready {
    struct grain_batch batch;
    uint64_t sequence;
};

struct grain_pipeline {
    char *name;
    unsigned int groups;
    struct grain_step *steps[GRAIN_PIPELINE_STEPS_MAX];
    size_t step_count;
    struct grain_sink *sinks[GRAIN_PIPELINE_SINKS_MAX];
    size_t sink_count;
    size_t batch_bytes;
    struct grain_batch batch; /* being filled */
    struct ready *ready;
    size_t ready_count, ready_room, ready_bytes, ready_items;
    uint64_t refused;
};

int grain_pipeline_new(struct grain_pipeline **out, const char *name, unsigned int groups)
{
    struct grain_pipeline *pipeline = calloc(1, sizeof(*pipeline));

    if (!pipeline || !(pipeline->name = strdup(name))) {
        free(pipeline);
        return grain_fail(-ENOMEM, "no memory");
    }
    pipeline->groups = groups;
    pipeline->batch_bytes = GRAIN_QUEUE_BATCH_BYTES;
    *out = pipeline;
    return 0;
}

static void forget_ready(struct grain_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->ready_count; i++)
        grain_batch_free(&pipeline->ready[i].batch);
    pipeline->ready_count = 0;
    pipeline->ready_bytes = 0;
    pipeline->ready_items = 0;
}

void grain_pipeline_free(struct grain_pipeline *pipeline)
{
    if (!pipeline)
        return;
    for (size_t i = 0; i < pipeline->step_count; i++)
        pipeline->steps[i]->type->free(pipeline->steps[i]);
    forget_ready(pipeline);
    free(pipeline->ready);
    grain_batch_free(&pipeline->batch);
    free(pipeline->name);
    free(pipeline);
}

const char *grain_pipeline_name(const struct grain_pipeline *pipeline)
{
    return pipeline->name;
}

unsigned int grain_pipeline_groups(const struct grain_pipeline *pipeline)
{
    return pipeline->groups;
}

/* What is full goes to the ready ones. */
static int seal(struct grain_pipeline *pipeline)
{
    if (!pipeline->batch.items)
        return 0;
    if (pipeline->ready_count == pipeline->ready_room) {
        size_t room = pipeline->ready_room ? 2 * pipeline->ready_room : 16;
        struct ready *ready = reallocarray(pipeline->ready, room, sizeof(*ready));

        if (!ready)
            return -ENOMEM;
        pipeline->ready = ready;
        pipeline->ready_room = room;
    }
    pipeline->ready[pipeline->ready_count++] = (struct ready){.batch = pipeline->batch};
    pipeline->ready_bytes += pipeline->batch.length;
    pipeline->ready_items += pipeline->batch.items;
    pipeline->batch = (struct grain_batch){0};
    return 0;
}

static int gather(void *user, struct grain_item *item)
{
    struct grain_pipeline *pipeline = user;
    struct grain_batch *batch = &pipeline->batch;
    size_t before = batch->length;
    int error = pipeline->ready_bytes < READY_BYTES ? grain_batch_add(batch, item) : -ENOBUFS;

    if (error) {
        pipeline->refused++;
        return 0;
    }
    /* An item that makes the batch too long begins the next one, unless it is alone. */
    if (batch->length > pipeline->batch_bytes && before) {
        batch->length = before;
        batch->items--;
        if (seal(pipeline) || grain_batch_add(&pipeline->batch, item))
            pipeline->refused++;
    }
    return 0;
}

int grain_pipeline_add_step(struct grain_pipeline *pipeline, struct grain_step *step)
{
    if (pipeline->step_count == GRAIN_PIPELINE_STEPS_MAX) {
        step->type->free(step);
        return grain_fail(-E2BIG, "pipeline %s: more than %d steps", pipeline->name,
                          GRAIN_PIPELINE_STEPS_MAX);
    }
    step->next = NULL;
    step->end = gather;
    step->user = pipeline;
    if (pipeline->step_count)
        pipeline->steps[pipeline->step_count - 1]->next = step;
    pipeline->steps[pipeline->step_count++] = step;
    return 0;
}

int grain_pipeline_add_sink(struct grain_pipeline *pipeline, struct grain_sink *sink)
{
    struct grain_sink_counts counts;
    size_t part;

    if (pipeline->sink_count == GRAIN_PIPELINE_SINKS_MAX)
        return grain_fail(-E2BIG, "pipeline %s: more than %d sinks", pipeline->name,
                          GRAIN_PIPELINE_SINKS_MAX);
    pipeline->sinks[pipeline->sink_count++] = sink;
    grain_sink_counts(sink, &counts);
    part = counts.queue.size / (4 * (size_t)GRAIN_QUEUE_BATCH_PART);
    if (part < pipeline->batch_bytes)
        pipeline->batch_bytes = part > BATCH_LEAST ? part : BATCH_LEAST;
    return 0;
}

void grain_pipeline_take(struct grain_pipeline *pipeline, struct grain_item *item)
{
    int error = pipeline->step_count ? pipeline->steps[0]->type->take(pipeline->steps[0], item)
                                     : gather(pipeline, item);

    if (error)
        pipeline->refused++;
}

void grain_pipeline_flush(struct grain_pipeline *pipeline, uint64_t now_ns, bool end)
{
    for (size_t i = 0; i < pipeline->step_count; i++) {
        struct grain_step *step = pipeline->steps[i];

        if (step->type->flush && step->type->flush(step, now_ns, end))
            pipeline->refused++;
    }
}

size_t grain_pipeline_waiting(const struct grain_pipeline *pipeline)
{
    return pipeline->ready_items + pipeline->batch.items;
}

void grain_pipeline_number(struct grain_pipeline *pipeline, uint64_t *sequence)
{
    if (seal(pipeline)) {
        pipeline->refused += pipeline->batch.items;
        grain_batch_clear(&pipeline->batch);
    }
    for (size_t i = 0; i < pipeline->ready_count; i++)
        pipeline->ready[i].sequence = ++*sequence;
}

bool grain_pipeline_numbered(const struct grain_pipeline *pipeline, size_t *at, uint64_t *sequence,
                             const struct grain_batch **batch)
{
    if (*at >= pipeline->ready_count)
        return false;
    *sequence = pipeline->ready[*at].sequence;
    *batch = &pipeline->ready[*at].batch;
    (*at)++;
    return true;
}

int grain_pipeline_put(struct grain_pipeline *pipeline)
{
    int first = 0;

    for (size_t i = 0; i < pipeline->ready_count; i++) {
        const struct ready *ready = &pipeline->ready[i];

        for (size_t k = 0; k < pipeline->sink_count; k++) {
            int error = grain_sink_put(pipeline->sinks[k], ready->sequence, &ready->batch);

            first = first ? first : error;
        }
    }
    forget_ready(pipeline);
    return first;
}

void grain_pipeline_put_again(struct grain_pipeline *pipeline, uint64_t sequence,
                              const struct grain_batch *batch)
{
    for (size_t k = 0; k < pipeline->sink_count; k++)
        if (grain_sink_sequence(pipeline->sinks[k]) < sequence)
            (void)grain_sink_put(pipeline->sinks[k], sequence, batch);
}

/* The step that an item belongs to stands before its unit, which ends there for all others: there
 * may be no room for a tag. */
#define STEP_END '\001'

static int save_item(const struct grain_item *item, size_t step, struct grain_batch *out)
{
    char unit[GRAIN_ITEM_TEXT_MAX + 1];
    struct grain_item marked = *item;

    if (snprintf(unit, sizeof(unit), "%zu%c%s", step, STEP_END, item->unit) >= (int)sizeof(unit))
        return -E2BIG;
    marked.unit = unit;
    return grain_batch_add(out, &marked);
}

int grain_pipeline_save(struct grain_pipeline *pipeline, struct grain_batch *out)
{
    for (size_t i = 0; i < pipeline->step_count; i++) {
        struct grain_step *step = pipeline->steps[i];
        struct grain_batch held = {0};
        struct grain_item item;
        size_t at = 0;
        int error = step->type->save ? step->type->save(step, &held) : 0;

        while (!error && grain_batch_next(held.bytes, held.length, &at, &item) > 0)
            error = save_item(&item, i, out);
        grain_batch_free(&held);
        if (error)
            return error;
    }
    return 0;
}

void grain_pipeline_restore(struct grain_pipeline *pipeline, const struct grain_batch *batch)
{
    struct grain_item item;
    size_t at = 0;

    while (grain_batch_next(batch->bytes, batch->length, &at, &item) > 0) {
        const char *end = strchr(item.unit, STEP_END);
        size_t step = end ? strtoul(item.unit, NULL, 10) : pipeline->step_count;

        item.unit = end ? end + 1 : item.unit;
        /* The configuration may have changed: what belonged to a step that is not there goes the
         * whole way. */
        if (step >= pipeline->step_count || !pipeline->steps[step]->type->save)
            grain_pipeline_take(pipeline, &item);
        else if (pipeline->steps[step]->type->take(pipeline->steps[step], &item))
            pipeline->refused++;
    }
}

bool grain_pipeline_troubles(struct grain_pipeline *pipeline, size_t i, const char **step,
                             uint64_t *troubles, const char **last)
{
    struct grain_step *one = i < pipeline->step_count ? pipeline->steps[i] : NULL;

    if (!one)
        return false;
    *step = one->type->name;
    *troubles = one->troubles - one->troubles_told;
    *last = one->trouble;
    one->troubles_told = one->troubles;
    return true;
}

uint64_t grain_pipeline_refused(const struct grain_pipeline *pipeline)
{
    return pipeline->refused;
}
