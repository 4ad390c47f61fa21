// SPDX-License-Identifier: GPL-2.0-only
/* From records of the host probes to measurements. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent_host.h"
#include "escape.h"

static void tag(struct grain_item *item, const char *key, const char *value)
{
    (void)grain_item_set_tag(item, key, value);
}

static const char *number(char *out, size_t size, uint64_t value)
{
    (void)snprintf(out, size, "%llu", (unsigned long long)value);
    return out;
}

/* What is not known has no tag. */
static void tag_escaped(struct grain_item *item, const char *key, const char *text, char *room,
                        size_t size)
{
    if (!*text)
        return;
    (void)grain_escape(room, size, text, strlen(text));
    tag(item, key, room);
}

static void tag_container(struct grain_item *item, struct host_tags *tags,
                          const struct grain_container_name *name)
{
    tag_escaped(item, "container_name", name->name, tags->container_name,
                sizeof(tags->container_name));
    tag_escaped(item, "pod", name->pod, tags->pod, sizeof(tags->pod));
    tag_escaped(item, "namespace", name->namespace, tags->namespace, sizeof(tags->namespace));
    tag_escaped(item, "image", name->image, tags->image, sizeof(tags->image));
}

void agent_host_process_tags(const struct agent_host *host, struct grain_item *item,
                             struct host_tags *tags, uint32_t pid, uint32_t uid, const char *comm,
                             const struct grain_process *process)
{
    grain_escape(tags->comm, sizeof(tags->comm), process ? process->comm : comm,
                 GRAIN_HOST_COMM_MAX);
    tag(item, "process_id", number(tags->pid, sizeof(tags->pid), pid));
    tag(item, "process_str", tags->comm);
    tag(item, "uid", number(tags->uid, sizeof(tags->uid), uid));
    if (!process || !*process->container.id)
        return;
    grain_escape(tags->container, sizeof(tags->container), process->container.id,
                 GRAIN_CONTAINER_ID_MAX);
    tag(item, "container", tags->container);
    tag_container(item, tags, agent_host_container(host, process));
}

const char *agent_host_result_name(int result, char buffer[16])
{
    const char *name = result ? strerrorname_np(-result) : "ok";

    if (name)
        return name;
    (void)snprintf(buffer, 16, "%d", result);
    return buffer;
}

static enum grain_measure measure_of(unsigned int operation)
{
    switch (operation) {
    case GRAIN_HOST_OP_OPEN:
        return GRAIN_MEASURE_FILE_OPEN;
    case GRAIN_HOST_OP_READ:
        return GRAIN_MEASURE_FILE_READ;
    case GRAIN_HOST_OP_WRITE:
        return GRAIN_MEASURE_FILE_WRITE;
    case GRAIN_HOST_OP_MMAP:
    case GRAIN_HOST_OP_EXEC:
        return GRAIN_MEASURE_FILE_USE;
    default:
        return GRAIN_MEASURE_FILE_CHANGE;
    }
}

void agent_host_tell_file(struct grain_agent *agent, const struct grain_host_file *record,
                          const struct grain_process *process)
{
    const enum grain_measure measure = measure_of(record->operation);
    const char *operation = grain_host_operation_name(record->operation);
    char path[GRAIN_ITEM_TEXT_MAX + 1], path2[GRAIN_ITEM_TEXT_MAX + 1];
    char ino[24], dev[24], result[16];
    struct host_tags tags;
    struct grain_item item;

    if (!(agent->groups & 1U << GRAIN_GROUP_FILES))
        return;
    grain_measure_item(&item, measure, agent_host_wall(agent->host, record->header.time_ns));
    agent_host_process_tags(agent->host, &item, &tags, record->task.pid, record->task.uid,
                            record->task.comm, process);
    grain_escape(path, sizeof(path), (const char *)record->texts, record->path_length);
    tag(&item, "op", operation ? operation : "unknown");
    tag(&item, "path", path);
    if (record->ino || record->dev) {
        (void)snprintf(dev, sizeof(dev), "%u:%u", record->dev >> 20, record->dev & 0xfffff);
        tag(&item, "ino", number(ino, sizeof(ino), record->ino));
        tag(&item, "dev", dev);
    }
    tag(&item, "result", agent_host_result_name(record->result, result));
    if (record->path2_length) {
        grain_escape(path2, sizeof(path2), (const char *)record->texts + record->path_length,
                     record->path2_length);
        tag(&item, "path2", path2);
    }
    item.count = measure == GRAIN_MEASURE_FILE_READ || measure == GRAIN_MEASURE_FILE_WRITE
                     ? record->bytes
                     : 1;
    if (item.count)
        (void)agent_feed(agent, GRAIN_GROUP_FILES, &item);
}

