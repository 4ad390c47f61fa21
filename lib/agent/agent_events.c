// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <grain/error.h>

#include "agent_private.h"
#include "escape.h"

static const char *interface_of(const struct grain_agent *agent, uint32_t slot)
{
    return slot < GRAIN_SOURCE_SLOTS && agent->interfaces[slot][0] ? agent->interfaces[slot] : "?";
}

static int on_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                     size_t length)
{
    struct grain_agent *agent = user;
    struct grain_event_text text;
    struct grain_message message;
    struct grain_item item;

    if (agent->share)
        grain_share_record(agent->share, record, bytes, length);
    if (!(agent->groups & (1U << GRAIN_GROUP_EVENTS)) && !agent->host)
        return 0;
    text.room = agent_host_room(agent);
    if (grain_event_item(&item, &text, &message, record, bytes, length,
                         interface_of(agent, record->header.source_slot),
                         grain_clock_boot(&agent->clock, record->header.time_ns))) {
        agent->unreadable++;
        return 0;
    }
    agent_host_event(agent, &item, &message, record, text.answered);
    return agent_feed(agent, GRAIN_GROUP_EVENTS, &item);
}

void agent_events_refresh(struct grain_agent *agent)
{
    if (!agent->live)
        return;
    (void)grain_live_clock(agent->live, &agent->clock);
    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        struct grain_source source;

        if (!grain_pinned_source(grain_live_pinned(agent->live), slot, &source))
            grain_escape(agent->interfaces[slot], sizeof(agent->interfaces[slot]), source.name,
                         sizeof(source.name));
    }
}

static bool wanted(const struct grain_agent *agent)
{
    return agent->groups & (1U << GRAIN_GROUP_EVENTS) || agent->host ||
           (agent->share && grain_share_subscribers(agent->share));
}

static void open_share(struct grain_agent *agent)
{
    if (!agent->live)
        return;
    if (agent->share) {
        grain_share_look(agent->share);
        return;
    }
    if (grain_share_new(&agent->share, agent->live) && !agent->share_failed) {
        agent_log(agent, GRAIN_LOG_WARNING, "%s", grain_error());
        agent->share_failed = true;
    }
}

void agent_events_open(struct grain_agent *agent)
{
    const struct grain_events_options options = {.size = sizeof(options),
                                                 .ring_pages = agent->options.ring_pages,
                                                 .on_record = on_record,
                                                 .user = agent};

    open_share(agent);
    if (agent->events && !wanted(agent))
        agent_events_close(agent);
    if (!agent->live || agent->events || !wanted(agent))
        return;
    agent_events_refresh(agent);
    if (!grain_events_open(&agent->events, agent->live, &options)) {
        agent->events_waiting = false;
        return;
    }
    if (!agent->events_waiting)
        agent_log(agent, GRAIN_LOG_WARNING, "no events for now: %s", grain_error());
    agent->events_waiting = true;
}

static void keep_counts(struct grain_agent *agent)
{
    struct grain_events_counts counts;

    grain_events_counts(agent->events, &counts);
    agent->events_before.received += counts.received;
    agent->events_before.lost += counts.lost;
    agent->events_before.missing += counts.missing;
    agent->events_before.unsound += counts.unsound;
}

void agent_events_close(struct grain_agent *agent)
{
    if (!agent->events)
        return;
    if (grain_events_stop(agent->events))
        agent_log(agent, GRAIN_LOG_WARNING, "%s", grain_error());
    if (agent->share)
        grain_share_flush(agent->share);
    keep_counts(agent);
    grain_events_free(agent->events);
    agent->events = NULL;
}

bool agent_events_read(struct grain_agent *agent)
{
    int error = agent->events ? grain_events_poll(agent->events, 0) : 0;

    if (agent->share)
        grain_share_flush(agent->share);
    if (!error || error == -EINTR)
        return true;
    agent_log(agent, GRAIN_LOG_ERROR, "%s", grain_error());
    agent_events_close(agent);
    return false;
}
