/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The set of maps that outlives a command: see grain/pins.h for what lies where.
 *
 * A reader opens the set and reads maps while others attach and detach; it takes no lock, so a
 * source may be CHANGING or gone the next time. Whoever changes something opens the set for change,
 * which holds the lock until it is freed. Objects belong to one thread. Functions return 0 or
 * -errno unless they say otherwise; grain_error() then says what and what to do.
 */
#ifndef GRAIN_PINNED_H
#define GRAIN_PINNED_H

#include <stdbool.h>
#include <stdint.h>

#include <grain/config.h>
#include <grain/error.h>
#include <grain/pins.h>

#ifdef __cplusplus
extern "C" {
#endif

enum grain_pinned_map {
#define X(map, file) GRAIN_PINNED_##map,
    GRAIN_PINNED_MAPS(X)
#undef X
        GRAIN_PINNED_MAP_COUNT
};

struct grain_pinned;

/* Sizes of the tables: powers of two. */
struct grain_table_sizes {
    uint32_t buckets;      /* of grain_counts */
    uint32_t texts;        /* buckets of grain_texts */
    uint32_t flow_buckets; /* of grain_flow_tags: buckets of four flows */
};

/* `chosen` when it is not NULL; else $GRAIN_PIN_ROOT when set and not empty; else the default. */
GRAIN_API const char *grain_pinned_root(const char *chosen);

/*
 * Open the set of maps under `root` (NULL: as grain_pinned_root) to read it. The record of the ABI,
 * and each map's type and sizes, have been checked.
 *
 * Maps are open to read, but for the map of events, which its reader writes to.
 *
 * -ENOENT: there is none: nothing is attached under this root. -EACCES, -EPERM: not allowed to open
 * it. -EPROTO: made by another version of grain, for another number of CPUs, or not by grain.
 */
GRAIN_API int grain_pinned_open(struct grain_pinned **out, const char *root);

/*
 * As grain_pinned_open, with the lock, to change something. Waits up to `seconds` for another
 * command that holds it: then -EBUSY, and grain_error() says which. A set that a killed command
 * has left half made or half removed is removed: -ENOENT.
 */
GRAIN_API int grain_pinned_change(struct grain_pinned **out, const char *root,
                                  unsigned int seconds);

/*
 * As grain_pinned_change; a set that does not exist is made, with `sizes`, an empty configuration
 * (abi and generation 1, no stages) and a random hash key. A BPF file system is mounted on
 * /sys/fs/bpf where `root` lies there and none is mounted. *created says whether the set is new.
 */
GRAIN_API int grain_pinned_create(struct grain_pinned **out, const char *root, unsigned int seconds,
                                  const struct grain_table_sizes *sizes, bool *created);

/* Close the maps and release the lock. NULL is fine. */
GRAIN_API void grain_pinned_free(struct grain_pinned *pinned);

/* Remove the whole set, open for change, from the file system. Programs that are still attached
 * keep their maps; detach them before. */
GRAIN_API int grain_pinned_remove(struct grain_pinned *pinned);

/* The directory <root>/v1; valid as long as `pinned`. */
GRAIN_API const char *grain_pinned_directory(const struct grain_pinned *pinned);

/* The map's file descriptor, which belongs to `pinned`. */
GRAIN_API int grain_pinned_fd(const struct grain_pinned *pinned, enum grain_pinned_map map);

/* The record of the ABI as it was checked; valid as long as `pinned`. */
GRAIN_API const struct grain_abi *grain_pinned_abi(const struct grain_pinned *pinned);

/* Source slot `slot`, below GRAIN_SOURCE_SLOTS. `name` is NUL-terminated, whatever the map holds.
 */
GRAIN_API int grain_pinned_source(const struct grain_pinned *pinned, uint32_t slot,
                                  struct grain_source *out);
GRAIN_API int grain_pinned_set_source(struct grain_pinned *pinned, uint32_t slot,
                                      const struct grain_source *source);

/* The live settings. */
GRAIN_API int grain_pinned_config(const struct grain_pinned *pinned, struct grain_config *out);
GRAIN_API int grain_pinned_set_config(struct grain_pinned *pinned,
                                      const struct grain_config *config);

#ifdef __cplusplus
}
#endif

#endif
