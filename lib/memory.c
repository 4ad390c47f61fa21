// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/limits.h>
#include <grain/memory.h>

#include "error_private.h"

#define NAMES_LEAST 64
#define NAMES_MOST  (1U << 20)
#define FLOWS_LEAST 8

void grain_memory_default(uint32_t names, struct grain_table_sizes *out)
{
    uint32_t flows;

    if (!names)
        names = GRAIN_NAMES_DEFAULT;
    flows = names / (GRAIN_NAMES_DEFAULT / GRAIN_FLOW_BUCKETS_DEFAULT);
    out->buckets = names * 16 / GRAIN_BUCKET_SLOTS;
    out->texts = names * 16 / GRAIN_TEXT_WAYS;
    out->flow_buckets = flows < FLOWS_LEAST ? FLOWS_LEAST : flows;
}

void grain_memory_count(const struct grain_table_sizes *sizes, uint32_t cpus,
                        struct grain_memory *out)
{
    uint64_t page = sysconf(_SC_PAGESIZE);

    memset(out, 0, sizeof(*out));
    out->counts = (uint64_t)sizes->buckets * sizeof(struct grain_name_bucket) * cpus;
    out->texts = (uint64_t)sizes->texts * sizeof(struct grain_text_bucket);
    out->flows = (uint64_t)sizes->flow_buckets *
                 (sizeof(struct grain_flow_tags) + GRAIN_FLOW_WAYS * sizeof(struct grain_flow));
    out->cpus =
        (sizeof(struct grain_cpu) + (uint64_t)GRAIN_SOURCE_SLOTS * sizeof(struct grain_totals)) *
        cpus;
    out->rings = (GRAIN_RING_PAGES + 1) * page * cpus;
    out->total = out->counts + out->texts + out->flows + out->cpus + out->rings;
}

int grain_memory_fit(uint64_t limit, uint32_t cpus, struct grain_table_sizes *out, uint64_t *least)
{
    struct grain_memory memory;

    for (uint32_t names = NAMES_MOST; names >= NAMES_LEAST; names /= 2) {
        grain_memory_default(names, out);
        grain_memory_count(out, cpus, &memory);
        if (memory.total <= limit)
            return 0;
    }
    *least = memory.total;
    return grain_fail(-ENOSPC, "%llu bytes are too few: the smallest tables take %llu",
                      (unsigned long long)limit, (unsigned long long)memory.total);
}
