// SPDX-License-Identifier: GPL-2.0-only
#include "agent.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"
#include "agent_private.h"
#include "commit.h"

#define SECOND_NS 1000000000ULL
/* How long an event may lie in a ring. */
#define EVENTS_NS 100000000ULL
/* Events are handed to the sinks when this many wait, or at the next look into the rings. */
#define EVENTS_WAITING 4096

uint64_t agent_now(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void agent_log(const struct grain_agent *agent, enum grain_log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (!agent->options.log)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    agent->options.log(agent->options.user, level, text);
}

static void signals_of_agent(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGHUP);
}

int grain_agent_new(struct grain_agent **out, const struct grain_agent_options *options)
{
    struct grain_agent *agent;
    sigset_t signals;
    int error;

    if (options->size != sizeof(*options) || !options->interval_ns)
        return grain_fail(-EINVAL, "options of another version, or no interval");
    agent = calloc(1, sizeof(*agent));
    if (!agent)
        return grain_fail(-ENOMEM, "no memory");
    agent->options = *options;
    agent->collect_seconds = -1;
    signals_of_agent(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, &agent->signals_before);
    error = grain_collect_new(&agent->collect);
    if (!error && options->pin_root && !(agent->pin_root = strdup(options->pin_root)))
        error = grain_fail(-ENOMEM, "no memory");
    if (!error && options->state && !(agent->state = strdup(options->state)))
        error = grain_fail(-ENOMEM, "no memory");
    agent->options.pin_root = agent->pin_root;
    agent->options.state = agent->state;
    if (error)
        grain_agent_free(agent);
    else
        *out = agent;
    return error;
}

char *grain_agent_path(const struct grain_agent *agent, const char *name)
{
    char *path = NULL;

    if (!agent->state || asprintf(&path, "%s/%s", agent->state, name) < 0)
        return NULL;
    return path;
}

int grain_agent_add_pipeline(struct grain_agent *agent, struct grain_pipeline *pipeline)
{
    if (agent->pipeline_count == AGENT_PIPELINES_MAX) {
        grain_pipeline_free(pipeline);
        return grain_fail(-E2BIG, "more than %d pipelines", AGENT_PIPELINES_MAX);
    }
    agent->pipelines[agent->pipeline_count++] = pipeline;
    agent->groups |= grain_pipeline_groups(pipeline);
    return 0;
}

/* ---- to the sinks ---- */

static void number(struct grain_agent *agent)
{
    for (size_t i = 0; i < agent->pipeline_count; i++)
        grain_pipeline_number(agent->pipelines[i], &agent->sequence);
}

static void put(struct grain_agent *agent)
{
    for (size_t i = 0; i < agent->pipeline_count; i++)
        if (grain_pipeline_put(agent->pipelines[i]))
            agent_log(agent, GRAIN_LOG_ERROR, "%s", grain_error());
}

static void commit(struct grain_agent *agent)
{
    number(agent);
    if (agent->state && agent->remembered) {
        int error = grain_commit_write(agent->state, agent->sequence, agent->collect,
                                       agent->pipelines, agent->pipeline_count);

        if (error && !agent->state_failed)
            agent_log(agent, GRAIN_LOG_ERROR,
                      "%s; should this agent be killed, the next one "
                      "tells some counts again",
                      grain_error());
        agent->state_failed = error;
    }
    put(agent);
}

/* ---- changing while it runs ---- */

void grain_agent_drop_pipelines(struct grain_agent *agent)
{
    uint64_t now_ns = agent_now(CLOCK_REALTIME);

    for (size_t i = 0; i < agent->pipeline_count; i++)
        grain_pipeline_flush(agent->pipelines[i], now_ns, true);
    commit(agent);
    for (size_t i = 0; i < agent->pipeline_count; i++) {
        agent->refused_before += grain_pipeline_refused(agent->pipelines[i]);
        grain_pipeline_free(agent->pipelines[i]);
    }
    agent->pipeline_count = 0;
    agent->groups = 0;
}

void grain_agent_set_interval(struct grain_agent *agent, uint64_t interval_ns)
{
    agent->options.interval_ns = interval_ns;
}

int agent_feed(struct grain_agent *agent, enum grain_group group, const struct grain_item *item)
{
    for (size_t i = 0; i < agent->pipeline_count; i++) {
        struct grain_item copy;

        if (!(grain_pipeline_groups(agent->pipelines[i]) & (1U << group)))
            continue;
        memcpy(&copy, item,
               offsetof(struct grain_item, tags) + item->tag_count * sizeof(item->tags[0]));
        grain_pipeline_take(agent->pipelines[i], &copy);
    }
    return 0;
}

/* ---- collecting ---- */

