// SPDX-License-Identifier: GPL-2.0-only
/* From records of the host probes to rows of the history. */
#include <stdlib.h>
#include <string.h>

#include "agent_host.h"

void agent_host_store_process(struct grain_store_process *out, const struct agent_host *host,
                              const struct grain_host_task *task,
                              const struct grain_process *process)
{
    const struct grain_container_name *name;

    *out = (struct grain_store_process){
        .start_ns = task->start_ns ? agent_host_wall(host, task->start_ns) : 0,
        .pid = task->pid,
        .ppid = task->ppid,
        .uid = task->uid,
        .comm = task->comm,
    };
    if (!process)
        return;
    out->comm = process->comm;
    out->exe = process->exe;
    out->arguments = process->arguments;
    out->arguments_length = process->arguments_length;
    out->cgroup = process->cgroup;
    out->container = process->container.id;
    if (!*process->container.id)
        return;
    name = agent_host_container(host, process);
    out->container_name = name->name;
    out->pod = name->pod;
    out->namespace = name->namespace;
    out->image = name->image;
}

/* A text of a record, with its NUL. */
static char *text_of(const void *bytes, size_t length)
{
    return strndup(bytes, length);
}

void agent_host_keep_file(struct agent_host *host, const struct grain_host_file *record,
                          const struct grain_process *process)
{
    struct grain_store_process who;
    struct grain_store_file file = {
        .time_ns = agent_host_wall(host, record->header.time_ns),
        .ino = record->ino,
        .dev = record->dev,
        .operation = record->operation,
        .flags = record->flags,
        .result = record->result,
        .open_flags = record->open_flags,
        .mode = record->mode,
        .owner = record->owner,
        .group = record->group,
        .bytes = record->bytes,
    };
    struct grain_host_task task = record->task;
    char *path, *path2;

    if (!host->store)
        return;
    task.comm[GRAIN_HOST_COMM_MAX - 1] = 0;
    path = text_of(record->texts, record->path_length);
    path2 = text_of(record->texts + record->path_length, record->path2_length);
    file.path = path;
    file.path2 = path2;
    agent_host_store_process(&who, host, &task, process);
    grain_store_file(host->store, &who, &file);
    free(path);
    free(path2);
}

void agent_host_keep_life(struct agent_host *host, const struct grain_host_task *task_,
                          const struct grain_process *process, enum grain_store_life life,
                          uint64_t time_ns, int32_t status)
{
    struct grain_host_task task = *task_;
    struct grain_store_process who;

    if (!host->store)
        return;
    task.comm[GRAIN_HOST_COMM_MAX - 1] = 0;
    agent_host_store_process(&who, host, &task, process);
    grain_store_life(host->store, &who, life, agent_host_wall(host, time_ns), status);
}

void agent_host_keep_traffic(struct agent_host *host, const struct grain_host_traffic_key *key,
                             const char *comm, const struct grain_host_traffic_counts *more)
{
    const struct grain_process *process =
        grain_processes_find(host->processes, key->pid, key->start_ns);
    struct grain_host_task task = {.pid = key->pid, .start_ns = key->start_ns};
    struct grain_store_process who;
    struct grain_store_connection connection = {
        .time_ns = agent_host_wall(host, more->last_ns),
        .event = GRAIN_STORE_TRAFFIC,
        .protocol = key->protocol,
        .family = key->family,
        .remote_port = key->remote_port,
        .sent_bytes = more->sent_bytes,
        .sent_messages = more->sent_messages,
        .received_bytes = more->received_bytes,
        .received_messages = more->received_messages,
    };

    if (!host->store)
        return;
    memcpy(connection.remote, key->remote, sizeof(connection.remote));
    memcpy(task.comm, comm, strnlen(comm, GRAIN_HOST_COMM_MAX - 1));
    if (process) {
        task.ppid = process->ppid;
        task.uid = process->uid;
    }
    agent_host_store_process(&who, host, &task, process);
    grain_store_connection(host->store, &who, &connection);
}
