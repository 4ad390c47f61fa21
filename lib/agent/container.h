/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which container a process is in, from the path of its cgroup: docker, containerd, CRI-O, podman,
 * pods of Kubernetes, systemd-nspawn and LXC, in either version of cgroups.
 *
 * A path is what managers of containers made, but anybody with a cgroup of their own can make one
 * that looks the same: it tells where a process is, not who vouches for it.
 */
#ifndef GRAIN_AGENT_CONTAINER_H
#define GRAIN_AGENT_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#define GRAIN_CONTAINER_ID_MAX  80 /* NUL included */
#define GRAIN_CONTAINER_POD_MAX 40

struct grain_container {
    char id[GRAIN_CONTAINER_ID_MAX];   /* 64 digits, or the name of a machine; "": none */
    char pod[GRAIN_CONTAINER_POD_MAX]; /* the pod's uid; "": none, or not known */
    const char *runtime;               /* "docker", ...; "": not known. Lives for ever. */
};

/*
 * The innermost container of a cgroup's path; false: it is in none, and *out is empty. Monitors of
 * containers (conmon, lxc.monitor) and virtual machines are in none. `path` needs no NUL.
 */
bool grain_container_of(struct grain_container *out, const char *path, size_t length);

/*
 * The same from what /proc/PID/cgroup holds: the first of its lines that names one, cgroup v2
 * first. *path and *path_length are then that line's path; otherwise the one of cgroup v2, or of
 * the first line.
 */
bool grain_container_of_lines(struct grain_container *out, const char *lines, size_t length,
                              const char **path, size_t *path_length);

#endif
