/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stream of events has one reader; an agent that reads it hands every record on to others over
 * a Unix socket, whose abstract name tells the set of maps (so it goes away with the agent, and is
 * to be found from the same network namespace). Root and the agent's own user are let in.
 *
 * A subscriber that does not keep up loses records, which it is told; it never delays the agent.
 * Functions return 0 or -errno unless they say otherwise; grain_error() then says what.
 */
#ifndef GRAIN_AGENT_SHARE_H
#define GRAIN_AGENT_SHARE_H

#include <grain/live.h>

#define GRAIN_SHARE_SUBSCRIBERS_MAX 16

/* ---- the agent's side ---- */

struct grain_share;

/* -EADDRINUSE: another agent shares these events. */
int grain_share_new(struct grain_share **out, const struct grain_live *live);
void grain_share_free(struct grain_share *share); /* takes NULL */

/* Readable when somebody wants in. */
int grain_share_fd(const struct grain_share *share);

/* Let in who waits, forget who left. */
void grain_share_look(struct grain_share *share);

size_t grain_share_subscribers(const struct grain_share *share);

/* Records gather until grain_share_flush, or until there are many. */
void grain_share_record(struct grain_share *share, const struct grain_record *record,
                        const uint8_t *bytes, size_t length);
void grain_share_flush(struct grain_share *share);

/* Records that subscribers lost, all together. */
uint64_t grain_share_lost(const struct grain_share *share);

/* ---- a subscriber's side ---- */

struct grain_subscriber;

/* -ENOENT: nobody shares the events of these maps here. */
int grain_subscriber_new(struct grain_subscriber **out, const struct grain_live *live);
void grain_subscriber_free(struct grain_subscriber *subscriber); /* takes NULL */

/*
 * Wait up to `timeout_ms` and deliver what came. Returns 0, -errno, or what `fn` returned; -EINTR:
 * a signal came; -EPIPE: the agent has ended.
 */
int grain_subscriber_poll(struct grain_subscriber *subscriber, int timeout_ms, grain_record_fn fn,
                          void *user);

/* Records delivered, and lost because they were not taken in time. */
void grain_subscriber_counts(const struct grain_subscriber *subscriber, uint64_t *received,
                             uint64_t *lost);

#endif