static int on_item(void *user, struct grain_item *item)
{
    struct grain_agent *agent = user;
    enum grain_group group = GRAIN_GROUP_TOTALS;

    /* A measure's name tells its group; there are few. */
    for (unsigned int i = 0; i < GRAIN_MEASURE_COUNT; i++)
        if (grain_measure(i)->name == item->name)
            group = grain_measure(i)->group;
    return agent_feed(agent, group, item);
}

static void open_live(struct grain_agent *agent)
{
    int error;

    if (agent->live)
        return;
    error = grain_live_open(&agent->live, agent->pin_root);
    if (!error) {
        if (agent->waiting)
            agent_log(agent, GRAIN_LOG_INFO, "%s: here now",
                      grain_pinned_directory(grain_live_pinned(agent->live)));
        agent->waiting = false;
        agent_events_open(agent);
        return;
    }
    if (!agent->waiting)
        agent_log(agent, error == -ENOENT ? GRAIN_LOG_INFO : GRAIN_LOG_ERROR, "waiting: %s",
                  grain_error());
    agent->waiting = true;
}

static void close_live(struct grain_agent *agent)
{
    agent_events_close(agent);
    if (agent->share)
        agent->share_lost_before += grain_share_lost(agent->share);
    grain_share_free(agent->share);
    agent->share = NULL;
    grain_live_free(agent->live);
    agent->live = NULL;
}

static void read_maps(struct grain_agent *agent, uint64_t now_ns)
{
    uint64_t start = agent_now(CLOCK_MONOTONIC);

    if (!agent->live)
        return;
    if (grain_collect_read(agent->collect, agent->live, agent->groups, now_ns, on_item, agent))
        agent_log(agent, GRAIN_LOG_ERROR, "%s", grain_error());
    agent->collect_seconds = (double)(agent_now(CLOCK_MONOTONIC) - start) / 1e9;
}

static void collect(struct grain_agent *agent, bool end)
{
    uint64_t now_ns = agent_now(CLOCK_REALTIME);

    read_maps(agent, now_ns);
    agent_host_collect(agent, now_ns);
    if (agent->groups & (1U << GRAIN_GROUP_AGENT))
        agent_tell_itself(agent, now_ns);
    for (size_t i = 0; i < agent->pipeline_count; i++)
        grain_pipeline_flush(agent->pipelines[i], now_ns, end);
    commit(agent);
    /* What a sink's thread allocated meanwhile lies among the many small pieces that a collection
     * takes and frees again, and would keep their pages from the system. */
    (void)malloc_trim(0);
}

/* Maps that are no longer pinned are read once more: what they counted last is in them still. */
static void look_after_maps(struct grain_agent *agent)
{
    if (agent->live && !grain_live_current(agent->live)) {
        agent_log(agent, GRAIN_LOG_INFO, "%s: the maps were removed: everything was detached",
                  grain_pinned_directory(grain_live_pinned(agent->live)));
        agent_events_read(agent);
        collect(agent, false);
        close_live(agent);
    }
    open_live(agent);
    agent_events_open(agent);
    agent_events_refresh(agent);
}

static void read_events(struct grain_agent *agent)
{
    size_t waiting = 0;

    if (!agent->events && !agent->host)
        return;
    (void)agent_events_read(agent);
    agent_host_read(agent);
    for (size_t i = 0; i < agent->pipeline_count; i++)
        waiting += grain_pipeline_waiting(agent->pipelines[i]);
    if (waiting) {
        number(agent);
        put(agent);
    }
}

/* ---- beginning and end ---- */

static void on_batch(void *user, const char *name, uint64_t sequence,
                     const struct grain_batch *batch)
{
    struct grain_agent *agent = user;

    for (size_t i = 0; i < agent->pipeline_count; i++)
        if (!strcmp(grain_pipeline_name(agent->pipelines[i]), name))
            grain_pipeline_put_again(agent->pipelines[i], sequence, batch);
}

static void on_held(void *user, const char *name, const struct grain_batch *batch)
{
    struct grain_agent *agent = user;

    for (size_t i = 0; i < agent->pipeline_count; i++)
        if (!strcmp(grain_pipeline_name(agent->pipelines[i]), name))
            grain_pipeline_restore(agent->pipelines[i], batch);
}

/* What former agents told; without that, the queues' numbers. */
static void remember(struct grain_agent *agent)
{
    const struct grain_commit_reader reader = {agent, on_batch, on_held};
    int error = agent->state
                    ? grain_commit_read(agent->state, &agent->sequence, agent->collect, &reader)
                    : -ENOENT;

    if (error && error != -ENOENT)
        agent_log(agent, GRAIN_LOG_ERROR, "%s; all that the maps hold is told anew", grain_error());
    for (size_t i = 0; i < agent->sink_count; i++) {
        uint64_t sequence = grain_sink_sequence(agent->sinks[i]);

        agent->sequence = sequence > agent->sequence ? sequence : agent->sequence;
    }
    agent->remembered = true;
    open_live(agent);
    if (error && agent->options.from_now && agent->live &&
        grain_collect_skip(agent->collect, agent->live))
        agent_log(agent, GRAIN_LOG_ERROR, "%s", grain_error());
}

