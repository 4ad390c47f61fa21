// SPDX-License-Identifier: GPL-2.0-only
/* What the agent says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_private.h"

static void tell(struct grain_agent *agent, enum grain_measure measure, uint64_t now_ns,
                 const char *sink, uint64_t count, double number)
{
    struct grain_item item;

    grain_measure_item(&item, measure, now_ns);
    if (item.kind == GRAIN_ITEM_COUNTER && !count)
        return;
    if (sink)
        (void)grain_item_set_tag(&item, "sink", sink);
    item.count = count;
    item.number = number;
    (void)agent_feed(agent, GRAIN_GROUP_AGENT, &item);
}

/* A queue in a file remembers what former agents counted, and told. */
static void tell_counter(struct grain_agent *agent, enum grain_measure measure, uint64_t now_ns,
                         const char *sink, uint64_t count, uint64_t *told)
{
    tell(agent, measure, now_ns, sink, count > *told ? count - *told : 0, 0);
    *told = count;
}

void agent_tell_sink(struct grain_agent *agent, const char *name,
                     const struct grain_queue_counts *now, struct grain_queue_counts *told,
                     uint64_t now_ns)
{
    tell_counter(agent, GRAIN_MEASURE_SINK_QUEUED, now_ns, name, now->queued, &told->queued);
    tell_counter(agent, GRAIN_MEASURE_SINK_SENT, now_ns, name, now->sent, &told->sent);
    tell_counter(agent, GRAIN_MEASURE_SINK_SKIPPED, now_ns, name, now->skipped, &told->skipped);
    tell_counter(agent, GRAIN_MEASURE_SINK_REFUSED, now_ns, name, now->refused, &told->refused);
    tell_counter(agent, GRAIN_MEASURE_SINK_DROPPED, now_ns, name, now->dropped, &told->dropped);
    tell_counter(agent, GRAIN_MEASURE_SINK_CORRUPT, now_ns, name, now->corrupt, &told->corrupt);
    tell_counter(agent, GRAIN_MEASURE_SINK_RETRIED, now_ns, name, now->retried, &told->retried);
    tell_counter(agent, GRAIN_MEASURE_SINK_UNCERTAIN, now_ns, name, now->uncertain,
                 &told->uncertain);
    tell(agent, GRAIN_MEASURE_SINK_WAITING, now_ns, name, 0, (double)now->waiting);
    tell(agent, GRAIN_MEASURE_SINK_BYTES, now_ns, name, 0, (double)now->bytes);
}

static void tell_sink(struct grain_agent *agent, struct grain_sink *sink, struct agent_told *told,
                      uint64_t now_ns)
{
    struct grain_sink_counts counts;

    grain_sink_counts(sink, &counts);
    agent_tell_sink(agent, grain_sink_name(sink), &counts.queue, &told->counts, now_ns);
}

static void tell_events(struct grain_agent *agent, uint64_t now_ns)
{
    struct grain_events_counts now = {0}, *before = &agent->events_before;
    struct grain_events_counts *told = &agent->events_told;

    if (agent->events)
        grain_events_counts(agent->events, &now);
    tell_counter(agent, GRAIN_MEASURE_EVENTS_RECEIVED, now_ns, NULL,
                 before->received + now.received, &told->received);
    tell_counter(agent, GRAIN_MEASURE_EVENTS_LOST, now_ns, NULL, before->lost + now.lost,
                 &told->lost);
    tell_counter(agent, GRAIN_MEASURE_EVENTS_MISSING, now_ns, NULL, before->missing + now.missing,
                 &told->missing);
    tell_counter(agent, GRAIN_MEASURE_EVENTS_UNREADABLE, now_ns, NULL,
                 before->unsound + now.unsound + agent->unreadable, &agent->unreadable_told);
    tell_counter(agent, GRAIN_MEASURE_SHARED_LOST, now_ns, NULL,
                 agent->share_lost_before + (agent->share ? grain_share_lost(agent->share) : 0),
                 &agent->share_lost_told);
}

/* Resident pages, the second number of statm; below 0: not known. */
static double resident_bytes(void)
{
    FILE *stream = fopen("/proc/self/statm", "re");
    const char *second = NULL;
    char line[128];

    if (!stream)
        return -1;
    if (fgets(line, sizeof(line), stream))
        second = strchr(line, ' ');
    (void)fclose(stream);
    return second ? strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE) : -1;
}

/* The log has the last line of each collection in which there was one. */
static void tell_steps(struct grain_agent *agent, struct grain_pipeline *pipeline, uint64_t now_ns)
{
    const char *step, *last;
    uint64_t troubles;

    for (size_t i = 0; grain_pipeline_troubles(pipeline, i, &step, &troubles, &last); i++) {
        char name[64];
        struct grain_item item;

        if (!troubles)
            continue;
        (void)snprintf(name, sizeof(name), "%zu-%s", i, step);
        grain_measure_item(&item, GRAIN_MEASURE_STEP_TROUBLES, now_ns);
        (void)grain_item_set_tag(&item, "pipeline", grain_pipeline_name(pipeline));
        (void)grain_item_set_tag(&item, "step", name);
        item.count = troubles;
        (void)agent_feed(agent, GRAIN_GROUP_AGENT, &item);
        agent_log(agent, GRAIN_LOG_WARNING, "pipeline %s, step %s: %s",
                  grain_pipeline_name(pipeline), name, last);
    }
}

void agent_tell_itself(struct grain_agent *agent, uint64_t now_ns)
{
    uint64_t refused = agent->refused_before;
    double memory = resident_bytes();

    /* Of two that share a name, the one that stays has the last word on what waits. */
    for (size_t i = 0; i < agent->leaving_count; i++)
        tell_sink(agent, agent->leaving[i].sink, &agent->leaving[i].told, now_ns);
    for (size_t i = 0; i < agent->sink_count; i++)
        tell_sink(agent, agent->sinks[i], &agent->sink_told[i], now_ns);
    tell_events(agent, now_ns);
    for (size_t i = 0; i < agent->pipeline_count; i++) {
        tell_steps(agent, agent->pipelines[i], now_ns);
        refused += grain_pipeline_refused(agent->pipelines[i]);
    }
    tell_counter(agent, GRAIN_MEASURE_ITEMS_REFUSED, now_ns, NULL, refused, &agent->refused_told);
    if (memory >= 0)
        tell(agent, GRAIN_MEASURE_MEMORY, now_ns, NULL, 0, memory);
    if (agent->collect_seconds >= 0)
        tell(agent, GRAIN_MEASURE_COLLECT, now_ns, NULL, 1, agent->collect_seconds);
    agent->collect_seconds = -1;
}
