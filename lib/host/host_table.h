/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables that probes write and that are read where they lie (probes/net.h). */
#ifndef GRAIN_LIB_HOST_TABLE_H
#define GRAIN_LIB_HOST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

struct host_table {
    const uint8_t *at; /* NULL: not mapped */
    size_t bytes;
    size_t slot; /* its size */
    size_t count;
};

/* 0 or -errno. `map` is loaded, mmapable, and has `count` slots of `slot` bytes. */
int grain_host_table_map(struct host_table *out, const struct bpf_map *map, size_t slot,
                         size_t count);
void grain_host_table_unmap(struct host_table *table);

/* Slot `i` as it was at one moment, its first word `done` and its last `begun`; false: free, or
 * given to others again and again while it was read. */
bool grain_host_table_read(const struct host_table *table, size_t i, void *out);

/* A map whose size depends on the machine; before it is loaded. */
int grain_host_table_size(struct bpf_map *map, uint32_t entries, int cpus);

/* Random words for the hash of a table. */
int grain_host_table_secret(uint64_t *words, size_t count);

#endif
