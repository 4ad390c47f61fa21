// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "processes_private.h"

#define MOST       32768
#define MOST_BYTES (32ULL << 20)
#define LINGER_NS  (300 * 1000000000ULL)

struct node {
    struct grain_process process;
    struct node *chain;         /* of the same place in the table */
    struct node *before, *next; /* in its list: longest idle, or first ended, in front */
    char *texts;
    size_t bytes;
    bool rough; /* the start is /proc's, rounded down */
};

struct list {
    struct node *first, *last;
};

struct grain_processes {
    struct grain_processes_options options;
    struct node **places;
    size_t mask;
    struct list running, ended;
    struct grain_processes_counts counts;
    struct process_seen seen; /* big; of one call */
};

/* ---- lists and places ---- */

static struct list *list_of(struct grain_processes *processes, const struct node *node)
{
    return node->process.ended_ns ? &processes->ended : &processes->running;
}

static void append(struct list *list, struct node *node)
{
    node->before = list->last;
    node->next = NULL;
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
}

static void unlink_node(struct list *list, struct node *node)
{
    if (node->before)
        node->before->next = node->next;
    else
        list->first = node->next;
    if (node->next)
        node->next->before = node->before;
    else
        list->last = node->before;
}

static struct node **place_of(const struct grain_processes *processes, uint32_t pid)
{
    return &processes->places[pid & processes->mask];
}

static bool same_start(const struct node *node, uint64_t start_ns, bool rough)
{
    if (node->rough || rough)
        return node->process.start_ns / PROCESS_TICK_NS == start_ns / PROCESS_TICK_NS;
    return node->process.start_ns == start_ns;
}

static struct node *find(const struct grain_processes *processes, uint32_t pid, uint64_t start_ns,
                         bool rough)
{
    struct node *node = *place_of(processes, pid);

    while (node && (node->process.pid != pid || !same_start(node, start_ns, rough)))
        node = node->chain;
    return node;
}

static void forget(struct grain_processes *processes, struct node *node)
{
    struct node **at = place_of(processes, node->process.pid);

    while (*at != node)
        at = &(*at)->chain;
    *at = node->chain;
    unlink_node(list_of(processes, node), node);
    processes->counts.processes--;
    processes->counts.bytes -= node->bytes;
    free(node->texts);
    free(node);
}

/* `spare` stays, since it is the one that needs the room. */
static void make_room(struct grain_processes *processes, const struct node *spare)
{
    while (processes->counts.processes > processes->options.most ||
           processes->counts.bytes > processes->options.most_bytes) {
        struct node *node = processes->ended.first;

        if (!node || node == spare)
            node = processes->running.first;
        if (!node || node == spare)
            return;
        forget(processes, node);
        processes->counts.forgotten++;
    }
}

static void end(struct grain_processes *processes, struct node *node, uint64_t time_ns,
                int32_t status)
{
    if (node->process.ended_ns)
        return;
    unlink_node(&processes->running, node);
    node->process.ended_ns = time_ns ? time_ns : 1;
    node->process.status = status;
    append(&processes->ended, node);
}

/* A pid is given again only after its process has ended, also when nobody told. */
static void end_older(struct grain_processes *processes, const struct node *fresh)
{
    for (struct node *node = *place_of(processes, fresh->process.pid); node; node = node->chain)
        if (node != fresh && node->process.pid == fresh->process.pid &&
            node->process.start_ns < fresh->process.start_ns)
            end(processes, node, fresh->process.start_ns, -1);
}

static struct node *insert(struct grain_processes *processes, uint32_t pid, uint64_t start_ns)
{
    struct node *node = calloc(1, sizeof(*node));

    if (!node)
        return NULL;
    node->process.pid = pid;
    node->process.start_ns = start_ns;
    node->process.exe = node->process.arguments = node->process.cgroup = "";
    node->process.container.runtime = "";
    node->chain = *place_of(processes, pid);
    *place_of(processes, pid) = node;
    append(&processes->running, node);
    processes->counts.processes++;
    end_older(processes, node);
    return node;
}

/* ---- texts ---- */

/* Up to the first NUL. */
static const char *put(char **to, const struct process_text *text)
{
    size_t length = text->length ? strnlen(text->bytes, text->length) : 0;
    char *begin = *to;

    if (length)
        memcpy(begin, text->bytes, length);
    begin[length] = 0;
    *to += length + 1;
    return begin;
}

/* With a NUL behind the last one, also where the list was cut. */
static const char *put_list(char **to, const struct process_text *list, size_t *length)
{
    char *begin = *to;

    *length = list->length;
    if (!list->length)
        return "";
    memcpy(begin, list->bytes, list->length);
    if (begin[list->length - 1])
        begin[(*length)++] = 0;
    *to += *length;
    return begin;
}

