/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pipeline: steps in order, then batches for sinks.
 *
 * Belongs to one thread. Functions return 0 or -errno unless they say otherwise; grain_error() then
 * says what.
 */
#ifndef GRAIN_AGENT_PIPELINE_H
#define GRAIN_AGENT_PIPELINE_H

#include "sink.h"
#include "step.h"

#define GRAIN_PIPELINE_STEPS_MAX 32
#define GRAIN_PIPELINE_SINKS_MAX 32

struct grain_pipeline;

/* `groups`: bits 1 << enum grain_group of what is fed in. */
int grain_pipeline_new(struct grain_pipeline **out, const char *name, unsigned int groups);
void grain_pipeline_free(struct grain_pipeline *pipeline); /* steps with it, not sinks; NULL */

const char *grain_pipeline_name(const struct grain_pipeline *pipeline);
unsigned int grain_pipeline_groups(const struct grain_pipeline *pipeline);

/* The step is the pipeline's from now on, also on failure. -E2BIG: too many. */
int grain_pipeline_add_step(struct grain_pipeline *pipeline, struct grain_step *step);
/* The sink outlives the pipeline. */
int grain_pipeline_add_sink(struct grain_pipeline *pipeline, struct grain_sink *sink);

/* An item into the first step; the item may be changed. What was too big, or found no memory, is
 * counted as refused. */
void grain_pipeline_take(struct grain_pipeline *pipeline, struct grain_item *item);

/* Steps hand on what they hold back. */
void grain_pipeline_flush(struct grain_pipeline *pipeline, uint64_t now_ns, bool end);

/* Items that came to the end and wait for grain_pipeline_put. */
size_t grain_pipeline_waiting(const struct grain_pipeline *pipeline);

/*
 * Number the batches that are ready from *sequence + 1 on; *sequence is then the last number. Until
 * grain_pipeline_put nothing else may be taken.
 */
void grain_pipeline_number(struct grain_pipeline *pipeline, uint64_t *sequence);

/* The numbered batches, for a file, from *at (0) on. False: that was the last. */
bool grain_pipeline_numbered(const struct grain_pipeline *pipeline, size_t *at, uint64_t *sequence,
                             const struct grain_batch **batch);

/* Put the numbered batches into the queues of the sinks. The first error, after all was tried. */
int grain_pipeline_put(struct grain_pipeline *pipeline);

/* A batch of an earlier process, into the sinks that do not have it yet. */
void grain_pipeline_put_again(struct grain_pipeline *pipeline, uint64_t sequence,
                              const struct grain_batch *batch);

/* What the steps hold back, as items for grain_pipeline_restore of the next process's pipeline. */
int grain_pipeline_save(struct grain_pipeline *pipeline, struct grain_batch *out);
void grain_pipeline_restore(struct grain_pipeline *pipeline, const struct grain_batch *batch);

/*
 * Step number `i`, from 0 on: its name, what went wrong since this was asked last, and the last
 * such line (""; it may hold what came from outside, escaped). False: there are not so many.
 */
bool grain_pipeline_troubles(struct grain_pipeline *pipeline, size_t i, const char **step,
                             uint64_t *troubles, const char **last);

/* Items refused since the pipeline was made. */
uint64_t grain_pipeline_refused(const struct grain_pipeline *pipeline);

#endif
