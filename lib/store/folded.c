// SPDX-License-Identifier: GPL-2.0-only
#include "folded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROOM_FIRST 1024
/* What is not given back after a flood. */
#define ROOM_KEPT  8192
#define BYTES_KEPT ((size_t)1 << 20)
#define MINUTE_NS  60000000000ULL
/* Gaps of one kind that are no further apart become one. */
#define GAP_JOIN_NS MINUTE_NS

static const uint64_t mix_words[2] = {0x9e3779b97f4a7c15ULL, 0xd1b54a32d192ed03ULL};

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Seeded with a secret, so that nobody can aim at one slot. */
static uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t hash = seed ^ length, word;

    for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = mix(hash ^ mix_words[0], word ^ seed);
    }
    word = 0;
    if (length)
        memcpy(&word, at, length);
    return mix(hash ^ mix_words[1], word ^ seed ^ mix_words[0]);
}

static int index_new(struct grain_folded_index *index, size_t entries)
{
    size_t size = 2 * ROOM_FIRST;

    while (size < 2 * entries)
        size *= 2;
    index->slots = calloc(size, sizeof(*index->slots));
    index->mask = size - 1;
    return index->slots ? 0 : -ENOMEM;
}

int grain_folded_new(struct grain_folded **out, size_t max_rows, size_t max_bytes)
{
    struct grain_folded *batch = calloc(1, sizeof(*batch));

    if (!batch)
        return -ENOMEM;
    batch->max_rows = max_rows;
    batch->max_bytes = max_bytes;
    if (getrandom(&batch->seed, sizeof(batch->seed), 0) != sizeof(batch->seed) ||
        index_new(&batch->row_index, ROOM_FIRST) || index_new(&batch->item_index, ROOM_FIRST)) {
        grain_folded_free(batch);
        return -ENOMEM;
    }
    batch->item_count = 1;
    *out = batch;
    return 0;
}

void grain_folded_free(struct grain_folded *batch)
{
    if (!batch)
        return;
    free(batch->bytes);
    free(batch->items);
    free(batch->item_index.slots);
    free(batch->rows);
    free(batch->row_index.slots);
    free(batch);
}

/* Half of it, if less than an eighth was needed. */
static void shrink(void **array, size_t *room, size_t count, size_t size)
{
    void *smaller;

    if (*room <= ROOM_KEPT || count >= *room / 8)
        return;
    smaller = realloc(*array, *room / 2 * size);
    if (!smaller)
        return;
    *array = smaller;
    *room /= 2;
}

static void index_clear(struct grain_folded_index *index, size_t count)
{
    struct grain_folded_index smaller;

    if (index->mask >= 2 * ROOM_KEPT && count < index->mask / 16 &&
        !index_new(&smaller, (index->mask + 1) / 4)) {
        free(index->slots);
        *index = smaller;
        return;
    }
    memset(index->slots, 0, (index->mask + 1) * sizeof(*index->slots));
}

void grain_folded_clear(struct grain_folded *batch)
{
    index_clear(&batch->item_index, batch->item_count);
    index_clear(&batch->row_index, batch->row_count);
    shrink((void **)&batch->rows, &batch->row_room, batch->row_count, sizeof(*batch->rows));
    shrink((void **)&batch->items, &batch->item_room, batch->item_count, sizeof(*batch->items));
    if (batch->byte_room > BYTES_KEPT)
        shrink((void **)&batch->bytes, &batch->byte_room, batch->byte_count, 1);
    batch->byte_count = 0;
    batch->item_count = 1;
    batch->row_count = 0;
    batch->gap_count = 0;
    batch->appended = batch->first_ns = batch->last_ns = 0;
}

/* Room for one more of `size` bytes. */
static int grow(void **array, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room ? 2 * *room : ROOM_FIRST;
    void *larger;

    if (count < *room)
        return 0;
    larger = realloc(*array, wanted * size);
    if (!larger)
        return -ENOMEM;
    *array = larger;
    *room = wanted;
    return 0;
}

static int grow_bytes(struct grain_folded *batch, size_t length)
{
    size_t room = batch->byte_room ? batch->byte_room : (size_t)64 << 10;
    uint8_t *larger;

    if (length > batch->max_bytes - batch->byte_count)
        return -ENOBUFS;
    while (room < batch->byte_count + length)
        room *= 2;
    if (room == batch->byte_room)
        return 0;
    larger = realloc(batch->bytes, room);
    if (!larger)
        return -ENOMEM;
    batch->bytes = larger;
    batch->byte_room = room;
    return 0;
}

/* A free slot for what is not in it. */
static void index_put(struct grain_folded_index *index, uint64_t hash, uint32_t place)
{
    size_t at = hash & index->mask;

    while (index->slots[at])
        at = (at + 1) & index->mask;
    index->slots[at] = place;
}

/* Twice the slots once half of them are taken. */
static int index_grow(struct grain_folded_index *index, size_t count, const void *hashes,
                      size_t stride, size_t first)
{
    struct grain_folded_index larger;

    if (2 * (count + 1) <= index->mask + 1)
        return 0;
    if (index_new(&larger, 2 * (count + 1)))
        return -ENOMEM;
    for (size_t i = first; i < first + count; i++) {
        uint64_t hash;

        memcpy(&hash, (const uint8_t *)hashes + i * stride, sizeof(hash));
        index_put(&larger, hash, (uint32_t)(i + 1 - first));
    }
    free(index->slots);
    *index = larger;
    return 0;
}