static int set_texts(struct grain_processes *processes, struct node *node,
                     const struct process_text *exe, const struct process_text *arguments,
                     const struct process_text *cgroup)
{
    size_t bytes = exe->length + arguments->length + cgroup->length + 3;
    char *texts = malloc(bytes), *to = texts;

    if (!texts)
        return -ENOMEM;
    node->process.exe = put(&to, exe);
    node->process.cgroup = put(&to, cgroup);
    node->process.arguments = put_list(&to, arguments, &node->process.arguments_length);
    processes->counts.bytes += bytes - node->bytes;
    free(node->texts);
    node->texts = texts;
    node->bytes = bytes;
    return 0;
}

static void set_source(struct grain_processes *processes, struct node *node,
                       enum grain_process_source source)
{
    node->process.source = source;
    processes->counts.by_source[source]++;
}

static void set_comm(struct node *node, const char comm[GRAIN_HOST_COMM_MAX])
{
    memcpy(node->process.comm, comm, GRAIN_HOST_COMM_MAX);
    node->process.comm[GRAIN_HOST_COMM_MAX] = 0;
}

static void set_task(struct node *node, const struct grain_host_task *task)
{
    node->process.start_ns = task->start_ns;
    node->rough = false;
    node->process.ppid = task->ppid;
    node->process.uid = task->uid;
    node->process.gid = task->gid;
}

static int set_seen(struct grain_processes *processes, struct node *node)
{
    const struct process_seen *seen = &processes->seen;

    node->process.container = seen->container;
    return set_texts(processes, node, &seen->exe, &seen->arguments, &seen->cgroup);
}

/* ---- records ---- */

static int take_process(struct grain_processes *processes, const struct grain_host_process *record)
{
    const char *texts = (const char *)record->texts;
    const struct process_text exe = {texts, record->exe_length};
    const struct process_text arguments = {texts + exe.length, record->arguments_length};
    const struct process_text cgroup = {arguments.bytes + arguments.length, record->cgroup_length};
    struct node *node = find(processes, record->task.pid, record->task.start_ns, false);

    if (!node)
        node = insert(processes, record->task.pid, record->task.start_ns);
    if (!node)
        return -ENOMEM;
    set_task(node, &record->task);
    set_comm(node, record->task.comm);
    set_source(processes, node, GRAIN_PROCESS_RECORD);
    node->process.cgroup_id = record->task.cgroup_id;
    (void)grain_container_of(&node->process.container, cgroup.bytes, cgroup.length);
    if (set_texts(processes, node, &exe, &arguments, &cgroup))
        return -ENOMEM;
    make_room(processes, node);
    return 0;
}

int grain_processes_record(struct grain_processes *processes,
                           const struct grain_host_header *record)
{
    if (record->type == GRAIN_HOST_PROCESS)
        return take_process(processes, (const struct grain_host_process *)record);
    if (record->type == GRAIN_HOST_EXIT) {
        const struct grain_host_exit *exit_ = (const struct grain_host_exit *)record;
        struct node *node = find(processes, exit_->task.pid, exit_->task.start_ns, false);

        if (node)
            end(processes, node, record->time_ns, exit_->status);
    }
    return 0;
}

/* ---- those that no record told of ---- */

static bool look(struct grain_processes *processes, const struct grain_host_task *task)
{
    return process_look(&processes->seen, processes->options.proc, task->pid) &&
           processes->seen.start_ns / PROCESS_TICK_NS == task->start_ns / PROCESS_TICK_NS;
}

/* A child that only forked is what its parent is: the same comm in the same cgroup says so. */
static const struct node *twin(const struct grain_processes *processes,
                               const struct grain_host_task *task)
{
    const struct node *node = *place_of(processes, task->ppid);

    for (; node; node = node->chain)
        if (node->process.pid == task->ppid && !node->process.ended_ns &&
            node->process.start_ns <= task->start_ns && *node->process.exe &&
            node->process.cgroup_id == task->cgroup_id &&
            !strncmp(node->process.comm, task->comm, GRAIN_HOST_COMM_MAX))
            return node;
    return NULL;
}

static int learn(struct grain_processes *processes, struct node *node,
                 const struct grain_host_task *task)
{
    const struct node *parent;

    set_comm(node, task->comm);
    node->process.cgroup_id = task->cgroup_id;
    if (look(processes, task)) {
        set_source(processes, node, GRAIN_PROCESS_PROC);
        (void)memcpy(node->process.comm, processes->seen.comm, sizeof(node->process.comm));
        return set_seen(processes, node);
    }
    parent = twin(processes, task);
    if (parent) {
        const struct process_text exe = {parent->process.exe, strlen(parent->process.exe)};
        const struct process_text arguments = {parent->process.arguments,
                                               parent->process.arguments_length};
        const struct process_text cgroup = {parent->process.cgroup, strlen(parent->process.cgroup)};

        set_source(processes, node, GRAIN_PROCESS_PARENT);
        node->process.container = parent->process.container;
        return set_texts(processes, node, &exe, &arguments, &cgroup);
    }
    set_source(processes, node, GRAIN_PROCESS_COMM_ONLY);
    return 0;
}

