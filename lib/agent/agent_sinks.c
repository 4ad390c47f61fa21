// SPDX-License-Identifier: GPL-2.0-only
/* The agent's sinks: those that pipelines feed, and those that were taken away and deliver what
 * they still have beside everything else. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "agent_private.h"

#define POLL_MS 10

int grain_agent_add_sink(struct grain_agent *agent, struct grain_sink *sink)
{
    struct grain_sink_counts counts;

    if (agent->sink_count == AGENT_SINKS_MAX) {
        (void)grain_sink_free(sink, NULL);
        return grain_fail(-E2BIG, "more than %d sinks", AGENT_SINKS_MAX);
    }
    /* A queue in a file has counted for other agents, which told of it. */
    grain_sink_counts(sink, &counts);
    agent->sink_told[agent->sink_count].counts = counts.queue;
    agent->sinks[agent->sink_count++] = sink;
    return 0;
}

static size_t find_sink(const struct grain_agent *agent, const char *name)
{
    size_t i = 0;

    while (i < agent->sink_count && strcmp(grain_sink_name(agent->sinks[i]), name))
        i++;
    return i;
}

struct grain_sink *grain_agent_sink(const struct grain_agent *agent, const char *name)
{
    size_t i = find_sink(agent, name);

    return i < agent->sink_count ? agent->sinks[i] : NULL;
}

bool grain_agent_sink_name(const struct grain_agent *agent, size_t i, char *name)
{
    if (i >= agent->sink_count)
        return false;
    (void)snprintf(name, GRAIN_SINK_NAME_MAX, "%s", grain_sink_name(agent->sinks[i]));
    return true;
}

const char *grain_agent_settings(const struct grain_agent *agent, const char *name)
{
    size_t i = find_sink(agent, name);

    return i < agent->sink_count && agent->sink_settings[i] ? agent->sink_settings[i] : "";
}

int grain_agent_set_settings(struct grain_agent *agent, const char *name, const char *settings)
{
    size_t i = find_sink(agent, name);
    char *copy = i < agent->sink_count ? strdup(settings) : NULL;

    if (!copy)
        return grain_fail(-ENOMEM, "no memory");
    free(agent->sink_settings[i]);
    agent->sink_settings[i] = copy;
    return 0;
}

/* Said when it begins and when it ends; in between the queue's measurements tell. */
static void look_after_sink(struct grain_agent *agent, size_t i)
{
    struct grain_sink_counts counts;
    bool failing;

    grain_sink_counts(agent->sinks[i], &counts);
    failing = counts.failed_since_ns;
    if (failing == agent->sink_failing[i])
        return;
    agent->sink_failing[i] = failing;
    if (failing)
        agent_log(agent, GRAIN_LOG_WARNING, "sink %s: %s; tried again until it works",
                  grain_sink_name(agent->sinks[i]), counts.error);
    else
        agent_log(agent, GRAIN_LOG_INFO, "sink %s: delivers again",
                  grain_sink_name(agent->sinks[i]));
}

/* ---- the end of one ---- */

static void free_sink(struct grain_agent *agent, struct grain_sink *sink)
{
    char name[GRAIN_SINK_NAME_MAX];
    struct grain_sink_counts counts;
    uint64_t left;

    (void)snprintf(name, sizeof(name), "%s", grain_sink_name(sink));
    grain_sink_counts(sink, &counts);
    if (grain_sink_free(sink, &left))
        agent_log(agent, GRAIN_LOG_ERROR, "%s", grain_error());
    agent->left += left;
    agent->kept += agent->state ? left : 0;
    if (left)
        agent_log(agent, GRAIN_LOG_WARNING, "sink %s: %llu items were not delivered%s%s%s", name,
                  (unsigned long long)left,
                  agent->state ? "; they are kept for the next agent" : "",
                  *counts.error ? ": " : "", counts.error);
}

/* The last that is told of a sink while the agent goes on. Without a file, what it still has is
 * lost. */
static void tell_last(struct grain_agent *agent, struct agent_leaving *one)
{
    struct grain_sink_counts counts;

    grain_sink_counts(one->sink, &counts);
    if (!agent->state) {
        counts.queue.dropped += counts.queue.waiting;
        counts.queue.waiting = 0;
        counts.queue.bytes = 0;
    }
    agent_tell_sink(agent, grain_sink_name(one->sink), &counts.queue, &one->told.counts,
                    agent_now(CLOCK_REALTIME));
}