static uint32_t item_add(struct grain_folded *batch, uint64_t hash,
                         enum grain_store_dictionary dictionary, const void *bytes, size_t length)
{
    struct grain_folded_item *item;

    /* A row refers to some ten items at most; many rows share them. */
    if (batch->item_count > 8 * batch->max_rows || grow_bytes(batch, length) ||
        grow((void **)&batch->items, &batch->item_room, batch->item_count, sizeof(*item)) ||
        index_grow(&batch->item_index, batch->item_count - 1, batch->items, sizeof(*item), 1))
        return GRAIN_FOLDED_FULL;
    item = &batch->items[batch->item_count];
    *item = (struct grain_folded_item){hash, batch->byte_count, (uint32_t)length,
                                       (uint8_t)dictionary, 0};
    memcpy(batch->bytes + batch->byte_count, bytes, length);
    batch->byte_count += length;
    index_put(&batch->item_index, hash, (uint32_t)batch->item_count);
    return (uint32_t)batch->item_count++;
}

uint32_t grain_folded_item(struct grain_folded *batch, enum grain_store_dictionary dictionary,
                           const void *bytes, size_t length)
{
    uint64_t hash = hash_bytes(batch->seed + dictionary, bytes, length);
    const struct grain_folded_index *index = &batch->item_index;

    if (!length)
        return 0;
    for (size_t at = hash & index->mask; index->slots[at]; at = (at + 1) & index->mask) {
        uint32_t place = index->slots[at];
        const struct grain_folded_item *item = &batch->items[place];

        if (item->hash == hash && item->dictionary == dictionary && item->length == length &&
            !memcmp(batch->bytes + item->offset, bytes, length))
            return place;
    }
    return item_add(batch, hash, dictionary, bytes, length);
}

const uint8_t *grain_folded_bytes(const struct grain_folded *batch, uint32_t item)
{
    return item ? batch->bytes + batch->items[item].offset : NULL;
}

struct grain_folded_mark grain_folded_mark(unsigned int dictionary, const void *bytes,
                                           size_t length)
{
    static uint64_t secrets[2];
    struct grain_folded_mark mark;

    if (!secrets[0] && getrandom(secrets, sizeof(secrets), 0) != sizeof(secrets))
        secrets[0] = mix_words[0];
    for (size_t i = 0; i < 2; i++)
        mark.words[i] = hash_bytes(secrets[i] ^ dictionary, bytes, length);
    return mark;
}

static void note_time(struct grain_folded *batch, const struct grain_store_kind_info *info,
                      const int64_t *values)
{
    uint64_t minute = (uint64_t)values[info->minute] * MINUTE_NS;
    uint64_t first = minute + (uint64_t)values[info->count + 1] * 1000000;
    uint64_t last = minute + (uint64_t)values[info->count + 2] * 1000000;

    if (!batch->first_ns || first < batch->first_ns)
        batch->first_ns = first;
    if (last > batch->last_ns)
        batch->last_ns = last;
    batch->appended += (uint64_t)values[info->count];
}

int grain_folded_add(struct grain_folded *batch, enum grain_store_kind kind, const int64_t *values)
{
    const struct grain_store_kind_info *info = &grain_store_kinds[kind];
    size_t key_bytes = info->key_count * sizeof(*values);
    uint64_t hash = hash_bytes(batch->seed ^ (uint64_t)kind << 32, values, key_bytes);
    const struct grain_folded_index *index = &batch->row_index;
    struct grain_folded_row *row;

    for (size_t at = hash & index->mask; index->slots[at]; at = (at + 1) & index->mask) {
        row = &batch->rows[index->slots[at] - 1];
        if (row->hash != hash || row->kind != kind || memcmp(row->values, values, key_bytes))
            continue;
        note_time(batch, info, values);
        grain_store_fold(info, row->values, values);
        return 0;
    }
    if (batch->row_count >= batch->max_rows ||
        grow((void **)&batch->rows, &batch->row_room, batch->row_count, sizeof(*row)) ||
        index_grow(&batch->row_index, batch->row_count, batch->rows, sizeof(*row), 0))
        return -ENOBUFS;
    row = &batch->rows[batch->row_count++];
    row->hash = hash;
    row->kind = (uint8_t)kind;
    memcpy(row->values, values, info->column_count * sizeof(*values));
    index_put(&batch->row_index, hash, (uint32_t)batch->row_count);
    note_time(batch, info, values);
    return 1;
}

int grain_folded_gap(struct grain_folded *batch, const struct grain_folded_gap *gap)
{
    for (size_t i = batch->gap_count; i--;) {
        struct grain_folded_gap *old = &batch->gaps[i];

        if (old->gap != gap->gap || old->what != gap->what ||
            gap->from_ns > old->to_ns + GAP_JOIN_NS || old->from_ns > gap->to_ns + GAP_JOIN_NS)
            continue;
        old->from_ns = gap->from_ns < old->from_ns ? gap->from_ns : old->from_ns;
        old->to_ns = gap->to_ns > old->to_ns ? gap->to_ns : old->to_ns;
        old->count += gap->count;
        return 0;
    }
    if (batch->gap_count == GRAIN_FOLDED_GAPS_MAX)
        return -ENOBUFS;
    batch->gaps[batch->gap_count++] = *gap;
    return 0;
}
