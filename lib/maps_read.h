/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading grain's maps: the private ones of an engine and the pinned ones of what is attached. What
 * they hold is summed over CPUs, and nothing in it is believed.
 */
#ifndef GRAIN_LIB_MAPS_READ_H
#define GRAIN_LIB_MAPS_READ_H

#include "engine_private.h"

/* File descriptors that belong to somebody else, and the sizes that were checked. */
struct grain_map_set {
    int totals, cpu, counts, texts, flow_tags;
    int cpus; /* possible: per-CPU values come one for each */
    uint32_t buckets, text_buckets, flow_buckets;
};

/* All functions add to `out` and return 0 or -errno. */
int grain_maps_totals(const struct grain_map_set *maps, uint32_t slot, struct grain_totals *out);
/* Counters, names and unattributed. */
int grain_maps_cpus(const struct grain_map_set *maps, struct grain_engine_counts *out);
int grain_maps_flows(const struct grain_map_set *maps, uint64_t *pending);
/* Every count slot that is not empty, of every CPU. */
int grain_maps_slots(const struct grain_map_set *maps, struct grain_slot_list *out);
/* How many places of the texts are taken. */
int grain_maps_texts(const struct grain_map_set *maps, uint64_t *taken);
int grain_maps_text(const struct grain_map_set *maps, uint32_t index,
                    struct grain_text_bucket *out);

#endif