/* Its drain is over. */
static void let_go(struct grain_agent *agent, size_t i)
{
    tell_last(agent, &agent->leaving[i]);
    free_sink(agent, agent->leaving[i].sink);
    agent->leaving_count--;
    memmove(&agent->leaving[i], &agent->leaving[i + 1],
            (agent->leaving_count - i) * sizeof(agent->leaving[0]));
}

/* As long as a delivery needs to be broken off; about a second, where it hangs. */
static void end_now(struct grain_agent *agent, size_t i)
{
    grain_sink_drain(agent->leaving[i].sink, agent_now(CLOCK_MONOTONIC));
    while (!grain_sink_ended(agent->leaving[i].sink))
        (void)poll(NULL, 0, POLL_MS);
    let_go(agent, i);
}

void agent_sinks_look(struct grain_agent *agent)
{
    for (size_t i = 0; i < agent->sink_count; i++)
        look_after_sink(agent, i);
    for (size_t i = 0; i < agent->leaving_count;) {
        if (grain_sink_ended(agent->leaving[i].sink))
            let_go(agent, i);
        else
            i++;
    }
}

void grain_agent_drop_sink(struct grain_agent *agent, const char *name)
{
    size_t i = find_sink(agent, name);
    uint64_t until = agent_now(CLOCK_MONOTONIC) + agent->options.drain_ns;

    if (i == agent->sink_count)
        return;
    if (agent->leaving_count == AGENT_SINKS_MAX)
        end_now(agent, 0);
    grain_sink_drain(agent->sinks[i], until);
    agent->leaving[agent->leaving_count++] =
        (struct agent_leaving){agent->sinks[i], agent->sink_told[i]};
    free(agent->sink_settings[i]);
    agent->sink_count--;
    agent->sinks[i] = agent->sinks[agent->sink_count];
    agent->sink_told[i] = agent->sink_told[agent->sink_count];
    agent->sink_settings[i] = agent->sink_settings[agent->sink_count];
    agent->sink_settings[agent->sink_count] = NULL;
    agent->sink_failing[i] = agent->sink_failing[agent->sink_count];
    agent->sink_failing[agent->sink_count] = false;
}

void grain_agent_end_sink(struct grain_agent *agent, const char *name)
{
    for (size_t i = 0; agent->state && i < agent->leaving_count;) {
        if (!strcmp(grain_sink_name(agent->leaving[i].sink), name))
            end_now(agent, i);
        else
            i++;
    }
}

/* ---- the end of all ---- */

static uint64_t waiting_in(struct grain_sink *sink)
{
    struct grain_sink_counts counts;

    grain_sink_counts(sink, &counts);
    return counts.queue.waiting;
}

/* Of a sink that left it is not the items that count: its time may be over already. */
static bool anything_waits(struct grain_agent *agent)
{
    uint64_t waiting = 0;
    bool leaving = false;

    for (size_t i = 0; i < agent->sink_count; i++)
        waiting += waiting_in(agent->sinks[i]);
    for (size_t i = 0; i < agent->leaving_count; i++)
        leaving = !grain_sink_ended(agent->leaving[i].sink) || leaving;
    return waiting || leaving;
}

void agent_sinks_drain(struct grain_agent *agent, int signals)
{
    uint64_t until = agent_now(CLOCK_MONOTONIC) + agent->options.drain_ns;
    struct pollfd ready = {.fd = signals, .events = POLLIN};

    for (size_t i = 0; i < agent->sink_count; i++)
        grain_sink_drain(agent->sinks[i], until);
    while (anything_waits(agent) && agent_now(CLOCK_MONOTONIC) < until)
        if (poll(&ready, 1, 2 * POLL_MS) > 0)
            break; /* asked again */
}

void agent_sinks_free(struct grain_agent *agent)
{
    uint64_t now = agent_now(CLOCK_MONOTONIC);

    for (size_t i = 0; i < agent->sink_count; i++)
        grain_sink_drain(agent->sinks[i], now);
    for (size_t i = 0; i < agent->leaving_count; i++)
        grain_sink_drain(agent->leaving[i].sink, now);
    for (size_t i = 0; i < agent->sink_count; i++) {
        free_sink(agent, agent->sinks[i]);
        free(agent->sink_settings[i]);
        agent->sink_settings[i] = NULL;
    }
    for (size_t i = 0; i < agent->leaving_count; i++)
        free_sink(agent, agent->leaving[i].sink);
    agent->sink_count = 0;
    agent->leaving_count = 0;
}
