// SPDX-License-Identifier: GPL-2.0-only
/* Counts of the host probes: bytes by process and peer, system calls, what was lost. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <seccomp.h>

#include <grain/error.h>

#include "agent_host.h"

/* Of each of the two tables. */
#define KEYS_MOST 262144

/* What was told of a key of the traffic table. */
struct told {
    struct join_node node;
    struct grain_host_traffic_key key;
    struct grain_host_traffic_counts left; /* the table in records, all in all */
    struct grain_host_traffic_counts told;
    uint64_t reading; /* in which it was seen last */
};

struct told_call {
    struct join_node node;
    uint64_t start_ns, told, reading;
    uint32_t pid, number;
};

static uint64_t hash_words(const void *bytes, size_t words)
{
    uint64_t hash = 0x9e3779b97f4a7c15ULL, word;

    for (size_t i = 0; i < words; i++) {
        memcpy(&word, (const char *)bytes + 8 * i, 8);
        hash = (hash ^ word) * 0xd6e8feb86659fd93ULL;
        hash ^= hash >> 29;
    }
    return hash;
}

/* ---- traffic ---- */

static struct told *find_told(struct agent_host *host, const struct grain_host_traffic_key *key)
{
    uint64_t hash = hash_words(key, sizeof(*key) / 8);
    struct join_node *node = join_table_at(&host->traffic, hash);
    struct told *told;

    for (; node; node = node->chain)
        if (!memcmp(&((struct told *)node)->key, key, sizeof(*key)))
            return (struct told *)node;
    if (host->traffic.count == KEYS_MOST)
        return NULL;
    told = calloc(1, sizeof(*told));
    if (!told)
        return NULL;
    told->key = *key;
    join_table_add(&host->traffic, &told->node, hash);
    return told;
}

static void tell_volume(struct grain_agent *agent, enum grain_measure measure,
                        const struct grain_host_traffic_key *key, const char *comm, uint64_t bytes)
{
    struct agent_host *host = agent->host;
    const struct grain_process *process =
        grain_processes_find(host->processes, key->pid, key->start_ns);
    bool four = key->family == AF_INET;
    char remote[INET6_ADDRSTRLEN] = "", port[8];
    struct host_tags tags;
    struct grain_item item;

    if (!bytes)
        return;
    grain_measure_item(&item, measure, agent_now(CLOCK_REALTIME));
    agent_host_process_tags(host, &item, &tags, key->pid, process ? process->uid : 0, comm,
                            process);
    if (!process)
        grain_item_remove_tag(&item, "uid");
    (void)inet_ntop(four ? AF_INET : AF_INET6, key->remote + (four ? 12 : 0), remote,
                    sizeof(remote));
    (void)grain_item_set_tag(&item, "proto",
                             key->protocol == IPPROTO_TCP   ? "tcp"
                             : key->protocol == IPPROTO_UDP ? "udp"
                                                            : "other");
    (void)grain_item_set_tag(&item, "remote_ip", remote);
    (void)snprintf(port, sizeof(port), "%u", key->remote_port);
    (void)grain_item_set_tag(&item, "remote_port", port);
    item.count = bytes;
    (void)agent_feed(agent, GRAIN_GROUP_NETWORK, &item);
}

static void tell_traffic(struct grain_agent *agent, const struct grain_host_traffic_key *key,
                         const char *comm, const struct grain_host_traffic_counts *more)
{
    if (!more->sent_bytes && !more->received_bytes && !more->sent_messages &&
        !more->received_messages)
        return;
    if (agent->groups & 1U << GRAIN_GROUP_NETWORK) {
        tell_volume(agent, GRAIN_MEASURE_VOLUME_OUT, key, comm, more->sent_bytes);
        tell_volume(agent, GRAIN_MEASURE_VOLUME_IN, key, comm, more->received_bytes);
    }
    agent_host_keep_traffic(agent->host, key, comm, more);
}

static __u64 advance(__u64 *told, __u64 now)
{
    __u64 more = now > *told ? now - *told : 0;

    *told += more;
    return more;
}

/* What is in the table now and what has left it, less what was told. While something is on its way
 * from the one to the other the sum is too small, and is made up for the next time. */
static void tell_rest(struct grain_agent *agent, struct told *told, const char *comm,
                      const struct grain_host_traffic_counts *now)
{
    struct grain_host_traffic_counts more = {.first_ns = now->first_ns, .last_ns = now->last_ns};

    more.sent_bytes = advance(&told->told.sent_bytes, told->left.sent_bytes + now->sent_bytes);
    more.sent_messages =
        advance(&told->told.sent_messages, told->left.sent_messages + now->sent_messages);
    more.received_bytes =
        advance(&told->told.received_bytes, told->left.received_bytes + now->received_bytes);
    more.received_messages = advance(&told->told.received_messages,
                                     told->left.received_messages + now->received_messages);
    tell_traffic(agent, &told->key, comm, &more);
}

