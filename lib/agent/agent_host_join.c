// SPDX-License-Identifier: GPL-2.0-only
/* What waits for what else is known of it: DNS messages, server names, connections. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent_host.h"

#define DNS_WAITS_NS  500000000ULL
#define LATE_WAITS_NS 1500000000ULL
#define QUEUE_MOST    65536

/* ---- queues ---- */

static void free_later(struct host_later *later)
{
    for (size_t i = 0; i < sizeof(later->texts) / sizeof(later->texts[0]); i++)
        free(later->texts[i]);
    if (later->kind == HOST_LATER_DNS)
        free(later->dns.answers);
    free(later);
}

static void append(struct host_queue *queue, struct host_later *later)
{
    if (queue->last)
        queue->last->next = later;
    else
        queue->first = later;
    queue->last = later;
    queue->count++;
}

static struct host_later *take(struct host_queue *queue)
{
    struct host_later *later = queue->first;

    queue->first = later->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    return later;
}

void agent_host_forget_later(struct agent_host *host)
{
    while (host->dns.first)
        free_later(take(&host->dns));
    while (host->late.first)
        free_later(take(&host->late));
}

/* ---- in ---- */

void agent_host_take_connection(struct agent_host *host, const struct grain_host_connection *record)
{
    const struct grain_join_process process = {record->task.pid, record->task.start_ns};
    struct host_later *later = calloc(1, sizeof(*later));

    if (!later)
        return;
    later->kind = HOST_LATER_CONNECTION;
    later->time_ns = record->header.time_ns;
    later->until_ns = record->header.time_ns + LATE_WAITS_NS;
    later->connection = *record;
    later->connection.task.comm[GRAIN_HOST_COMM_MAX - 1] = 0;
    memcpy(later->flow.local.address, record->local, 16);
    memcpy(later->flow.remote.address, record->remote, 16);
    later->flow.local.port = record->local_port;
    later->flow.remote.port = record->remote_port;
    later->flow.protocol = record->protocol;
    if (record->event == GRAIN_HOST_CONNECTION_CONNECT && process.pid)
        grain_join_ask(host->join, &later->flow, process, later->time_ns);
    append(&host->late, later);
}

static char *copy_tag(const struct grain_item *item, const char *key)
{
    const char *value = grain_item_tag(item, key);

    return value ? strdup(value) : NULL;
}

static void take_dns(struct host_later *later, const struct agent_host *host,
                     const struct grain_item *item, const struct grain_dns_message *dns,
                     bool answered)
{
    const struct grain_answers *answers = &host->answers;

    later->kind = HOST_LATER_DNS;
    later->dns.response = dns->response;
    later->dns.rcode = dns->rcode;
    later->texts[0] = copy_tag(item, "qname");
    later->texts[1] = copy_tag(item, "qtype");
    later->texts[2] = copy_tag(item, "answers");
    for (char *at = later->texts[2]; at && *at; at++)
        *at = (char)(*at == ',' ? ' ' : *at);
    if (!answered || !answers->count)
        return;
    later->dns.answers = malloc(answers->count * sizeof(*later->dns.answers));
    if (!later->dns.answers)
        return;
    memcpy(later->dns.answers, answers->list, answers->count * sizeof(*later->dns.answers));
    later->dns.answer_count = answers->count;
}

static void take_tls(struct host_later *later, struct agent_host *host,
                     const struct grain_item *item, const struct grain_message *message)
{
    later->kind = HOST_LATER_TLS;
    later->tls.quic = message->kind == GRAIN_MESSAGE_QUIC;
    later->tls.ech = message->kind == GRAIN_MESSAGE_TLS && message->tls.ech;
    later->texts[0] = copy_tag(item, "sni");
    later->texts[1] = copy_tag(item, "version");
    later->texts[2] = copy_tag(item, "alpn");
    if (later->texts[0])
        (void)grain_join_sni(host->join, &later->flow, later->time_ns, later->texts[0]);
}

