/* SPDX-License-Identifier: GPL-2.0-only */
/* What pins.c, pins_make.c and the attaching code share. */
#ifndef GRAIN_LIB_PINS_PRIVATE_H
#define GRAIN_LIB_PINS_PRIVATE_H

#include <limits.h>

#include <grain/pinned.h>

struct grain_pinned {
    char directory[PATH_MAX];
    int lock; /* the directory, locked; -1: opened to read */
    int abi_fd;
    int sources_fd;
    int fds[GRAIN_PINNED_MAP_COUNT];
    struct grain_abi abi;
};

extern const char *const grain_pinned_files[GRAIN_PINNED_MAP_COUNT];

struct grain_pinned *grain_pinned_alloc(const char *root);

/* Open and check every map of the directory. */
int grain_pinned_load(struct grain_pinned *pinned);

/* "<directory>/<name>" into `out`; -ENAMETOOLONG. */
int grain_pinned_path(char *out, size_t size, const struct grain_pinned *pinned, const char *name);

/* Lock the directory; -ENOENT: there is none. */
int grain_pinned_lock(struct grain_pinned *pinned, unsigned int seconds);

/* Make the directory, on a BPF file system. */
int grain_pinned_make_directory(struct grain_pinned *pinned, const char *root);

/* Make the maps in the locked, empty directory. */
int grain_pinned_make_maps(struct grain_pinned *pinned, const struct grain_table_sizes *sizes);

/* Let a group read the maps and, of the map of events, take what is in it. */
int grain_pinned_give(const struct grain_pinned *pinned, uint32_t group);

/* The nearest folder above the set that the group cannot pass; false: there is none. */
bool grain_pinned_barred(const struct grain_pinned *pinned, uint32_t group, char *out, size_t size);

/* Is the record of the ABI, which is pinned last and removed first, there? */
bool grain_pinned_complete(const struct grain_pinned *pinned);

#endif