void agent_host_take_traffic(struct grain_agent *agent, const struct grain_host_traffic *record)
{
    struct told *told = find_told(agent->host, &record->key);
    struct grain_host_traffic_counts *left = told ? &told->left : NULL;
    char comm[GRAIN_HOST_COMM_MAX + 1] = "";

    memcpy(comm, record->comm, GRAIN_HOST_COMM_MAX);
    if (!left) {
        tell_traffic(agent, &record->key, comm, &record->counts);
        return;
    }
    left->sent_bytes += record->counts.sent_bytes;
    left->sent_messages += record->counts.sent_messages;
    left->received_bytes += record->counts.received_bytes;
    left->received_messages += record->counts.received_messages;
    left->last_ns = record->counts.last_ns;
    told->reading = agent->host->traffic_reading;
}

static int on_traffic(void *user, const struct grain_host_traffic_key *key,
                      const struct grain_host_traffic_counts *counts, const char *comm)
{
    struct grain_agent *agent = user;
    struct told *told = find_told(agent->host, key);

    if (!told) {
        agent->host->keys_full++;
        return 0;
    }
    told->reading = agent->host->traffic_reading;
    tell_rest(agent, told, comm, counts);
    return 0;
}

/* Keys that are not in the table any more: the rest of what left it, and then they are forgotten.
 */
static void sweep_traffic(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    struct join_node *next;

    for (struct join_node *node = host->traffic.first; node; node = next) {
        struct told *told = (struct told *)node;

        next = node->next;
        if (told->reading == host->traffic_reading)
            continue;
        tell_rest(agent, told, "",
                  &(struct grain_host_traffic_counts){.last_ns = told->left.last_ns});
        if (told->reading + 2 < host->traffic_reading) {
            join_table_remove(&host->traffic, node);
            free(told);
        }
    }
}

/* ---- system calls ---- */

static struct told_call *find_call(struct agent_host *host, uint64_t start_ns, uint32_t pid,
                                   uint32_t call)
{
    const uint64_t key[2] = {start_ns, (uint64_t)pid << 32 | call};
    uint64_t hash = hash_words(key, 2);
    struct join_node *node = join_table_at(&host->syscalls, hash);
    struct told_call *told;

    for (; node; node = node->chain) {
        told = (struct told_call *)node;
        if (told->start_ns == start_ns && told->pid == pid && told->number == call)
            return told;
    }
    told = host->syscalls.count < KEYS_MOST ? calloc(1, sizeof(*told)) : NULL;
    if (!told)
        return NULL;
    told->start_ns = start_ns;
    told->pid = pid;
    told->number = call;
    join_table_add(&host->syscalls, &told->node, hash);
    return told;
}

static int on_syscall(void *user, uint64_t start_ns, uint32_t pid, const char *comm, uint32_t call,
                      uint64_t count)
{
    struct grain_agent *agent = user;
    struct agent_host *host = agent->host;
    struct told_call *told = find_call(host, start_ns, pid, call);
    char *name, text[24];
    struct host_tags tags;
    struct grain_item item;

    if (!told) {
        host->keys_full++;
        return 0;
    }
    told->reading = host->traffic_reading;
    /* One that left its place and came back counts from nothing. */
    if (count < told->told)
        told->told = 0;
    if (count == told->told)
        return 0;
    name = call & GRAIN_HOST_SYSCALL_COMPAT
               ? NULL
               : seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
    (void)snprintf(text, sizeof(text), "%s%u", call & GRAIN_HOST_SYSCALL_COMPAT ? "compat-" : "",
                   call & ~GRAIN_HOST_SYSCALL_COMPAT);
    grain_measure_item(&item, GRAIN_MEASURE_SYSCALL, agent_now(CLOCK_REALTIME));
    agent_host_process_tags(agent->host, &item, &tags, pid, 0, comm,
                            grain_processes_find(host->processes, pid, start_ns));
    grain_item_remove_tag(&item, "uid");
    (void)grain_item_set_tag(&item, "syscall_str", name ? name : text);
    item.count = count - told->told;
    told->told = count;
    (void)agent_feed(agent, GRAIN_GROUP_SYSCALLS, &item);
    free(name);
    return 0;
}