/* The side that asks, or says hello, is local, whichever way the packet went. */
static void set_flow(struct host_later *later, const struct grain_record *record, bool response)
{
    struct grain_endpoint *from = response ? &later->flow.remote : &later->flow.local;
    struct grain_endpoint *to = response ? &later->flow.local : &later->flow.remote;

    memcpy(from->address, record->source, 16);
    memcpy(to->address, record->destination, 16);
    from->port = record->source_port;
    to->port = record->destination_port;
    later->flow.protocol = record->protocol;
}

void agent_host_event(struct grain_agent *agent, const struct grain_item *item,
                      const struct grain_message *message, const struct grain_record *record,
                      bool answered)
{
    struct agent_host *host = agent->host;
    struct host_later *later = host ? calloc(1, sizeof(*later)) : NULL;
    bool dns = message->kind == GRAIN_MESSAGE_DNS;

    if (!later)
        return;
    later->time_ns = record->header.time_ns;
    later->until_ns = later->time_ns + (dns ? DNS_WAITS_NS : LATE_WAITS_NS);
    later->texts[3] = copy_tag(item, "interface");
    set_flow(later, record, dns && message->dns.response);
    if (dns)
        take_dns(later, host, item, &message->dns, answered);
    else
        take_tls(later, host, item, message);
    append(dns ? &host->dns : &host->late, later);
}

/* ---- out ---- */

static uint8_t family_of(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, mapped, sizeof(mapped)) ? AF_INET6 : AF_INET;
}

/* Who it was, as far as anybody saw. */
static bool find_process(struct grain_store_process *out, const struct agent_host *host,
                         struct grain_join_process process)
{
    const struct grain_process *found =
        process.pid ? grain_processes_find(host->processes, process.pid, process.start_ns) : NULL;
    struct grain_host_task task = {.pid = process.pid, .start_ns = process.start_ns};

    if (!process.pid)
        return false;
    if (found) {
        task.ppid = found->ppid;
        task.uid = found->uid;
    }
    agent_host_store_process(out, host, &task, found);
    if (!found)
        out->comm = "";
    return true;
}

static void put_dns(struct agent_host *host, const struct host_later *later)
{
    const struct grain_join_process asker =
        grain_join_asker(host->join, &later->flow, later->time_ns);
    struct grain_store_process who;
    struct grain_store_dns dns = {
        .time_ns = agent_host_wall(host, later->time_ns),
        .response = later->dns.response,
        .protocol = later->flow.protocol,
        .family = family_of(later->flow.remote.address),
        .rcode = later->dns.rcode,
        .name = later->texts[0],
        .type = later->texts[1],
        .answers = later->texts[2],
        .interface = later->texts[3],
    };

    for (uint32_t i = 0; later->texts[0] && i < later->dns.answer_count; i++)
        (void)grain_join_answer(host->join, &later->flow, later->time_ns, later->texts[0],
                                later->dns.answers[i].address, later->dns.answers[i].ttl);
    if (!host->store)
        return;
    memcpy(dns.server, later->flow.remote.address, sizeof(dns.server));
    grain_store_dns(host->store, find_process(&who, host, asker) ? &who : NULL, &dns);
}

static void put_tls(struct agent_host *host, const struct host_later *later)
{
    const struct grain_join_process client =
        grain_join_asker(host->join, &later->flow, later->time_ns);
    struct grain_store_process who;
    struct grain_store_tls tls = {
        .time_ns = agent_host_wall(host, later->time_ns),
        .quic = later->tls.quic,
        .ech = later->tls.ech,
        .family = family_of(later->flow.remote.address),
        .remote_port = later->flow.remote.port,
        .sni = later->texts[0],
        .version = later->texts[1],
        .alpn = later->texts[2],
        .interface = later->texts[3],
    };

    if (!host->store)
        return;
    memcpy(tls.remote, later->flow.remote.address, sizeof(tls.remote));
    grain_store_tls(host->store, find_process(&who, host, client) ? &who : NULL, &tls);
}

