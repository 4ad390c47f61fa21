// SPDX-License-Identifier: GPL-2.0-only
/* The hashes are keyed ones, so nobody can aim at a place: linear probing does. */
#include "told.h"

#include <stdlib.h>

#define SIZE_LEAST 1024

static struct grain_told *probe(struct grain_told *slots, size_t size, uint64_t hash)
{
    size_t at = hash & (size - 1);

    while (slots[at].hash && slots[at].hash != hash)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

/* The same places in a table of another size. */
static bool move(struct grain_told_table *table, size_t size)
{
    struct grain_told *slots = calloc(size, sizeof(*slots));

    if (!slots)
        return false;
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].hash)
            *probe(slots, size, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->size = size;
    return true;
}

struct grain_told *grain_told_place(struct grain_told_table *table, uint64_t hash)
{
    struct grain_told *place;

    if (2 * (table->count + 1) > table->size &&
        !move(table, table->size ? 2 * table->size : SIZE_LEAST))
        return NULL;
    place = probe(table->slots, table->size, hash);
    if (!place->hash) {
        place->hash = hash;
        table->count++;
    }
    return place;
}

/* Into a new table, because a hole would break the chains that lead over it; without memory all
 * stay. */
void grain_told_sweep(struct grain_told_table *table,
                      bool (*keep)(void *user, struct grain_told *one), void *user)
{
    struct grain_told_table kept = {0};

    for (size_t i = 0; i < table->size; i++) {
        struct grain_told *place;

        if (!table->slots[i].hash || !keep(user, &table->slots[i]))
            continue;
        place = grain_told_place(&kept, table->slots[i].hash);
        if (!place) {
            grain_told_free(&kept);
            return;
        }
        *place = table->slots[i];
    }
    grain_told_free(table);
    *table = kept;
}

void grain_told_free(struct grain_told_table *table)
{
    free(table->slots);
    *table = (struct grain_told_table){0};
}
