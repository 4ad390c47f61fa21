// SPDX-License-Identifier: GPL-2.0-only
/* From the tables to names: the counts of all CPUs added up, each with its text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "parse/name.h"

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

/* The text stored under a hash. -ENOENT: none. */
static int find_text(struct grain_engine *engine, uint64_t hash, struct grain_text_slot *out)
{
    uint32_t index = grain_text_bucket_of(hash) & engine->load.text_mask;
    struct grain_text_bucket bucket;
    int error = engine->ops->texts(engine, index, &bucket);

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

static int report(struct grain_engine *engine, const struct grain_name_slot *slot, grain_name_fn fn,
                  void *user)
{
    struct grain_name_entry entry = {.slot = *slot};
    struct grain_text_slot text;
    int error = find_text(engine, slot->hash, &text);

    if (error && error != -ENOENT)
        return error;
    if (!error && text.kind == slot->kind && text.type == slot->type &&
        text.length == slot->length && text_agrees(&text, slot->hash, &engine->config.key)) {
        entry.known = true;
        memcpy(entry.text, text.text, text.length);
    }
    return fn(user, &entry);
}

/* Every name once, the slots of all CPUs merged. */
static int for_each_name(struct grain_engine *engine,
                         int (*fn)(struct grain_engine *, const struct grain_name_slot *, void *),
                         void *user)
{
    struct grain_slot_list list = {0};
    int error = engine->ops->slots(engine, &list);

    if (!error && list.count)
        qsort(list.slots, list.count, sizeof(*list.slots), by_hash);
    for (size_t i = 0; !error && i < list.count;) {
        struct grain_name_slot sum = list.slots[i++];

        while (i < list.count && list.slots[i].hash == sum.hash)
            merge(&sum, &list.slots[i++]);
        error = fn(engine, &sum, user);
    }
    free(list.slots);
    return error;
}

struct report_to {
    grain_name_fn fn;
    void *user;
};

static int report_slot(struct grain_engine *engine, const struct grain_name_slot *slot, void *user)
{
    const struct report_to *to = user;

    return report(engine, slot, to->fn, to->user);
}

int grain_engine_names(struct grain_engine *engine, grain_name_fn fn, void *user)
{
    struct report_to to = {fn, user};

    return for_each_name(engine, report_slot, &to);
}

static int count_slot(struct grain_engine *engine, const struct grain_name_slot *slot, void *user)
{
    struct grain_engine_counts *counts = user;
    struct grain_text_slot text;
    int error = find_text(engine, slot->hash, &text);

    counts->table[slot->kind % GRAIN_NAME_KIND_MAX] += slot->count;
    if (error)
        return error == -ENOENT ? 0 : error;
    counts->texts_disagreed += !text_agrees(&text, slot->hash, &engine->config.key);
    return 0;
}

int grain_tables_count(struct grain_engine *engine, struct grain_engine_counts *counts)
{
    return for_each_name(engine, count_slot, counts);
}
