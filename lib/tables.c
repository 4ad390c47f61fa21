// SPDX-License-Identifier: GPL-2.0-only
/* From the tables to names: the counts of all CPUs added up, each with its text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse/name.h"
#include "tables_private.h"

int grain_slot_list_add(struct grain_slot_list *list, const struct grain_name_slot *slot)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 1024;
        struct grain_name_slot *slots = reallocarray(list->slots, room, sizeof(*slots));

        if (!slots)
            return -ENOMEM;
        list->slots = slots;
        list->room = room;
    }
    list->slots[list->count++] = *slot;
    return 0;
}

static int by_hash(const void *a, const void *b)
{
    const struct grain_name_slot *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Add `from` to `to`: the same name on another CPU. Ticks are 32 bits wide and wrap. */
static void merge(struct grain_name_slot *to, const struct grain_name_slot *from)
{
    to->count += from->count;
    if ((int32_t)(from->first_seen - to->first_seen) < 0)
        to->first_seen = from->first_seen;
    if ((int32_t)(from->last_seen - to->last_seen) > 0)
        to->last_seen = from->last_seen;
}

/* Does the text hash to this? A torn or foreign text does not. */
static bool text_agrees(const struct grain_text_slot *text, uint64_t hash,
                        const struct grain_hash_key *key)
{
    uint8_t padded[GRAIN_NAME_BYTES_BEFORE + sizeof(text->text)] = {0};
    struct grain_window w = {
        .base = padded, .end = padded + sizeof(padded), .kind = GRAIN_WINDOW_BUFFER};
    uint8_t folded[256];

    if (text->length == 0)
        return false;
    memcpy(padded + GRAIN_NAME_BYTES_BEFORE, text->text, text->length);
    w.length = GRAIN_NAME_BYTES_BEFORE + text->length;
    return grain_name_hash(&w, GRAIN_NAME_BYTES_BEFORE, text->length,
                           grain_name_shape(text->length, text->kind, text->type), key,
                           folded) == hash;
}

/* The text stored under a hash in one of its buckets. -ENOENT: none. */
static int find_in(const struct grain_tables *tables, uint32_t index, uint64_t hash,
                   struct grain_text_slot *out)
{
    struct grain_text_bucket bucket;
    int error = tables->texts(tables->user, index & tables->text_mask, &bucket);

    if (error)
        return error;
    for (int way = 0; way < GRAIN_TEXT_WAYS; way++) {
        if (bucket.hash[way] == hash) {
            *out = bucket.slots[way];
            return 0;
        }
    }
    return -ENOENT;
}

/* Two CPUs may have put the same text into both: either will do. */
static int find_text(const struct grain_tables *tables, uint64_t hash, struct grain_text_slot *out)
{
    int error = find_in(tables, grain_text_bucket_of(hash), hash, out);

    return error == -ENOENT ? find_in(tables, grain_text_second_of(hash), hash, out) : error;
}

static bool same_shape(const struct grain_text_slot *text, const struct grain_name_slot *slot)
{
    return text->kind == slot->kind && text->type == slot->type && text->length == slot->length;
}

typedef int (*slot_fn)(const struct grain_tables *tables, const struct grain_name_slot *slot,
                       void *user);

/* Every name once, the slots of all CPUs merged. */
static int for_each_name(const struct grain_tables *tables, slot_fn fn, void *user)
{
    struct grain_slot_list list = {0};
    int error = tables->slots(tables->user, &list);

    if (!error && list.count)
        qsort(list.slots, list.count, sizeof(*list.slots), by_hash);
    for (size_t i = 0; !error && i < list.count;) {
        struct grain_name_slot sum = list.slots[i++];

        while (i < list.count && list.slots[i].hash == sum.hash)
            merge(&sum, &list.slots[i++]);
        error = fn(tables, &sum, user);
    }
    free(list.slots);
    return error;
}

struct report_to {
    bool (*wanted)(void *user, const struct grain_name_slot *slot);
    grain_name_fn fn;
    void *user;
};

static int report_slot(const struct grain_tables *tables, const struct grain_name_slot *slot,
                       void *user)
{
    const struct report_to *to = user;
    struct grain_name_entry entry = {.slot = *slot};
    struct grain_text_slot text;
    int error;

    if (to->wanted && !to->wanted(to->user, slot))
        return 0;
    error = find_text(tables, slot->hash, &text);
    if (error && error != -ENOENT)
        return error;
    if (!error && same_shape(&text, slot) && text_agrees(&text, slot->hash, tables->key)) {
        entry.known = true;
        memcpy(entry.text, text.text, text.length);
    }
    return to->fn(to->user, &entry);
}

int grain_tables_names(const struct grain_tables *tables,
                       bool (*wanted)(void *user, const struct grain_name_slot *slot),
                       grain_name_fn fn, void *user)
{
    struct report_to to = {wanted, fn, user};

    return for_each_name(tables, report_slot, &to);
}

static int count_slot(const struct grain_tables *tables, const struct grain_name_slot *slot,
                      void *user)
{
    struct grain_engine_counts *counts = user;
    struct grain_text_slot text;
    int error = find_text(tables, slot->hash, &text);

    counts->table[slot->kind % GRAIN_NAME_KIND_MAX] += slot->count;
    if (error)
        return error == -ENOENT ? 0 : error;
    if (!text_agrees(&text, slot->hash, tables->key))
        counts->texts_disagreed++;
    else if (!same_shape(&text, slot))
        counts->hash_collisions++;
    return 0;
}

int grain_tables_count(const struct grain_tables *tables, struct grain_engine_counts *counts)
{
    return for_each_name(tables, count_slot, counts);
}
