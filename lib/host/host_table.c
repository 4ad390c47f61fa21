// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "host_table.h"

#define READ_TRIES 100

int grain_host_table_size(struct bpf_map *map, uint32_t entries, int cpus)
{
    uint64_t all = (uint64_t)entries * (uint64_t)cpus;

    if (all > UINT32_MAX)
        return -E2BIG;
    return bpf_map__set_max_entries(map, (uint32_t)all);
}

int grain_host_table_secret(uint64_t *words, size_t count)
{
    size_t bytes = count * sizeof(*words);

    return getrandom(words, bytes, 0) == (ssize_t)bytes ? 0 : -EIO;
}

int grain_host_table_map(struct host_table *out, const struct bpf_map *map, size_t slot,
                         size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = (slot * count + page - 1) / page * page;
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);

    if (at == MAP_FAILED)
        return -errno;
    *out = (struct host_table){.at = at, .bytes = bytes, .slot = slot, .count = count};
    return 0;
}

void grain_host_table_unmap(struct host_table *table)
{
    if (table->at)
        munmap((void *)table->at, table->bytes);
    table->at = NULL;
}

bool grain_host_table_read(const struct host_table *table, size_t i, void *out)
{
    const uint64_t *slot = (const void *)(table->at + i * table->slot);
    const size_t last = table->slot / sizeof(*slot) - 1;
    uint64_t *words = out;

    for (int turn = 0; turn < READ_TRIES; turn++) {
        words[0] = __atomic_load_n(&slot[0], __ATOMIC_ACQUIRE);
        for (size_t at = 1; at < last; at++)
            words[at] = __atomic_load_n(&slot[at], __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        words[last] = __atomic_load_n(&slot[last], __ATOMIC_RELAXED);
        if (!words[last])
            return false;
        if (words[0] == words[last])
            return true;
    }
    return false;
}
