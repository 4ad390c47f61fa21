/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host probes tell, in the agent: who did it, as measurements, and into the history.
 *
 * Files and starts go on at once. DNS messages wait half a second, until the probe of the network
 * has told who asked; connections wait three times as long, until answers and server names have
 * come from the other ring. Both waits are bounded: when too much waits, the oldest goes early.
 */
#ifndef GRAIN_AGENT_AGENT_HOST_H
#define GRAIN_AGENT_AGENT_HOST_H

#include <store/store.h>

#include "agent_private.h"
#include "answers.h"
#include "container_names.h"
#include "join.h"
#include "join_table.h"
#include "processes.h"

/* Something that waits. */
struct host_later {
    struct host_later *next;
    uint64_t until_ns; /* CLOCK_BOOTTIME */
    uint64_t time_ns;  /* of the event; CLOCK_BOOTTIME */
    enum { HOST_LATER_DNS, HOST_LATER_TLS, HOST_LATER_CONNECTION } kind;
    struct grain_join_flow flow;
    union {
        struct grain_host_connection connection;
        struct {
            bool response;
            uint16_t rcode;
            uint32_t answer_count;
            struct grain_answer *answers;
        } dns;
        struct {
            bool quic, ech;
        } tls;
    };
    /* dns: name, type, answers; tls: sni, version, alpn. The interface at the end of both. */
    char *texts[4];
};

struct host_queue {
    struct host_later *first, *last;
    size_t count;
    uint64_t early; /* went before their time */
};

struct agent_host {
    struct grain_agent_watch watch; /* rules: not here */
    struct grain_host *probes;      /* NULL: only the history */
    bool refresh;                   /* the paths are ours to look up */
    struct grain_store *store;      /* NULL: none */
    struct grain_processes *processes;
    struct grain_container_names *names;
    struct grain_join *join;
    struct grain_answers answers; /* of one event; big */
    struct host_queue dns, late;
    struct join_table traffic; /* what was told of each key */
    uint64_t traffic_reading;
    struct join_table syscalls;
    uint64_t wall_ns; /* added to CLOCK_BOOTTIME: the time since 1970 */
    uint64_t counters_told[GRAIN_HOST_COUNTER_COUNT], counters_gap[GRAIN_HOST_COUNTER_COUNT];
    uint64_t gap_from_ns;
    uint64_t processes_told[3], joins_told[5];
    uint64_t history_told[GRAIN_STORE_COUNTER_COUNT];
    uint64_t keys_full, keys_full_told; /* times that a key's counts were not told */
    uint64_t events_gap;                /* of the packets' stream */
    uint64_t over_budget, sampled_out;  /* of the kernel's own counts of events */
    const struct grain_live *counted;   /* what they are of */
    uint64_t own_ns;                    /* when the host's addresses were read last */
    uint64_t sampling_ns;               /* when the settings are looked at again */
    uint64_t finished_ns;               /* when everything was read for the last time; 0: not yet */
    unsigned int refused;               /* probes that were asked for, as bits */
    bool poll_failed, store_failed, sampling_said, denied_said;
};

uint64_t agent_host_wall(const struct agent_host *host, uint64_t boot_ns);
/* What its container is called; valid until the next call. */
const struct grain_container_name *agent_host_container(const struct agent_host *host,
                                                        const struct grain_process *process);

/* ---- agent_host_items.c ---- */

/* An item's tags of a process; texts live as long as it. */
struct host_tags {
    char pid[12], comm[64], uid[12], container[4 * GRAIN_CONTAINER_ID_MAX + 1];
    char container_name[4 * sizeof(((struct grain_container_name *)0)->name)];
    char pod[4 * sizeof(((struct grain_container_name *)0)->pod)];
    char namespace[4 * sizeof(((struct grain_container_name *)0)->namespace)];
    char image[4 * sizeof(((struct grain_container_name *)0)->image)];
};

void agent_host_process_tags(const struct agent_host *host, struct grain_item *item,
                             struct host_tags *tags, uint32_t pid, uint32_t uid, const char *comm,
                             const struct grain_process *process);
void agent_host_tell_file(struct grain_agent *agent, const struct grain_host_file *record,
                          const struct grain_process *process);
void agent_host_tell_start(struct grain_agent *agent, const struct grain_host_process *record,
                           const struct grain_process *process);
void agent_host_tell_exit(struct grain_agent *agent, const struct grain_host_exit *record,
                          const struct grain_process *process);
void agent_host_tell_connection(struct grain_agent *agent,
                                const struct grain_host_connection *record,
                                const struct grain_joined *joined);
const char *agent_host_result_name(int result, char buffer[16]);

/* ---- agent_host_counts.c ---- */

int agent_host_counts_make(struct agent_host *host);
void agent_host_counts_free(struct agent_host *host);
/* Counts that left the kernel's table. */
void agent_host_take_traffic(struct grain_agent *agent, const struct grain_host_traffic *record);
/* At a collection. */
void agent_host_tell_counts(struct grain_agent *agent, uint64_t now_ns);
/* Gaps of what was lost since the last call. */
void agent_host_note_losses(struct grain_agent *agent);

/* ---- agent_host_store.c ---- */

void agent_host_store_process(struct grain_store_process *out, const struct agent_host *host,
                              const struct grain_host_task *task,
                              const struct grain_process *process);
void agent_host_keep_file(struct agent_host *host, const struct grain_host_file *record,
                          const struct grain_process *process);
void agent_host_keep_life(struct agent_host *host, const struct grain_host_task *task,
                          const struct grain_process *process, enum grain_store_life life,
                          uint64_t time_ns, int32_t status);
void agent_host_keep_traffic(struct agent_host *host, const struct grain_host_traffic_key *key,
                             const char *comm, const struct grain_host_traffic_counts *more);

/* ---- agent_host_join.c ---- */

void agent_host_take_connection(struct agent_host *host,
                                const struct grain_host_connection *record);
/* What is due goes on; `end`: everything. */
void agent_host_go_on(struct grain_agent *agent, uint64_t boot_ns, bool end);
void agent_host_forget_later(struct agent_host *host);
/* The host's own addresses. */
void agent_host_read_addresses(struct agent_host *host);

#endif
