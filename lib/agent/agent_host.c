// SPDX-License-Identifier: GPL-2.0-only
#include "agent_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grain/pinned.h>

#include "../error_private.h"

#define SECOND_NS 1000000000ULL
#define LOOK_NS   (10 * SECOND_NS)

uint64_t agent_host_wall(const struct agent_host *host, uint64_t boot_ns)
{
    return boot_ns + host->wall_ns;
}

const struct grain_container_name *agent_host_container(const struct agent_host *host,
                                                        const struct grain_process *process)
{
    return grain_container_names_of(host->names, &process->container, agent_now(CLOCK_BOOTTIME));
}

static void read_clock(struct agent_host *host)
{
    host->wall_ns = agent_now(CLOCK_REALTIME) - agent_now(CLOCK_BOOTTIME);
}

/* ---- records ---- */

/* Its task has been looked up, so that it is known as long as somebody can still look. */
static int take_record(struct grain_agent *agent, const struct grain_host_header *header,
                       const struct grain_host_task *task)
{
    struct agent_host *host = agent->host;
    const struct grain_process *process;

    if (header->type == GRAIN_HOST_PROCESS)
        (void)grain_processes_record(host->processes, header);
    process = task->pid ? grain_processes_of(host->processes, task) : NULL;
    switch (header->type) {
    case GRAIN_HOST_PROCESS: {
        const struct grain_host_process *record = (const struct grain_host_process *)header;

        agent_host_tell_start(agent, record, process);
        agent_host_keep_life(host, task, process,
                             record->flags & GRAIN_HOST_PROCESS_EXEC ? GRAIN_STORE_STARTED
                                                                     : GRAIN_STORE_SEEN,
                             header->time_ns, 0);
        break;
    }
    case GRAIN_HOST_EXIT: {
        const struct grain_host_exit *record = (const struct grain_host_exit *)header;

        agent_host_tell_exit(agent, record, process);
        agent_host_keep_life(host, task, process, GRAIN_STORE_EXITED, header->time_ns,
                             record->status);
        return grain_processes_record(host->processes, header);
    }
    case GRAIN_HOST_FILE:
        agent_host_tell_file(agent, (const struct grain_host_file *)header, process);
        agent_host_keep_file(host, (const struct grain_host_file *)header, process);
        break;
    case GRAIN_HOST_CONNECTION:
        agent_host_take_connection(host, (const struct grain_host_connection *)header);
        break;
    case GRAIN_HOST_TRAFFIC:
        agent_host_take_traffic(agent, (const struct grain_host_traffic *)header);
        break;
    default:
        break;
    }
    return 0;
}

static int on_record(void *user, const struct grain_host_header *record)
{
    /* Every record begins with both. */
    const struct grain_host_task *task = (const struct grain_host_task *)(record + 1);

    (void)take_record(user, record, task);
    return 0;
}

int agent_host_fd(const struct grain_agent *agent)
{
    return agent->host && agent->host->probes ? grain_host_fd(agent->host->probes) : -1;
}

static void read_probes(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    int error = host->probes ? grain_host_poll(host->probes, 0, on_record, agent) : 0;

    error = error == -EINTR ? 0 : error;
    if (error && !host->poll_failed)
        agent_log(agent, GRAIN_LOG_ERROR, "host probes: %s", grain_error());
    host->poll_failed = error;
}

void agent_host_read(struct grain_agent *agent)
{
    if (!agent->host)
        return;
    read_probes(agent);
    agent_host_go_on(agent, agent_now(CLOCK_BOOTTIME), false);
}

struct grain_answers *agent_host_room(struct grain_agent *agent)
{
    return agent->host ? &agent->host->answers : NULL;
}

/* ---- now and then ---- */

/* Where names are sampled, the history has not all of them, and an answer may be missing when its
 * address is connected to. */
