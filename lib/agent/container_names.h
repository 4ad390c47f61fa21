/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What containers are called, by their ids: from the files of whoever manages them
 * (container_files.h), remembered for as many as were asked for lately.
 *
 * Looking costs some opens, and anybody with a cgroup of their own can make up ids: so many looks
 * a second are taken, and what is beyond has no name for now. An object belongs to one thread.
 */
#ifndef GRAIN_AGENT_CONTAINER_NAMES_H
#define GRAIN_AGENT_CONTAINER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "container_files.h"

struct grain_container_names_options {
    size_t most;         /* containers that are remembered; 0: 1,024 */
    const char *root;    /* in front of every folder; NULL: none. Outlives the object. */
    uint64_t retry_ns;   /* when one that nobody knew is looked for again; 0: 5 s */
    uint64_t refresh_ns; /* when one is looked at again, which may have been renamed; 0: 60 s */
    uint32_t looks;      /* a second; 0: 64 */
    bool told;           /* by grain_container_names_read alone: no file is looked at */
};

/* What somebody who may read the files tells. */
struct grain_container_told {
    char id[GRAIN_CONTAINER_ID_MAX];
    struct grain_container_name name;
};

struct grain_container_names;

/* 0 or -ENOMEM. `options` may be NULL. */
int grain_container_names_new(struct grain_container_names **out,
                              const struct grain_container_names_options *options);
void grain_container_names_free(struct grain_container_names *names); /* takes NULL */

/*
 * Never NULL: where nothing is known, all texts are "". One that is gone keeps the name it had.
 * systemd-nspawn's and LXC's are known by their names alone. `now_ns`: of a clock that goes
 * forward. Valid until the next call with `names`.
 */
const struct grain_container_name *grain_container_names_of(struct grain_container_names *names,
                                                            const struct grain_container *container,
                                                            uint64_t now_ns);

/* What has come to `fd`, a message (struct grain_container_told) at a time, without waiting. */
void grain_container_names_read(struct grain_container_names *names, int fd);

/* A folder that is there and may not be looked into; NULL: none that was met. */
const char *grain_container_names_denied(const struct grain_container_names *names);

/* Looks that were put off, since there had been too many. */
uint64_t grain_container_names_put_off(const struct grain_container_names *names);

/*
 * Ids of containers that are called so, or whose pod is: as they are now. Returns how many there
 * are, of which the first `most` are written.
 */
size_t grain_container_names_find(struct grain_container_names *names, const char *name,
                                  char (*ids)[GRAIN_CONTAINER_ID_MAX], size_t most);

#endif