static void sweep_syscalls(struct agent_host *host)
{
    struct join_node *next;

    for (struct join_node *node = host->syscalls.first; node; node = next) {
        next = node->next;
        if (((struct told_call *)node)->reading == host->traffic_reading)
            continue;
        join_table_remove(&host->syscalls, node);
        free(node);
    }
}

/* ---- what was lost, and how things stand ---- */

static void tell_counter(struct grain_agent *agent, enum grain_measure measure, uint64_t now_ns,
                         const char *key, const char *value, uint64_t now, uint64_t *told)
{
    struct grain_item item;

    if (now <= *told)
        return;
    grain_measure_item(&item, measure, now_ns);
    (void)grain_item_set_tag(&item, key, value);
    item.count = now - *told;
    *told = now;
    (void)agent_feed(agent, grain_measure(measure)->group, &item);
}

static bool is_loss(unsigned int counter)
{
    static const bool losses[] = {
#define X(ID, loss, name) loss,
        GRAIN_HOST_COUNTERS(X)
#undef X
    };

    return counter < GRAIN_HOST_COUNTER_COUNT && losses[counter];
}

static void tell_probe_counters(struct grain_agent *agent, uint64_t now_ns)
{
    struct agent_host *host = agent->host;
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];

    if (!host->probes || grain_host_counters(host->probes, counters))
        return;
    for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
        tell_counter(agent, is_loss(i) ? GRAIN_MEASURE_HOST_LOSS : GRAIN_MEASURE_HOST_WORK, now_ns,
                     "counter", grain_host_counter_name(i), counters[i], &host->counters_told[i]);
}

static void tell_joins(struct grain_agent *agent, uint64_t now_ns)
{
    struct agent_host *host = agent->host;
    struct grain_processes_counts processes;
    struct grain_join_counts joins;

    grain_processes_counts(host->processes, &processes);
    grain_join_counts(host->join, &joins);
    tell_counter(agent, GRAIN_MEASURE_JOINS, now_ns, "result", "named", joins.named,
                 &host->joins_told[0]);
    tell_counter(agent, GRAIN_MEASURE_JOINS, now_ns, "result", "ambiguous", joins.ambiguous,
                 &host->joins_told[1]);
    tell_counter(agent, GRAIN_MEASURE_JOINS, now_ns, "result", "unnamed", joins.unnamed,
                 &host->joins_told[2]);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "answers_evicted",
                 joins.answers_evicted, &host->joins_told[3]);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "connections_forgotten",
                 joins.flows_evicted, &host->joins_told[4]);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "processes_forgotten",
                 processes.forgotten, &host->processes_told[0]);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "processes_by_comm_only",
                 processes.by_source[GRAIN_PROCESS_COMM_ONLY], &host->processes_told[1]);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "counts_untold",
                 host->keys_full, &host->keys_full_told);
    tell_counter(agent, GRAIN_MEASURE_HOST_LOSS, now_ns, "counter", "joined_early",
                 host->dns.early + host->late.early, &host->processes_told[2]);
}

static void tell_gauge(struct grain_agent *agent, enum grain_measure measure, uint64_t now_ns,
                       const char *probe, const char *way, double value)
{
    struct grain_item item;

    grain_measure_item(&item, measure, now_ns);
    if (probe)
        (void)grain_item_set_tag(&item, "probe", probe);
    if (way)
        (void)grain_item_set_tag(&item, "way", way);
    item.number = value;
    (void)agent_feed(agent, grain_measure(measure)->group, &item);
}

static void tell_ways(struct grain_agent *agent, uint64_t now_ns)
{
    struct agent_host *host = agent->host;
    struct grain_processes_counts processes;

    for (unsigned int probe = 0; host->probes && probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        int way = grain_host_way(host->probes, probe);
        size_t blind = 0;

        if (way < 0)
            continue;
        while (grain_host_blind(probe, way, blind))
            blind++;
        tell_gauge(agent, GRAIN_MEASURE_HOST_PROBE, now_ns, grain_host_probe_name(probe),
                   grain_host_way_name((unsigned int)way), 1);
        tell_gauge(agent, GRAIN_MEASURE_HOST_BLIND, now_ns, grain_host_probe_name(probe),
                   grain_host_way_name((unsigned int)way), (double)blind);
    }
    grain_processes_counts(host->processes, &processes);
    tell_gauge(agent, GRAIN_MEASURE_HOST_PROCESSES, now_ns, NULL, NULL,
               (double)processes.processes);
}