static void look_after_sampling(struct grain_agent *agent, uint64_t now)
{
    struct agent_host *host = agent->host;
    struct grain_config config;
    char which[64] = "only new names are sent up";

    if (host->sampling_said || !agent->live || now < host->sampling_ns)
        return;
    host->sampling_ns = now + LOOK_NS;
    if (!(host->store || host->watch.probes & 1U << GRAIN_HOST_PROBE_NET) ||
        grain_pinned_config(grain_live_pinned(agent->live), &config) || config.sample == 1)
        return;
    host->sampling_said = true;
    if (config.sample)
        (void)snprintf(which, sizeof(which), "one in %u with a known name is sent up",
                       config.sample);
    agent_log(
        agent, GRAIN_LOG_WARNING,
        "DNS and TLS messages are sampled, %s: the history has not all of them, and a "
        "connection may get no name, or, where an address has several, the wrong one; "
        "\"grainctl attach IFACE --sample 1\", or in the configuration \"attach: {sample: 1}\"",
        which);
}

static void look_after_names(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    const char *denied;

    if (host->watch.names_told)
        grain_container_names_read(host->names, host->watch.names_fd);
    denied = grain_container_names_denied(host->names);
    if (!denied || host->denied_said)
        return;
    host->denied_said = true;
    agent_log(agent, GRAIN_LOG_WARNING,
              "%s: not readable for this user: containers there are told by their ids alone, "
              "without names",
              denied);
}

static void look_after_store(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    const char *trouble;

    if (!host->store)
        return;
    agent_host_note_losses(agent);
    grain_store_flush(host->store, 0);
    trouble = grain_store_trouble(host->store);
    if (*trouble && !host->store_failed)
        agent_log(agent, GRAIN_LOG_ERROR, "history: %s; what comes now is lost, and will be a gap",
                  trouble);
    else if (!*trouble && host->store_failed)
        agent_log(agent, GRAIN_LOG_INFO, "history: written again");
    host->store_failed = *trouble;
}

void agent_host_look(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    uint64_t now = agent_now(CLOCK_BOOTTIME);

    if (!host)
        return;
    read_clock(host);
    if (host->probes && host->refresh)
        (void)grain_host_refresh(host->probes);
    if (now - host->own_ns > LOOK_NS) {
        host->own_ns = now;
        agent_host_read_addresses(host);
        grain_join_expire(host->join, now);
    }
    look_after_sampling(agent, now);
    grain_processes_expire(host->processes, now);
    look_after_names(agent);
    look_after_store(agent);
}

void agent_host_collect(struct grain_agent *agent, uint64_t now_ns)
{
    if (agent->host)
        agent_host_tell_counts(agent, now_ns);
}

void agent_host_finish(struct grain_agent *agent)
{
    if (!agent->host)
        return;
    agent->host->finished_ns = agent_now(CLOCK_REALTIME);
    read_probes(agent);
    agent_host_go_on(agent, agent_now(CLOCK_BOOTTIME), true);
}

/* ---- beginning and end ---- */

/* A probe that is refused is a gap from here on, and does not keep the others from working. */
static void refuse(struct grain_agent *agent, unsigned int probe)
{
    agent_log(agent, GRAIN_LOG_ERROR, "host probes: %s is not watched: %s",
              grain_host_probe_name(probe), grain_error());
    agent->host->refused |= 1U << probe;
}

static void load_probes(struct grain_agent *agent, const struct grain_agent_watch *watch)
{
    struct agent_host *host = agent->host;
    struct grain_host_options options = {.size = sizeof(options),
                                         .probes = watch->probes,
                                         .rules = watch->rules,
                                         .rule_count = watch->rule_count,
                                         .ring_bytes = watch->ring_bytes,
                                         .way = -1};

    host->refresh = true;
    if (!grain_host_new(&host->probes, &options))
        return;
    /* Together they are refused; which one is to blame? */
    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        const unsigned int before = options.probes;

        if (!(before & 1U << probe))
            continue;
        options.probes = 1U << probe;
        if (grain_host_new(&host->probes, &options)) {
            refuse(agent, probe);
            options.probes = before & ~(1U << probe);
        } else {
            options.probes = before;
        }
        grain_host_free(host->probes);
        host->probes = NULL;
    }
    host->watch.probes = options.probes;
    if (options.probes && grain_host_new(&host->probes, &options)) {
        agent_log(agent, GRAIN_LOG_ERROR, "host probes: %s", grain_error());
        host->refused |= options.probes;
        host->watch.probes = 0;
    }
}

