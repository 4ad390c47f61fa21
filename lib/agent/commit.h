/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a collection told, written down before it goes to the queues: the numbers told so far, and
 * the batches with their numbers. The file takes the place of the one before by a rename, so it is
 * whole or not there.
 */
#ifndef GRAIN_AGENT_COMMIT_H
#define GRAIN_AGENT_COMMIT_H

#include "collect.h"
#include "pipeline.h"

#define GRAIN_COMMIT_FILE "told"

/* `sequence`: the last number given away. */
int grain_commit_write(const char *state, uint64_t sequence, const struct grain_collect *collect,
                       struct grain_pipeline *const *pipelines, size_t count);

struct grain_commit_reader {
    void *user;
    /* A batch that may not have reached all queues. */
    void (*batch)(void *user, const char *pipeline, uint64_t sequence,
                  const struct grain_batch *batch);
    /* What the steps of a pipeline held back. */
    void (*held)(void *user, const char *pipeline, const struct grain_batch *batch);
};

/*
 * Read it: the numbers into `collect`, the last sequence number into *sequence. -ENOENT: there is
 * none. -EBADMSG: it is not readable, and nothing was taken from it.
 */
int grain_commit_read(const char *state, uint64_t *sequence, struct grain_collect *collect,
                      const struct grain_commit_reader *reader);

#endif
