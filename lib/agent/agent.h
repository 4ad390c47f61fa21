/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The agent: reads what is attached at an interval and events as they come, feeds pipelines, and
 * remembers what it has told.
 *
 * With a state directory, an agent that is killed at any time and started again tells nothing twice
 * and leaves nothing out: what a collection told is written down together with the kernel's numbers
 * before it goes to the queues, and the queues lie in files. Without one, a new agent begins with
 * everything that the maps hold.
 *
 * Functions return 0 or -errno unless they say otherwise; grain_error() then says what and what to
 * do. Objects belong to one thread.
 */
#ifndef GRAIN_AGENT_AGENT_H
#define GRAIN_AGENT_AGENT_H

#include <grain/host.h>

#include "measures.h"
#include "pipeline.h"

enum grain_log_level {
    GRAIN_LOG_ERROR,
    GRAIN_LOG_WARNING,
    GRAIN_LOG_INFO,
};

struct grain_agent_options {
    size_t size;          /* sizeof(struct grain_agent_options) */
    const char *pin_root; /* NULL: as grain_pinned_root */
    const char *state;    /* an existing directory, of the caller alone; NULL: none */
    uint64_t interval_ns; /* between collections */
    uint64_t drain_ns;    /* how long stopping may take */
    uint64_t end_ns;      /* stop by itself after this time; 0: never */
    uint32_t ring_pages;  /* as of grain_events_options */
    bool from_now;        /* without a state: take what the maps hold as told */
    /* One line without a newline; it may hold what came from outside. */
    void (*log)(void *user, enum grain_log_level level, const char *text);
    /* SIGHUP came: sinks have been asked to open their files anew. May be NULL. */
    void (*reload)(void *user);
    /* Running: everything has been opened (`running`), or the end has begun. May be NULL. */
    void (*state_changed)(void *user, bool running);
    /* Called about once a second. May be NULL. */
    void (*alive)(void *user);
    void *user;
};

/* What is watched beside packets, and where its history goes. */
struct grain_agent_watch {
    unsigned int probes; /* bits 1 << enum grain_host_probe; 0: none */
    const struct grain_host_rule *rules;
    size_t rule_count;
    uint32_t ring_bytes;     /* 0: the default */
    const char *history;     /* NULL: none */
    uint64_t history_age_ns; /* 0: the default, as below */
    uint64_t history_bytes;
    /* Probes that somebody with more rights has loaded, who also refreshes their paths; NULL: the
     * agent loads them. */
    struct grain_host *host;
    const char *container_files; /* in front of the folders of containers' managers; NULL: none */
    /* Somebody with more rights reads these folders, and tells (container_names.h). */
    bool names_told;
    int names_fd;
};

struct grain_agent;

/* SIGTERM, SIGINT and SIGHUP are blocked for the calling thread from here on, until the agent is
 * freed: none is lost before grain_agent_run. */
int grain_agent_new(struct grain_agent **out, const struct grain_agent_options *options);

/* Both are the agent's from now on. A pipeline's sinks are added before it. */
int grain_agent_add_sink(struct grain_agent *agent, struct grain_sink *sink);
int grain_agent_add_pipeline(struct grain_agent *agent, struct grain_pipeline *pipeline);

/* The sink of this name; NULL: there is none. */
struct grain_sink *grain_agent_sink(const struct grain_agent *agent, const char *name);

/* The name of sink number `i`, GRAIN_SINK_NAME_MAX bytes; false: there are not so many. */
bool grain_agent_sink_name(const struct grain_agent *agent, size_t i, char *name);

/* What the sink was made from, as text; "" unless grain_agent_set_settings was called. */
const char *grain_agent_settings(const struct grain_agent *agent, const char *name);
int grain_agent_set_settings(struct grain_agent *agent, const char *name, const char *settings);

/* What all pipelines hold goes to their sinks, and they are gone. */
void grain_agent_drop_pipelines(struct grain_agent *agent);

/*
 * A sink without pipelines is no longer the agent's, by its name. It delivers what it has for as
 * long as stopping may take, while everything else goes on; what is left then is in a file for a
 * sink of the same name, or counted as dropped.
 */
void grain_agent_drop_sink(struct grain_agent *agent, const char *name);

/* Before a sink of this name is made: one that was dropped and has the queue's file gives it back
 * at once. Takes about a second when its delivery hangs. */
void grain_agent_end_sink(struct grain_agent *agent, const char *name);

/*
 * Load the probes and open the history, before grain_agent_run; `watch` is copied but for the
 * rules, which are not needed any more. A probe that this kernel refuses is said in the log and
 * becomes a gap of the history. `watch->host` is the agent's from now on, also on failure.
 */
int grain_agent_watch(struct grain_agent *agent, const struct grain_agent_watch *watch);

/* While it runs: other rules. Whatever else has changed is said in the log, and takes a restart. */
int grain_agent_watch_anew(struct grain_agent *agent, const struct grain_agent_watch *watch);

/* From the next collection on. */
void grain_agent_set_interval(struct grain_agent *agent, uint64_t interval_ns);

/* A path in the state directory, to be freed; NULL without one (or without memory). */
char *grain_agent_path(const struct grain_agent *agent, const char *name);

/*
 * Run until SIGTERM, SIGINT, or end_ns: then collect once more, drain the sinks, and return 0. A
 * second signal ends the draining.
 */
int grain_agent_run(struct grain_agent *agent);

/* Items that were not delivered when the last run ended; `kept`: those of them that lie in files
 * for the next agent. */
void grain_agent_left(const struct grain_agent *agent, uint64_t *left, uint64_t *kept);

void grain_agent_free(struct grain_agent *agent); /* takes NULL */

#endif