/* ---- running ---- */

struct loop {
    int signals;
    uint64_t next_collect, next_second, next_events, end;
    bool stop;
};

static void take_signals(struct grain_agent *agent, struct loop *loop)
{
    struct signalfd_siginfo info;

    while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGHUP) {
            loop->stop = true;
            continue;
        }
        for (size_t i = 0; i < agent->sink_count; i++)
            grain_sink_reopen(agent->sinks[i]);
        if (agent->options.reload)
            agent->options.reload(agent->options.user);
    }
}

static uint64_t earliest(const struct grain_agent *agent, const struct loop *loop)
{
    uint64_t next = loop->next_collect < loop->next_second ? loop->next_collect : loop->next_second;

    if ((agent->events || agent->host) && loop->next_events < next)
        next = loop->next_events;
    return loop->end && loop->end < next ? loop->end : next;
}

/* The next time of a period that is not past: what was missed is not made up for. */
static uint64_t advance(uint64_t due, uint64_t period, uint64_t now)
{
    return due + period > now ? due + period : now + period;
}

static void wait_for(struct grain_agent *agent, struct loop *loop)
{
    struct pollfd ready[4] = {
        {.fd = loop->signals, .events = POLLIN},
        {.fd = agent->share ? grain_share_fd(agent->share) : -1, .events = POLLIN},
        {.fd = agent->events ? grain_events_fd(agent->events) : -1, .events = POLLIN},
        {.fd = agent_host_fd(agent), .events = POLLIN},
    };
    uint64_t now = agent_now(CLOCK_MONOTONIC), until = earliest(agent, loop);
    struct timespec timeout = {0};

    if (until > now) {
        timeout.tv_sec = (time_t)((until - now) / SECOND_NS);
        timeout.tv_nsec = (long)((until - now) % SECOND_NS);
    }
    if (ppoll(ready, 4, &timeout, NULL) > 0) {
        if (ready[1].revents)
            agent_events_open(agent);
        if (ready[2].revents || ready[3].revents)
            loop->next_events = 0;
    }
    take_signals(agent, loop);
}

static void turn(struct grain_agent *agent, struct loop *loop)
{
    uint64_t now;

    wait_for(agent, loop);
    now = agent_now(CLOCK_MONOTONIC);
    if (now >= loop->next_events) {
        read_events(agent);
        loop->next_events = now + EVENTS_NS;
    }
    if (now >= loop->next_second) {
        look_after_maps(agent);
        agent_sinks_look(agent);
        agent_host_look(agent);
        if (agent->options.alive)
            agent->options.alive(agent->options.user);
        loop->next_second = advance(loop->next_second, SECOND_NS, now);
    }
    if (now >= loop->next_collect) {
        collect(agent, false);
        loop->next_collect = advance(loop->next_collect, agent->options.interval_ns, now);
    }
    loop->stop = loop->stop || (loop->end && now >= loop->end);
}

static void finish(struct grain_agent *agent, struct loop *loop)
{
    if (agent->options.state_changed)
        agent->options.state_changed(agent->options.user, false);
    if (agent->events) {
        (void)agent_events_read(agent);
        agent_events_close(agent);
    }
    agent_host_finish(agent);
    collect(agent, true);
    agent_sinks_drain(agent, loop->signals);
    agent_sinks_free(agent);
    agent_host_free(agent);
    close_live(agent);
}

int grain_agent_run(struct grain_agent *agent)
{
    uint64_t now = agent_now(CLOCK_MONOTONIC);
    struct loop loop = {.next_collect = now + agent->options.interval_ns,
                        .next_second = now + SECOND_NS,
                        .end = agent->options.end_ns ? now + agent->options.end_ns : 0};
    sigset_t wanted;

    signals_of_agent(&wanted);
    loop.signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop.signals < 0)
        return grain_fail(-errno, "cannot wait for signals: %s", strerror(errno));
    remember(agent);
    if (agent->options.state_changed)
        agent->options.state_changed(agent->options.user, true);
    while (!loop.stop)
        turn(agent, &loop);
    finish(agent, &loop);
    close(loop.signals);
    return 0;
}

void grain_agent_left(const struct grain_agent *agent, uint64_t *left, uint64_t *kept)
{
    *left = agent->left;
    *kept = agent->kept;
}

void grain_agent_free(struct grain_agent *agent)
{
    if (!agent)
        return;
    agent_host_free(agent);
    close_live(agent);
    for (size_t i = 0; i < agent->pipeline_count; i++)
        grain_pipeline_free(agent->pipelines[i]);
    agent_sinks_free(agent);
    pthread_sigmask(SIG_SETMASK, &agent->signals_before, NULL);
    grain_collect_free(agent->collect);
    free(agent->pin_root);
    free(agent->state);
    free(agent);
}