static void join(struct agent_host *host, const struct host_later *later, struct grain_joined *out)
{
    const struct grain_host_connection *record = &later->connection;
    const struct grain_join_process process = {record->task.pid, record->task.start_ns};

    if (record->event == GRAIN_HOST_CONNECTION_CLOSE) {
        grain_join_close(host->join, out, &later->flow, record->opened_ns);
        return;
    }
    grain_join_open(host->join, out, &later->flow, process,
                    record->opened_ns ? record->opened_ns : later->time_ns,
                    record->event == GRAIN_HOST_CONNECTION_ACCEPT);
}

static void keep_connection(struct agent_host *host, const struct grain_host_connection *record,
                            const struct grain_joined *joined)
{
    uint64_t opened = record->opened_ns, now = record->header.time_ns;
    struct grain_store_process who;
    struct grain_store_connection connection = {
        .time_ns = agent_host_wall(host, now),
        .event = record->event,
        .protocol = record->protocol,
        .family = record->family,
        .flags = joined->ambiguous ? GRAIN_STORE_NET_AMBIGUOUS : 0,
        .local_port = record->local_port,
        .remote_port = record->remote_port,
        .result = record->result,
        .sent_bytes = record->sent_bytes,
        .received_bytes = record->received_bytes,
        .retransmits = record->retransmits,
        .name = joined->name,
        .sni = joined->sni,
    };

    if (record->event == GRAIN_HOST_CONNECTION_CLOSE && opened && now > opened)
        connection.duration_ns = now - opened;
    memcpy(connection.local, record->local, sizeof(connection.local));
    memcpy(connection.remote, record->remote, sizeof(connection.remote));
    agent_host_store_process(
        &who, host, &record->task,
        grain_processes_find(host->processes, record->task.pid, record->task.start_ns));
    grain_store_connection(host->store, record->task.pid ? &who : NULL, &connection);
}

static void put_connection(struct grain_agent *agent, const struct host_later *later)
{
    struct agent_host *host = agent->host;
    struct grain_joined joined;

    join(host, later, &joined);
    agent_host_tell_connection(agent, &later->connection, &joined);
    if (host->store)
        keep_connection(host, &later->connection, &joined);
}

static bool due(struct host_queue *queue, uint64_t boot_ns, bool end)
{
    if (!queue->first)
        return false;
    if (end || queue->first->until_ns <= boot_ns)
        return true;
    queue->early += queue->count > QUEUE_MOST;
    return queue->count > QUEUE_MOST;
}

void agent_host_go_on(struct grain_agent *agent, uint64_t boot_ns, bool end)
{
    struct agent_host *host = agent->host;

    while (due(&host->dns, boot_ns, end)) {
        struct host_later *later = take(&host->dns);

        put_dns(host, later);
        free_later(later);
    }
    while (due(&host->late, boot_ns, end)) {
        struct host_later *later = take(&host->late);

        if (later->kind == HOST_LATER_TLS)
            put_tls(host, later);
        else
            put_connection(agent, later);
        free_later(later);
    }
}

void agent_host_read_addresses(struct agent_host *host)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t own[1024][16];
    struct ifaddrs *list;
    size_t count = 0;

    if (getifaddrs(&list))
        return;
    for (const struct ifaddrs *at = list; at && count < 1024; at = at->ifa_next) {
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET6) {
            memcpy(own[count++], &((struct sockaddr_in6 *)at->ifa_addr)->sin6_addr, 16);
        } else if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET) {
            memcpy(own[count], mapped, sizeof(mapped));
            memcpy(own[count++] + 12, &((struct sockaddr_in *)at->ifa_addr)->sin_addr, 4);
        }
    }
    freeifaddrs(list);
    (void)grain_join_own(host->join, (const uint8_t(*)[16])own, count);
}
