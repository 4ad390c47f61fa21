// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "grain_processes.skel.h"
#include "host_private.h"

/* Tracepoints of the scheduler see every start and end; nothing better is to be had. */
static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    struct grain_processes *probe;
    int error;

    if (way != GRAIN_HOST_WAY_TRACEPOINT)
        return -ENOTSUP;
    probe = grain_processes__open();
    if (!probe)
        return -errno;
    error = grain_host_share_maps(host, probe->obj);
    if (!error)
        error = grain_processes__load(probe);
    if (!error)
        error = grain_processes__attach(probe);
    if (error) {
        grain_processes__destroy(probe);
        return error;
    }
    *object = probe;
    return 0;
}

static void unload(void *object)
{
    grain_processes__destroy(object);
}

static const char *const blind[] = {
    "arguments: of processes that ran before grain, where they are swapped out",
    NULL,
};

const struct host_probe_ops grain_host_processes_ops = {
    .load = load,
    .free = unload,
    .blind = {[GRAIN_HOST_WAY_TRACEPOINT] = blind},
};
