/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What managers of containers write down about each of theirs: docker, containerd (Kubernetes'
 * and nerdctl's), CRI-O and podman. Their files are read, and nobody is asked: no daemon has to
 * run, and none can keep the caller waiting.
 *
 * The folders are root's, what stands in the files is whatever somebody called a container: links
 * are not followed below the folders, what is too large or not JSON is not known, and names are
 * bytes without NUL that are escaped before they go anywhere.
 */
#ifndef GRAIN_AGENT_CONTAINER_FILES_H
#define GRAIN_AGENT_CONTAINER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAIN_CONTAINER_FILE_MAX (1 << 20) /* a container's own file, bytes */
#define GRAIN_CONTAINER_LIST_MAX (4 << 20) /* podman's list of all of them */

/* Longer ones are cut behind a whole character. "": it has none, or it is not known. */
struct grain_container_name {
    char name[128];
    char pod[256];
    char namespace[64];
    char image[384];
};

/* Whether an id may become part of a path: 12 to 64 hexadecimal digits. */
bool grain_container_id_sound(const char *id);

/*
 * Of one container; false: nobody knows it. `root` is put in front of every folder (""). Where a
 * folder is there and may not be looked into, *denied is its name, otherwise it is left alone.
 */
bool grain_container_files_read(struct grain_container_name *out, const char *root, const char *id,
                                const char **denied);

/* Each that there is. Anything but 0 ends it, and is returned. */
typedef int (*grain_container_fn)(void *user, const char *id,
                                  const struct grain_container_name *name);
int grain_container_files_each(const char *root, grain_container_fn fn, void *user,
                               const char **denied);

/* Another one when a container has come or gone since; what is in its file may come later. */
uint64_t grain_container_files_stamp(const char *root);

#endif
