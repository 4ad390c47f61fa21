/* SPDX-License-Identifier: GPL-2.0-only */
/* Containers in what host probes tell: by id, and by name where somebody wrote it down. */
#ifndef GRAIN_CTL_HOST_CONTAINER_H
#define GRAIN_CTL_HOST_CONTAINER_H

#include <stdbool.h>

#include <jansson.h>

#include <agent/container_names.h>

#define HOST_CONTAINERS_MAX 16

struct host_containers {
    char ids[HOST_CONTAINERS_MAX][GRAIN_CONTAINER_ID_MAX];
    size_t count;
};

/* Ends the program when there is no memory. `root`: of --container-files; NULL: none. */
struct grain_container_names *host_container_names(const char *root);

/* What is known of it now. */
const struct grain_container_name *host_container_name(struct grain_container_names *names,
                                                       const struct grain_container *container);

/*
 * Which containers --container means: those of that name, or with a pod of that name, or else what
 * begins with that id. Says what a name has come to. False: said why not.
 */
bool host_container_choose(struct host_containers *out, struct grain_container_names *names,
                           const char *text);

/* "web", "shop-0/web" in a pod; without a name the beginning of the id; "-" outside of containers.
 * To be freed. */
char *host_container_text(const struct grain_container *container,
                          const struct grain_container_name *name);

/* Into an object of a process: container, container_name, pod, namespace, image, where known. */
void host_container_put(json_t *process, const struct grain_container *container,
                        const struct grain_container_name *name);

/* That names could not be read, on standard error; nothing when that was not so. */
void host_container_say_denied(const struct grain_container_names *names);

#endif