void agent_host_tell_start(struct grain_agent *agent, const struct grain_host_process *record,
                           const struct grain_process *process)
{
    char exe[GRAIN_ITEM_TEXT_MAX + 1], ppid[12];
    struct host_tags tags;
    struct grain_item item;

    if (!(agent->groups & 1U << GRAIN_GROUP_PROCESSES) ||
        !(record->flags & GRAIN_HOST_PROCESS_EXEC))
        return;
    grain_measure_item(&item, GRAIN_MEASURE_PROCESS_START,
                       agent_host_wall(agent->host, record->header.time_ns));
    agent_host_process_tags(agent->host, &item, &tags, record->task.pid, record->task.uid,
                            record->task.comm, process);
    grain_escape(exe, sizeof(exe), (const char *)record->texts, record->exe_length);
    tag(&item, "exe", exe);
    tag(&item, "ppid", number(ppid, sizeof(ppid), record->task.ppid));
    item.count = 1;
    (void)agent_feed(agent, GRAIN_GROUP_PROCESSES, &item);
}

void agent_host_tell_exit(struct grain_agent *agent, const struct grain_host_exit *record,
                          const struct grain_process *process)
{
    char status[16];
    struct host_tags tags;
    struct grain_item item;

    if (!(agent->groups & 1U << GRAIN_GROUP_PROCESSES))
        return;
    grain_measure_item(&item, GRAIN_MEASURE_PROCESS_EXIT,
                       agent_host_wall(agent->host, record->header.time_ns));
    agent_host_process_tags(agent->host, &item, &tags, record->task.pid, record->task.uid,
                            record->task.comm, process);
    (void)snprintf(status, sizeof(status), "%d", record->status);
    tag(&item, "status", status);
    item.count = 1;
    (void)agent_feed(agent, GRAIN_GROUP_PROCESSES, &item);
}

static enum grain_measure measure_of_connection(unsigned int event)
{
    switch (event) {
    case GRAIN_HOST_CONNECTION_CONNECT:
        return GRAIN_MEASURE_CONNECTION_OUT;
    case GRAIN_HOST_CONNECTION_ACCEPT:
        return GRAIN_MEASURE_CONNECTION_IN;
    case GRAIN_HOST_CONNECTION_FAIL:
        return GRAIN_MEASURE_CONNECTION_FAILED;
    default:
        return GRAIN_MEASURE_CONNECTION_TIME;
    }
}

/* The end of a connection whose beginning nobody saw has no duration. */
static bool set_value(struct grain_item *item, const struct grain_host_connection *record)
{
    uint64_t opened = record->opened_ns, closed = record->header.time_ns;

    item->count = 1;
    if (item->kind == GRAIN_ITEM_HISTOGRAM)
        item->number = closed > opened ? (double)(closed - opened) / 1e9 : 0;
    return item->kind != GRAIN_ITEM_HISTOGRAM || opened;
}

void agent_host_tell_connection(struct grain_agent *agent,
                                const struct grain_host_connection *record,
                                const struct grain_joined *joined)
{
    const struct agent_host *host = agent->host;
    bool four = record->family == AF_INET;
    char remote[INET6_ADDRSTRLEN] = "", port[8], result[16];
    struct host_tags tags;
    struct grain_item item;

    if (!(agent->groups & 1U << GRAIN_GROUP_NETWORK))
        return;
    grain_measure_item(&item, measure_of_connection(record->event),
                       agent_host_wall(host, record->header.time_ns));
    agent_host_process_tags(
        host, &item, &tags, record->task.pid, record->task.uid, record->task.comm,
        grain_processes_find(host->processes, record->task.pid, record->task.start_ns));
    (void)inet_ntop(four ? AF_INET : AF_INET6, record->remote + (four ? 12 : 0), remote,
                    sizeof(remote));
    tag(&item, "proto",
        record->protocol == IPPROTO_TCP   ? "tcp"
        : record->protocol == IPPROTO_UDP ? "udp"
                                          : "other");
    tag(&item, "remote_ip", remote);
    tag(&item, "remote_port", number(port, sizeof(port), record->remote_port));
    if (*joined->name)
        tag(&item, "name", joined->name);
    if (*joined->sni)
        tag(&item, "sni", joined->sni);
    if (record->event == GRAIN_HOST_CONNECTION_FAIL)
        tag(&item, "result", agent_host_result_name(record->result, result));
    if (set_value(&item, record))
        (void)agent_feed(agent, GRAIN_GROUP_NETWORK, &item);
}
