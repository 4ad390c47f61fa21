/* SPDX-License-Identifier: GPL-2.0-only */
/* How much memory grain takes, by one formula: tables, texts, flow state and perf rings. */
#ifndef GRAIN_MEMORY_H
#define GRAIN_MEMORY_H

#include <stdint.h>

#include <grain/pinned.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pages of one CPU's perf ring that the formula counts with. */
#define GRAIN_RING_PAGES 256

/* Bytes, by what they are for. */
struct grain_memory {
    uint64_t counts; /* per CPU */
    uint64_t texts;
    uint64_t flows;
    uint64_t cpus;  /* scratch, counters and totals, per CPU */
    uint64_t rings; /* per CPU, while somebody reads events */
    uint64_t total;
};

/* The default sizes; for `names` names, a power of two, when it is not 0. */
GRAIN_API void grain_memory_default(uint32_t names, struct grain_table_sizes *out);

/* What tables of these sizes take on `cpus` possible CPUs. */
GRAIN_API void grain_memory_count(const struct grain_table_sizes *sizes, uint32_t cpus,
                                  struct grain_memory *out);

/*
 * The largest tables that stay within `limit` bytes, not larger than the largest that exist;
 * counts, texts and flows shrink and grow together. -ENOSPC: not even the smallest fit; *least is
 * what they take.
 */
GRAIN_API int grain_memory_fit(uint64_t limit, uint32_t cpus, struct grain_table_sizes *out,
                               uint64_t *least);

#ifdef __cplusplus
}
#endif

#endif