static void say_ways(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;

    for (unsigned int probe = 0; host->probes && probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        int way = grain_host_way(host->probes, probe);
        const char *blind = way >= 0 ? grain_host_blind(probe, way, 0) : NULL;

        if (way < 0)
            continue;
        agent_log(agent, GRAIN_LOG_INFO, "host probes: %s by %s%s%s%s",
                  grain_host_probe_name(probe), grain_host_way_name((unsigned int)way),
                  blind ? "; it does not see: " : "", blind ? blind : "",
                  blind && grain_host_blind(probe, way, 1) ? ", and more" : "");
    }
}

static int open_store(struct agent_host *host, const struct grain_agent_watch *watch)
{
    const struct grain_store_options options = {
        .size = sizeof(options),
        .max_age_ns = watch->history_age_ns,
        .max_bytes = watch->history_bytes,
    };

    if (!watch->history)
        return 0;
    host->watch.history = strdup(watch->history);
    if (!host->watch.history)
        return grain_fail(-ENOMEM, "no memory");
    return grain_store_open(&host->store, watch->history, &options);
}

static int make_tables(struct agent_host *host)
{
    const struct grain_container_names_options names = {.root = host->watch.container_files,
                                                        .told = host->watch.names_told};
    int error = grain_processes_new(&host->processes, NULL);

    if (!error)
        error = grain_container_names_new(&host->names, &names);
    if (!error)
        error = grain_join_new(&host->join, NULL);
    if (!error)
        error = agent_host_counts_make(host);
    return error ? grain_fail(error, "host probes: no memory") : 0;
}

int grain_agent_watch(struct grain_agent *agent, const struct grain_agent_watch *watch)
{
    struct agent_host *host;
    int error;

    if (!watch->probes && !watch->history)
        return 0;
    host = calloc(1, sizeof(*host));
    if (!host) {
        grain_host_free(watch->host);
        return grain_fail(-ENOMEM, "no memory");
    }
    agent->host = host;
    host->probes = watch->host;
    host->watch = *watch;
    host->watch.rules = NULL;
    host->watch.history = NULL;
    host->watch.container_files = NULL;
    read_clock(host);
    host->gap_from_ns = agent_now(CLOCK_REALTIME);
    if (watch->container_files && !(host->watch.container_files = strdup(watch->container_files)))
        return grain_fail(-ENOMEM, "no memory");
    error = make_tables(host);
    if (error)
        return error;
    if (host->watch.names_told)
        grain_container_names_read(host->names, host->watch.names_fd);
    if (host->probes)
        error = grain_host_own(host->probes);
    else if (watch->probes)
        load_probes(agent, watch);
    /* What the probes see from here on is kept; what was before it is a gap. */
    if (!error)
        error = open_store(host, watch);
    if (error)
        return error;
    agent_host_read_addresses(host);
    if (watch->probes && grain_processes_scan(host->processes))
        agent_log(agent, GRAIN_LOG_WARNING,
                  "/proc cannot be read: processes that run already are "
                  "known by their comm alone");
    say_ways(agent);
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

int grain_agent_watch_anew(struct grain_agent *agent, const struct grain_agent_watch *watch)
{
    struct agent_host *host = agent->host;
    const unsigned int before = host ? host->watch.probes : 0;

    if (watch->probes != before || !same_text(watch->history, host ? host->watch.history : NULL))
        agent_log(agent, GRAIN_LOG_WARNING,
                  "other host probes, or another history, take a restart; they stay as they are");
    /* Who loaded the probes sees to their rules. */
    if (!host || !host->probes || !host->refresh ||
        !(before & watch->probes & 1U << GRAIN_HOST_PROBE_FILES))
        return 0;
    return grain_host_set_rules(host->probes, watch->rules, watch->rule_count);
}

void agent_host_free(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;

    if (!host)
        return;
    if (host->store)
        agent_host_note_losses(agent);
    /* Nothing was read since, however long the sinks took. */
    if (host->store && host->finished_ns)
        (void)grain_store_sync(host->store, host->finished_ns);
    grain_host_free(host->probes);
    host->probes = NULL;
    if (grain_store_close(host->store))
        agent_log(agent, GRAIN_LOG_ERROR, "history: %s", grain_error());
    agent_host_forget_later(host);
    agent_host_counts_free(host);
    grain_join_free(host->join);
    grain_processes_free(host->processes);
    grain_container_names_free(host->names);
    free((char *)host->watch.history);
    free((char *)host->watch.container_files);
    free(host);
    agent->host = NULL;
}
