// SPDX-License-Identifier: GPL-2.0-only
/* Host probes that are loaded just now, by whoever. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../error_private.h"
#include "../probe.h"
#include "host_private.h"

/* As long as the kernel keeps a map's name. */
#define NAME_KEPT (BPF_OBJ_NAME_LEN - 1)

static bool is_map(const struct bpf_map_info *info, const char *name, enum bpf_map_type type,
                   size_t value)
{
    return info->type == type && info->key_size == sizeof(uint32_t) && info->value_size == value &&
           info->max_entries == 1 && !strncmp(info->name, name, NAME_KEPT);
}

/* A map of that id if it is what the name says; otherwise -1. */
static int open_map(uint32_t id, const char *name, enum bpf_map_type type, size_t value)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    int fd = bpf_map_get_fd_by_id(id);

    if (fd < 0)
        return -1;
    if (bpf_obj_get_info_by_fd(fd, &info, &length) || !is_map(&info, name, type, value)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void read_counters(struct grain_host_running *running, uint32_t map)
{
    const int cpus = grain_cpus();
    struct host_cpu *values = cpus < 0 ? NULL : calloc((size_t)cpus, sizeof(*values));
    uint32_t zero = 0;
    int fd = open_map(map, "grain_host_cpus", BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(*values));

    if (values && fd >= 0 && !bpf_map_lookup_elem(fd, &zero, values)) {
        running->counted = true;
        for (int cpu = 0; cpu < cpus; cpu++)
            for (size_t i = 0; i < GRAIN_HOST_COUNTER_COUNT; i++)
                running->counters[i] += values[cpu].counters[i];
    }
    if (fd >= 0)
        close(fd);
    free(values);
}

#define FIRST_PID_NAMESPACE 0xeffffffc

/* Of two processes in one pid namespace, each has a number for the other. */
static void read_owner(struct grain_host_running *running, const struct host_settings *settings)
{
    const uint32_t here = grain_host_pid_namespace();

    running->pid = settings->owner;
    running->here = here == FIRST_PID_NAMESPACE;
    if (!here || here != settings->owner_pid_ns)
        return;
    running->pid = settings->owner_here;
    running->here = true;
}

/* Whoever may make maps can make one of this name: nothing in it is believed. */
static bool read_settings(struct grain_host_running *running, int fd)
{
    struct host_settings settings;
    uint32_t zero = 0;
    bool any = false;

    if (bpf_map_lookup_elem(fd, &zero, &settings))
        return false;
    *running = (struct grain_host_running){0};
    read_owner(running, &settings);
    for (size_t i = 0; i < GRAIN_HOST_PROBE_COUNT; i++) {
        bool loaded = settings.ways[i] && settings.ways[i] <= GRAIN_HOST_WAY_COUNT;

        running->ways[i] = loaded ? settings.ways[i] - 1 : -1;
        any = any || loaded;
    }
    if (any)
        read_counters(running, settings.cpus_map);
    return any;
}

int grain_host_find(grain_host_running_fn fn, void *user)
{
    struct grain_host_running running;
    uint32_t id = 0;
    int error = 0;

    while (!error && !bpf_map_get_next_id(id, &id)) {
        int fd =
            open_map(id, "grain_host_settings", BPF_MAP_TYPE_ARRAY, sizeof(struct host_settings));

        if (fd < 0)
            continue;
        if (read_settings(&running, fd))
            error = fn(user, &running);
        close(fd);
    }
    if (!error && errno != ENOENT)
        return grain_fail(-errno, "maps of host probes: %s%s", strerror(errno),
                          errno == EPERM ? "; that needs root" : "");
    return error;
}
