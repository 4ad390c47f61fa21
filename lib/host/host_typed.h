/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes are built twice: see probes/read.bpf.h. */
#ifndef GRAIN_LIB_HOST_TYPED_H
#define GRAIN_LIB_HOST_TYPED_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include <grain/host.h>

/*
 * Load a probe's object that reads by loads, if this kernel has bpf_rdonly_cast(); where it has
 * not, or refuses the object all the same, the other one. What `load` returns.
 */
int grain_host_load_typed(int (*load)(struct grain_host *host, enum grain_host_way way, bool typed,
                                      void **object),
                          struct grain_host *host, enum grain_host_way way, void **object);

/*
 * NAME_open_typed(typed): the skeleton NAME, opened; NULL: errno says why. Typed: its object is
 * that of NAME_typed, in which the same source makes the same programs, maps and variables.
 */
#define GRAIN_HOST_OPEN_TYPED(name)                                                             \
    static struct name *name##_open_typed(bool typed)                                           \
    {                                                                                           \
        struct name *probe = calloc(1, sizeof(*probe));                                         \
        int error = probe ? name##__create_skeleton(probe) : -ENOMEM;                           \
                                                                                                \
        if (!error && typed)                                                                    \
            probe->skeleton->data = (void *)name##_typed__elf_bytes(&probe->skeleton->data_sz); \
        if (!error)                                                                             \
            error = bpf_object__open_skeleton(probe->skeleton, NULL);                           \
        if (!error)                                                                             \
            return probe;                                                                       \
        name##__destroy(probe);                                                                 \
        errno = -error;                                                                         \
        return NULL;                                                                            \
    }

#endif