static void tell_history(struct grain_agent *agent, uint64_t now_ns)
{
    struct agent_host *host = agent->host;
    uint64_t counters[GRAIN_STORE_COUNTER_COUNT];

    if (!host->store)
        return;
    grain_store_counters(host->store, counters);
    for (unsigned int i = 0; i < GRAIN_STORE_COUNTER_COUNT; i++)
        if (i != GRAIN_STORE_COUNTER_BYTES)
            tell_counter(agent,
                         grain_store_counter_is_loss(i) ? GRAIN_MEASURE_HISTORY_LOSS
                                                        : GRAIN_MEASURE_HISTORY_WORK,
                         now_ns, "counter", grain_store_counter_name(i), counters[i],
                         &host->history_told[i]);
    tell_gauge(agent, GRAIN_MEASURE_HISTORY_BYTES, now_ns, NULL, NULL,
               (double)counters[GRAIN_STORE_COUNTER_BYTES]);
}

void agent_host_tell_counts(struct grain_agent *agent, uint64_t now_ns)
{
    struct agent_host *host = agent->host;

    host->traffic_reading++;
    if (host->probes && host->watch.probes & 1U << GRAIN_HOST_PROBE_NET) {
        if (!grain_host_traffic(host->probes, on_traffic, agent))
            sweep_traffic(agent);
    }
    if (host->probes && agent->groups & 1U << GRAIN_GROUP_SYSCALLS &&
        host->watch.probes & 1U << GRAIN_HOST_PROBE_SYSCALLS) {
        if (!grain_host_syscalls(host->probes, on_syscall, agent))
            sweep_syscalls(host);
    }
    tell_probe_counters(agent, now_ns);
    tell_joins(agent, now_ns);
    tell_ways(agent, now_ns);
    tell_history(agent, now_ns);
}

/* Messages that the kernel did not send up: beyond the rate, or since they are sampled. */
static void note_unsent(struct grain_agent *agent, uint64_t now)
{
    struct agent_host *host = agent->host;
    struct grain_engine_counts counts;
    uint64_t over, sampled;

    if (!agent->live || grain_live_counters(agent->live, &counts))
        return;
    over = counts.counters[GRAIN_COUNTER_EVENTS_OVER_BUDGET];
    sampled = counts.counters[GRAIN_COUNTER_EVENTS_SAMPLED_OUT];
    if (host->counted == agent->live && over > host->over_budget)
        grain_store_gap(host->store, GRAIN_STORE_GAP_LOST, "events_over_budget", host->gap_from_ns,
                        now, over - host->over_budget);
    if (host->counted == agent->live && sampled > host->sampled_out)
        grain_store_gap(host->store, GRAIN_STORE_GAP_DEGRADED, "events_sampled_out",
                        host->gap_from_ns, now, sampled - host->sampled_out);
    host->over_budget = over;
    host->sampled_out = sampled;
    host->counted = agent->live;
}

void agent_host_note_losses(struct grain_agent *agent)
{
    struct agent_host *host = agent->host;
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT], now = agent_now(CLOCK_REALTIME);
    uint64_t lost = agent->events_before.lost + agent->events_before.missing;

    if (!host->store)
        return;
    if (host->probes && !grain_host_counters(host->probes, counters))
        for (unsigned int i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++) {
            if (is_loss(i) && counters[i] > host->counters_gap[i])
                grain_store_gap(host->store, GRAIN_STORE_GAP_LOST, grain_host_counter_name(i),
                                host->gap_from_ns, now, counters[i] - host->counters_gap[i]);
            host->counters_gap[i] = counters[i];
        }
    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++)
        if (host->refused & 1U << probe)
            grain_store_gap(host->store, GRAIN_STORE_GAP_DEGRADED, grain_host_probe_name(probe),
                            host->gap_from_ns, now, 0);
    if (agent->events) {
        struct grain_events_counts counts;

        grain_events_counts(agent->events, &counts);
        lost += counts.lost + counts.missing;
    }
    if (lost > host->events_gap)
        grain_store_gap(host->store, GRAIN_STORE_GAP_LOST, "packet_events", host->gap_from_ns, now,
                        lost - host->events_gap);
    host->events_gap = lost;
    note_unsent(agent, now);
    host->gap_from_ns = now;
}

/* ---- all ---- */

int agent_host_counts_make(struct agent_host *host)
{
    int error = join_table_make(&host->traffic, KEYS_MOST);

    return error ? error : join_table_make(&host->syscalls, KEYS_MOST);
}

static void free_table(struct join_table *table)
{
    while (table->first) {
        struct join_node *node = table->first;

        join_table_remove(table, node);
        free(node);
    }
    free(table->places);
}

void agent_host_counts_free(struct agent_host *host)
{
    free_table(&host->traffic);
    free_table(&host->syscalls);
}
