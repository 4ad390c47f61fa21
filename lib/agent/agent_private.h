/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_AGENT_AGENT_PRIVATE_H
#define GRAIN_AGENT_AGENT_PRIVATE_H

#include <signal.h>
#include <time.h>

#include <grain/events.h>
#include <grain/limits.h>

#include "agent.h"
#include "collect.h"
#include "event.h"
#include "share.h"

#define AGENT_SINKS_MAX     32
#define AGENT_PIPELINES_MAX 32

/* What the agent told of a sink's counts. */
struct agent_told {
    struct grain_queue_counts counts;
};

/* A sink that was taken away and delivers what it still has. */
struct agent_leaving {
    struct grain_sink *sink;
    struct agent_told told;
};

struct agent_host;

struct grain_agent {
    struct grain_agent_options options;
    struct agent_host *host; /* NULL: only packets are watched */
    char *pin_root, *state;
    struct grain_sink *sinks[AGENT_SINKS_MAX];
    struct agent_told sink_told[AGENT_SINKS_MAX];
    char *sink_settings[AGENT_SINKS_MAX];
    bool sink_failing[AGENT_SINKS_MAX]; /* which was said */
    size_t sink_count;
    struct agent_leaving leaving[AGENT_SINKS_MAX]; /* in the order in which they were taken away */
    size_t leaving_count;
    struct grain_pipeline *pipelines[AGENT_PIPELINES_MAX];
    size_t pipeline_count;
    unsigned int groups; /* that any pipeline wants */
    struct grain_collect *collect;
    uint64_t sequence; /* the last number given to a batch */
    struct grain_live *live;
    struct grain_events *events;
    struct grain_share *share; /* of the events with others; NULL: somebody else does */
    bool share_failed;         /* which was said */
    uint64_t share_lost_before, share_lost_told;
    struct grain_events_counts events_before; /* of readers that were closed */
    struct grain_events_counts events_told;
    uint64_t unreadable, unreadable_told;
    uint64_t refused_before, refused_told; /* of pipelines that were taken away */
    struct grain_clock clock;
    char interfaces[GRAIN_SOURCE_SLOTS][4 * 16 + 1]; /* by source slot, fit for a tag */
    double collect_seconds;  /* of the last collection; below 0: none since told */
    bool remembered;         /* what former agents told has been read */
    bool waiting;            /* for something to be attached, which was said */
    bool events_waiting;     /* for the stream, which somebody else reads, which was said */
    bool state_failed;       /* writing the state, which was said */
    sigset_t signals_before; /* of the caller's thread */
    uint64_t left, kept;
};

uint64_t agent_now(clockid_t clock);

void agent_log(const struct grain_agent *agent, enum grain_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Hand an item to every pipeline that wants its group. */
int agent_feed(struct grain_agent *agent, enum grain_group group, const struct grain_item *item);

/* The agent's own measurements into the pipelines. */
void agent_tell_itself(struct grain_agent *agent, uint64_t now_ns);

/* What a sink counted since it was told last. */
void agent_tell_sink(struct grain_agent *agent, const char *name,
                     const struct grain_queue_counts *now, struct grain_queue_counts *told,
                     uint64_t now_ns);

/* About once a second: say which sinks fail, and let go of those that were taken away and are
 * done. */
void agent_sinks_look(struct grain_agent *agent);
/* Deliver what waits until stopping takes too long, or until `signals` can be read. */
void agent_sinks_drain(struct grain_agent *agent, int signals);
/* They give up what is under way, and are gone. */
void agent_sinks_free(struct grain_agent *agent);

/* The stream of events: open it when a pipeline wants events and nobody else reads. */
void agent_events_open(struct grain_agent *agent);
/* Deliver what came; false: it was closed because of an error. */
bool agent_events_read(struct grain_agent *agent);
void agent_events_close(struct grain_agent *agent);
/* The host probes and the history. All but the first do nothing without them. */
int agent_host_fd(const struct grain_agent *agent);
/* Deliver what came, and what has waited long enough. */
void agent_host_read(struct grain_agent *agent);
/* About once a second. */
void agent_host_look(struct grain_agent *agent);
/* At a collection. */
void agent_host_collect(struct grain_agent *agent, uint64_t now_ns);
/* A record of the other ring; `answered`: agent_host_room holds what it answers. */
void agent_host_event(struct grain_agent *agent, const struct grain_item *item,
                      const struct grain_message *message, const struct grain_record *record,
                      bool answered);
/* Room for one event's answers; NULL: nobody wants them. */
struct grain_answers *agent_host_room(struct grain_agent *agent);
/* Everything that waits goes on, before the last collection; then the end. */
void agent_host_finish(struct grain_agent *agent);
void agent_host_free(struct grain_agent *agent);

/* Names of interfaces and the clocks' offset. */
void agent_events_refresh(struct grain_agent *agent);

#endif
