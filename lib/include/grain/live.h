/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is attached, read from its pinned maps while packets pass: totals, counters, names, and how
 * full the tables are.
 *
 * Nothing is stopped for a reader, so numbers read one after the other may be a few packets apart.
 * A source whose program was taken off keeps its totals until its slot is needed again. Objects
 * belong to one thread. Functions return 0 or -errno unless they say otherwise; grain_error() then
 * says what and what to do.
 */
#ifndef GRAIN_LIVE_H
#define GRAIN_LIVE_H

#include <grain/engine.h>
#include <grain/pinned.h>

#ifdef __cplusplus
extern "C" {
#endif

struct grain_live;

/* Errors as of grain_pinned_open; NULL as root: as grain_pinned_root. */
GRAIN_API int grain_live_open(struct grain_live **out, const char *root);
GRAIN_API void grain_live_free(struct grain_live *live); /* takes NULL */

/* The maps; valid as long as `live`. */
GRAIN_API const struct grain_pinned *grain_live_pinned(const struct grain_live *live);

/* Are these still the maps that are pinned? Otherwise they were removed, and maybe made anew. */
GRAIN_API bool grain_live_current(const struct grain_live *live);

/* The sums over all sources; texts are checked, so this costs as much as reading all names. */
GRAIN_API int grain_live_counts(struct grain_live *live, struct grain_engine_counts *out);

/* Only the program's counters, names and unattributed, which is cheap. */
GRAIN_API int grain_live_counters(struct grain_live *live, struct grain_engine_counts *out);

/* One interface, hook and direction, and what was counted there. */
struct grain_live_source {
    uint32_t slot;
    struct grain_source source; /* `name` is NUL-terminated; numbers are as the map has them */
    struct grain_totals totals;
};

/* A return value other than 0 ends the walk and is returned. */
typedef int (*grain_live_source_fn)(void *user, const struct grain_live_source *source);

/* Every source that is, or was, attached; in the order of their slots. */
GRAIN_API int grain_live_sources(struct grain_live *live, grain_live_source_fn fn, void *user);

/* Is `name` a name, or an alternative one, that this source's interface has in its network
 * namespace now? Where the interface or the namespace has gone: the name that it had. Not for
 * several threads at once: the namespace is entered and left. */
GRAIN_API bool grain_live_source_is(const struct grain_live_source *source, const char *name);

/* Every name in the tables, the counts of all CPUs added up, in no order. A text that does not
 * belong to its name is not handed out: `known` is then false. */
GRAIN_API int grain_live_names(struct grain_live *live, grain_name_fn fn, void *user);

/* The same for names that `wanted` says so of, by their counts alone: finding a text costs more
 * than all else. */
typedef bool (*grain_name_wanted_fn)(void *user, const struct grain_name_slot *slot);
GRAIN_API int grain_live_names_wanted(struct grain_live *live, grain_name_wanted_fn wanted,
                                      grain_name_fn fn, void *user);

/* Places taken and places there are. */
struct grain_live_fill {
    uint64_t counts_taken, counts; /* slots of all CPUs */
    uint64_t texts_taken, texts;
    uint64_t flows_taken, flows;
};

GRAIN_API int grain_live_fill(struct grain_live *live, struct grain_live_fill *out);

/* Is a source as its slot says? */
enum grain_presence {
    GRAIN_PRESENCE_ATTACHED,
    GRAIN_PRESENCE_DETACHED,     /* its slot is free; the totals are what it counted */
    GRAIN_PRESENCE_CHANGING,     /* a command is at it, or died */
    GRAIN_PRESENCE_TAKEN_OFF,    /* by somebody else */
    GRAIN_PRESENCE_NO_INTERFACE, /* the interface has gone, or its network namespace is not found */
    GRAIN_PRESENCE_UNKNOWN,      /* `error` says why */
};

struct grain_live_state {
    enum grain_presence presence;
    int error;
    bool elsewhere; /* in another network namespace than this thread */
    char name[16];  /* of the interface now; empty: not there, or not found */
    uint32_t program_id;
    uint64_t run_count; /* of the program, while BPF statistics are on (kernel.bpf_stats_enabled) */
    uint64_t run_ns;
};

/* Not for several threads at once: the namespace is entered and left, libbpf's messages are turned
 * off meanwhile. */
GRAIN_API int grain_live_state(struct grain_live *live, const struct grain_live_source *source,
                               struct grain_live_state *out);

/* Another program at the hook of a source; `id` 0: a tc filter, of which only the number is known,
 * in `count`. */
struct grain_live_other {
    uint32_t id;
    uint32_t count;
    char name[64]; /* may be empty; untrusted */
};

typedef int (*grain_live_other_fn)(void *user, const struct grain_live_other *other);
/* Programs of other sources under this root are not others. */
GRAIN_API int grain_live_others(struct grain_live *live, const struct grain_live_source *source,
                                grain_live_other_fn fn, void *user);

/* Bytes that the kernel says the maps take (memlock in fdinfo). */
GRAIN_API int grain_live_memory(struct grain_live *live, uint64_t *bytes);

/* The clocks of programs, records and people, read together. */
struct grain_clock {
    uint64_t wall_ns; /* since the epoch */
    uint64_t boot_ns; /* CLOCK_BOOTTIME */
    uint32_t ticks;   /* jiffies, low 32 bits */
    uint32_t ticks_per_second;
    bool ticks_known;
};

/* Runs a program of two instructions to read the jiffies. Where that is refused, or the
 * configuration does not say how many ticks a second has, ticks_known is false. */
GRAIN_API int grain_live_clock(struct grain_live *live, struct grain_clock *out);

/* When a tick was, since the epoch; 0 when ticks are not known. Right for the last 2^31 ticks (25
 * days at 1000 a second); time in which the machine was suspended is not in it. */
GRAIN_API uint64_t grain_clock_tick(const struct grain_clock *clock, uint32_t tick);

/* Boot time as time since the epoch. */
GRAIN_API uint64_t grain_clock_boot(const struct grain_clock *clock, uint64_t boot_ns);

#ifdef __cplusplus
}
#endif

#endif
