// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <grain/flow.h>

#include "maps_read.h"

/* Bytes of values that are read at once. */
#define BATCH_BYTES (512 * 1024)

/* Sum 64-bit words over CPUs; all values that are summed consist of such words. */
static void add_words(void *to, const void *from, size_t bytes)
{
    uint64_t *sum = to;
    const uint64_t *words = from;

    for (size_t i = 0; i < bytes / sizeof(*sum); i++)
        sum[i] += words[i];
}

int grain_maps_totals(const struct grain_map_set *maps, uint32_t slot, struct grain_totals *out)
{
    size_t size = sizeof(struct grain_totals);
    uint8_t *values = calloc(maps->cpus, size);
    int error = 0;

    if (!values)
        return -ENOMEM;
    if (bpf_map_lookup_elem(maps->totals, &slot, values))
        error = -errno;
    for (int cpu = 0; !error && cpu < maps->cpus; cpu++)
        add_words(out, values + cpu * size, size);
    free(values);
    return error;
}

int grain_maps_cpus(const struct grain_map_set *maps, struct grain_engine_counts *out)
{
    struct grain_cpu *values = calloc(maps->cpus, sizeof(*values));
    uint32_t zero = 0;
    int error = 0;

    if (!values)
        return -ENOMEM;
    if (bpf_map_lookup_elem(maps->cpu, &zero, values))
        error = -errno;
    for (int cpu = 0; !error && cpu < maps->cpus; cpu++) {
        add_words(out->counters, values[cpu].counters, sizeof(out->counters));
        add_words(out->names, values[cpu].names, sizeof(out->names));
        add_words(out->unattributed, values[cpu].unattributed, sizeof(out->unattributed));
    }
    free(values);
    return error;
}

/* All values of an array, some at a time. */
struct walk {
    int map;
    uint32_t entries;
    size_t size; /* of what one key gives: the values of all CPUs */
    int (*fn)(void *user, const void *values, size_t count);
    void *user;
};

/* Kernels before 5.13 read per-CPU arrays one by one only. */
static int walk_one_by_one(const struct walk *walk, void *value)
{
    for (uint32_t i = 0; i < walk->entries; i++) {
        int error;

        if (bpf_map_lookup_elem(walk->map, &i, value))
            return -errno;
        error = walk->fn(walk->user, value, 1);
        if (error)
            return error;
    }
    return 0;
}

/* 1: this kernel does not read that map by batch. */
static int walk_by_batch(const struct walk *walk, uint32_t batch, uint32_t *keys, void *values)
{
    uint32_t position = 0, *in = NULL;
    int error = 0, end = 0;
    LIBBPF_OPTS(bpf_map_batch_opts, options);

    while (!error && !end) {
        uint32_t count = batch;

        if (bpf_map_lookup_batch(walk->map, in, &position, keys, values, &count, &options)) {
            end = errno == ENOENT;
            if (!end)
                return in ? -errno : 1;
        }
        in = &position;
        error = walk->fn(walk->user, values, count);
    }
    return error;
}

static int walk_array(const struct walk *walk)
{
    uint32_t batch = BATCH_BYTES / walk->size ? BATCH_BYTES / walk->size : 1;
    uint32_t *keys = calloc(batch, sizeof(*keys));
    void *values = calloc(batch, walk->size);
    int error = -ENOMEM;

    if (keys && values) {
        error = walk_by_batch(walk, batch, keys, values);
        if (error > 0)
            error = walk_one_by_one(walk, values);
    }
    free(keys);
    free(values);
    return error;
}

static int add_tags(void *user, const void *values, size_t count)
{
    const struct grain_flow_tags *tags = values;
    uint64_t *pending = user;

    for (size_t i = 0; i < count; i++)
        for (int way = 0; way < GRAIN_FLOW_WAYS; way++)
            *pending += tags[i].tags[way] != 0;
    return 0;
}

int grain_maps_flows(const struct grain_map_set *maps, uint64_t *pending)
{
    const struct walk walk = {
        .map = maps->flow_tags,
        .entries = maps->flow_buckets,
        .size = sizeof(struct grain_flow_tags),
        .fn = add_tags,
        .user = pending,
    };

    return walk_array(&walk);
}

struct bucket_reader {
    struct grain_slot_list *out;
    size_t cpus;
};

static int add_buckets(void *user, const void *values, size_t count)
{
    const struct bucket_reader *reader = user;
    const struct grain_name_bucket *buckets = values;

    for (size_t i = 0; i < count * reader->cpus; i++) {
        for (int s = 0; s < GRAIN_BUCKET_SLOTS; s++) {
            const struct grain_name_slot *slot = &buckets[i].slots[s];
            int error = slot->hash ? grain_slot_list_add(reader->out, slot) : 0;

            if (error)
                return error;
        }
    }
    return 0;
}

int grain_maps_slots(const struct grain_map_set *maps, struct grain_slot_list *out)
{
    struct bucket_reader reader = {out, maps->cpus};
    const struct walk walk = {
        .map = maps->counts,
        .entries = maps->buckets,
        .size = sizeof(struct grain_name_bucket) * maps->cpus,
        .fn = add_buckets,
        .user = &reader,
    };

    return walk_array(&walk);
}

static int count_texts(void *user, const void *values, size_t count)
{
    const struct grain_text_bucket *texts = values;
    uint64_t *taken = user;

    for (size_t i = 0; i < count; i++)
        for (int way = 0; way < GRAIN_TEXT_WAYS; way++)
            *taken += texts[i].hash[way] != 0;
    return 0;
}

int grain_maps_texts(const struct grain_map_set *maps, uint64_t *taken)
{
    const struct walk walk = {
        .map = maps->texts,
        .entries = maps->text_buckets,
        .size = sizeof(struct grain_text_bucket),
        .fn = count_texts,
        .user = taken,
    };

    return walk_array(&walk);
}

int grain_maps_text(const struct grain_map_set *maps, uint32_t index, struct grain_text_bucket *out)
{
    return bpf_map_lookup_elem(maps->texts, &index, out) ? -errno : 0;
}