/* One that was put into another cgroup: containers' managers do that to a running process. */
static int move(struct grain_processes *processes, struct node *node,
                const struct grain_host_task *task)
{
    const struct process_text exe = {node->process.exe, strlen(node->process.exe)};
    const struct process_text arguments = {node->process.arguments, node->process.arguments_length};

    node->process.cgroup_id = task->cgroup_id;
    if (!look(processes, task))
        return 0;
    node->process.container = processes->seen.container;
    return set_texts(processes, node, &exe, &arguments, &processes->seen.cgroup);
}

const struct grain_process *grain_processes_of(struct grain_processes *processes,
                                               const struct grain_host_task *task)
{
    struct node *node = find(processes, task->pid, task->start_ns, false);
    bool fresh = !node;
    int error = 0;

    if (fresh)
        node = insert(processes, task->pid, task->start_ns);
    if (!node)
        return NULL;
    set_task(node, task);
    if (fresh)
        error = learn(processes, node, task);
    else if (!node->process.cgroup_id)
        node->process.cgroup_id = task->cgroup_id;
    else if (task->cgroup_id && node->process.cgroup_id != task->cgroup_id)
        error = move(processes, node, task);
    if (!node->process.ended_ns) {
        unlink_node(&processes->running, node);
        append(&processes->running, node);
    }
    /* The main thread's is the process's, which may have given itself another one. */
    if (task->tid == task->pid && *task->comm)
        set_comm(node, task->comm);
    make_room(processes, node);
    return error ? NULL : &node->process;
}

const struct grain_process *grain_processes_find(const struct grain_processes *processes,
                                                 uint32_t pid, uint64_t start_ns)
{
    const struct node *node = find(processes, pid, start_ns, false);

    return node ? &node->process : NULL;
}

static int scan_one(struct grain_processes *processes, uint32_t pid)
{
    const struct process_seen *seen = &processes->seen;
    struct node *node;

    if (!process_look(&processes->seen, processes->options.proc, pid) ||
        find(processes, pid, seen->start_ns, true))
        return 0;
    node = insert(processes, pid, seen->start_ns);
    if (!node)
        return -ENOMEM;
    node->rough = true;
    node->process.ppid = seen->ppid;
    node->process.uid = seen->uid;
    node->process.gid = seen->gid;
    memcpy(node->process.comm, seen->comm, sizeof(node->process.comm));
    set_source(processes, node, GRAIN_PROCESS_PROC);
    if (set_seen(processes, node))
        return -ENOMEM;
    make_room(processes, node);
    return 0;
}

int grain_processes_scan(struct grain_processes *processes)
{
    DIR *folder = opendir(processes->options.proc);
    const struct dirent *entry;
    int error = 0;

    if (!folder)
        return -errno;
    while (!error && (entry = readdir(folder))) {
        char *end_;
        unsigned long pid = strtoul(entry->d_name, &end_, 10);

        if (*entry->d_name >= '1' && *entry->d_name <= '9' && !*end_ && pid <= INT32_MAX)
            error = scan_one(processes, (uint32_t)pid);
    }
    closedir(folder);
    return error;
}

/* ---- all ---- */

void grain_processes_expire(struct grain_processes *processes, uint64_t now_ns)
{
    struct node *next;

    for (struct node *node = processes->ended.first;
         node && node->process.ended_ns < now_ns &&
         now_ns - node->process.ended_ns > processes->options.linger_ns;
         node = next) {
        next = node->next;
        forget(processes, node);
    }
}

void grain_processes_counts(const struct grain_processes *processes,
                            struct grain_processes_counts *out)
{
    *out = processes->counts;
}

int grain_processes_new(struct grain_processes **out, const struct grain_processes_options *options)
{
    struct grain_processes *processes = calloc(1, sizeof(*processes));
    size_t places = 16;

    if (!processes)
        return -ENOMEM;
    if (options)
        processes->options = *options;
    if (!processes->options.most)
        processes->options.most = MOST;
    if (!processes->options.most_bytes)
        processes->options.most_bytes = MOST_BYTES;
    if (!processes->options.linger_ns)
        processes->options.linger_ns = LINGER_NS;
    if (!processes->options.proc)
        processes->options.proc = "/proc";
    while (places < processes->options.most)
        places *= 2;
    processes->mask = places - 1;
    processes->places = calloc(places, sizeof(struct node *));
    if (!processes->places) {
        free(processes);
        return -ENOMEM;
    }
    *out = processes;
    return 0;
}

static void free_list(struct list *list)
{
    struct node *next;

    for (struct node *node = list->first; node; node = next) {
        next = node->next;
        free(node->texts);
        free(node);
    }
}

void grain_processes_free(struct grain_processes *processes)
{
    if (!processes)
        return;
    free_list(&processes->running);
    free_list(&processes->ended);
    free(processes->places);
    free(processes);
}
