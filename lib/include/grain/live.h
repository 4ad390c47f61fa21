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

/* Every name in the tables, the counts of all CPUs added up, in no order. A text that does not
 * belong to its name is not handed out: `known` is then false. */
GRAIN_API int grain_live_names(struct grain_live *live, grain_name_fn fn, void *user);

/* Places taken and places there are. */
struct grain_live_fill {
    uint64_t counts_taken, counts; /* slots of all CPUs */
    uint64_t texts_taken, texts;
    uint64_t flows_taken, flows;
};

GRAIN_API int grain_live_fill(struct grain_live *live, struct grain_live_fill *out);

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
