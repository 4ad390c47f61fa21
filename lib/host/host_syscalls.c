// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "grain_syscalls.skel.h"
#include "grain_syscalls_typed.skel.h"
#include "host_private.h"
#include "host_table.h"
#include "host_typed.h"

#include "../../probes/net.h"
#include "../error_private.h"

#define ENTRIES 8192U /* of each CPU */

struct host_syscalls {
    struct grain_syscalls *probe;
    struct host_table table;
    int cpus;
};

static void unload(void *object)
{
    struct host_syscalls *syscalls = object;

    if (!syscalls)
        return;
    grain_host_table_unmap(&syscalls->table);
    grain_syscalls__destroy(syscalls->probe);
    free(syscalls);
}

static int start(struct grain_host *host, struct host_syscalls *syscalls)
{
    struct grain_syscalls *probe = syscalls->probe;
    uint64_t secret[2];
    int error = grain_host_table_secret(secret, 2);

    if (error)
        return error;
    memcpy((void *)probe->rodata->syscalls_secret, secret, sizeof(secret));
    probe->rodata->syscalls_mask = ENTRIES - 1;
    syscalls->cpus = host->cpus;
    error = grain_host_table_size(probe->maps.grain_syscalls, ENTRIES, host->cpus);
    if (!error)
        error = grain_host_share_maps(host, probe->obj);
    if (!error)
        error = grain_syscalls__load(probe);
    if (!error)
        error = grain_host_table_map(&syscalls->table, probe->maps.grain_syscalls,
                                     sizeof(struct net_syscall_slot), (size_t)host->cpus * ENTRIES);
    return error ? error : grain_syscalls__attach(probe);
}

GRAIN_HOST_OPEN_TYPED(grain_syscalls)

static int load_typed(struct grain_host *host, enum grain_host_way way, bool typed, void **object)
{
    struct host_syscalls *syscalls;
    int error;

    if (way != GRAIN_HOST_WAY_TRACEPOINT)
        return -ENOTSUP;
    syscalls = calloc(1, sizeof(*syscalls));
    if (!syscalls)
        return -ENOMEM;
    syscalls->probe = grain_syscalls_open_typed(typed);
    error = syscalls->probe ? start(host, syscalls) : -errno;
    if (error) {
        unload(syscalls);
        return error;
    }
    *object = syscalls;
    return 0;
}

static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    return grain_host_load_typed(load_typed, host, way, object);
}

/* ---- the table ---- */

static int compare_slots(const void *left, const void *right)
{
    const struct net_syscall_slot *a = left, *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static size_t read_slots(const struct host_table *table, struct net_syscall_slot *list)
{
    size_t n = 0;

    for (size_t i = 0; i < table->count; i++)
        if (grain_host_table_read(table, i, &list[n]))
            n++;
    qsort(list, n, sizeof(*list), compare_slots);
    return n;
}

static int tell_processes(struct net_syscall_slot *list, size_t count, grain_host_syscall_fn fn,
                          void *user)
{
    int error = 0;

    for (size_t i = 0, next; !error && i < count; i = next) {
        struct net_syscall_slot *sum = &list[i];

        for (next = i + 1; next < count && !compare_slots(sum, &list[next]); next++)
            sum->count += list[next].count;
        sum->comm[sizeof(sum->comm) - 1] = '\0';
        error = fn(user, sum->start_ns, sum->pid, sum->comm, sum->number, sum->count);
    }
    return error;
}

static int tell_others(const struct host_syscalls *syscalls, grain_host_syscall_fn fn, void *user)
{
    const int map = bpf_map__fd(syscalls->probe->maps.grain_syscalls_others);
    uint64_t *cpus = calloc((size_t)syscalls->cpus, sizeof(*cpus));
    int error = cpus ? 0 : -ENOMEM;

    for (uint32_t i = 0; !error && i < 2 * NET_SYSCALLS_MAX; i++) {
        uint64_t sum = 0;

        if (bpf_map_lookup_elem(map, &i, cpus)) {
            error = grain_fail(-errno, "map grain_syscalls_others: %s", strerror(errno));
            break;
        }
        for (int cpu = 0; cpu < syscalls->cpus; cpu++)
            sum += cpus[cpu];
        if (sum)
            error = fn(
                user, 0, 0, "",
                i < NET_SYSCALLS_MAX ? i : (i - NET_SYSCALLS_MAX) | GRAIN_HOST_SYSCALL_COMPAT, sum);
    }
    free(cpus);
    return error;
}

int grain_host_syscalls(struct grain_host *host, grain_host_syscall_fn fn, void *user)
{
    const struct host_syscalls *syscalls = host->probes[GRAIN_HOST_PROBE_SYSCALLS].object;
    struct net_syscall_slot *list;
    int error;

    if (!syscalls)
        return grain_fail(-ENOENT, "host probes: syscalls was not asked for");
    list = malloc((syscalls->table.count + 1) * sizeof(*list));
    if (!list)
        return grain_fail(-ENOMEM, "system calls: no memory");
    error = tell_processes(list, read_slots(&syscalls->table, list), fn, user);
    free(list);
    return error ? error : tell_others(syscalls, fn, user);
}

static const char *const blind[] = {
    "what io_uring does without a system call",
    NULL,
};

const struct host_probe_ops grain_host_syscalls_ops = {
    .load = load,
    .free = unload,
    .blind = {[GRAIN_HOST_WAY_TRACEPOINT] = blind},
};
