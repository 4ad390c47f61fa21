// SPDX-License-Identifier: GPL-2.0-only
/* The hashes are keyed ones, so nobody can aim at a place: linear probing does. */
#include "told.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_LEAST 1024

/* Four of five places are taken: a search is short, and little memory lies idle. */
static size_t size_for(size_t names)
{
    return names + names / 4 + 1;
}

/* While a reading goes on, names that have left the kernel's tables are still here beside those
 * that took their places: what is one in six more does not make the table grow. */
static size_t names_most(size_t size)
{
    return size - size / 16 - 1;
}

size_t grain_told_bytes(size_t names)
{
    return size_for(names) * sizeof(struct grain_told);
}

/* Any size will do, also one that is no power of two. The multiplication brings every bit of the
 * hash to the upper half, which then is a fraction of the size. */
static size_t home_of(size_t size, uint64_t hash)
{
    return (size_t)(((hash * 0x9e3779b97f4a7c15ULL) >> 32) * size >> 32);
}

static size_t after(size_t size, size_t at)
{
    return at + 1 == size ? 0 : at + 1;
}

static struct grain_told *probe(struct grain_told *slots, size_t size, uint64_t hash)
{
    size_t at = home_of(size, hash);

    while (slots[at].hash && slots[at].hash != hash)
        at = after(size, at);
    return &slots[at];
}

/* The same names in a table of another size, whose pages are all there from the beginning: the
 * first names would soon touch each of them anyway. */
static bool move(struct grain_told_table *table, size_t size)
{
    struct grain_told *slots = size < UINT32_MAX ? reallocarray(NULL, size, sizeof(*slots)) : NULL;

    if (!slots)
        return false;
    explicit_bzero(slots, size * sizeof(*slots));
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].hash)
            *probe(slots, size, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->size = size;
    return true;
}

bool grain_told_reserve(struct grain_told_table *table, size_t names)
{
    if (table->reserved >= names)
        return true;
    if (table->size < size_for(names) && !move(table, size_for(names)))
        return false;
    table->reserved = names;
    return true;
}

/* Room for one more. */
static bool grow(struct grain_told_table *table)
{
    size_t names = table->count + 1;

    if (table->size && names <= names_most(table->size))
        return true;
    names += names / 2;
    return move(table, size_for(names > NAMES_LEAST ? names : NAMES_LEAST));
}

/* What a flood of names took goes back after it. */
static void shrink(struct grain_told_table *table)
{
    bool fits = table->count <= table->reserved;
    size_t names = fits ? table->reserved : table->count + table->count / 2;
    size_t size = size_for(names > NAMES_LEAST ? names : NAMES_LEAST);

    if (table->size > (fits ? size : 2 * size))
        (void)move(table, size);
}

struct grain_told *grain_told_place(struct grain_told_table *table, uint64_t hash)
{
    struct grain_told *place;

    if (table->size) {
        place = probe(table->slots, table->size, hash);
        if (place->hash)
            return place;
    }
    if (!grow(table))
        return NULL;
    place = probe(table->slots, table->size, hash);
    place->hash = hash;
    table->count++;
    return place;
}

/* A hole would break the chains that lead over it: what follows moves up where it may. */
static void take_out(struct grain_told_table *table, size_t hole)
{
    size_t size = table->size;

    for (size_t at = after(size, hole); table->slots[at].hash; at = after(size, at)) {
        size_t home = home_of(size, table->slots[at].hash);

        /* Is its home at the hole or before it? Both ways are counted back from `at`. */
        if ((at + size - home) % size < (at + size - hole) % size)
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct grain_told){0};
    table->count--;
}

/* What moves up moves within its chain, from behind: begun behind an empty place, backwards, each
 * one is met once. */
void grain_told_sweep(struct grain_told_table *table,
                      bool (*keep)(void *user, struct grain_told *one), void *user)
{
    size_t end = 0;

    if (!table->count)
        return;
    while (table->slots[end].hash)
        end++;
    for (size_t i = 1; i < table->size; i++) {
        size_t at = (end + table->size - i) % table->size;

        if (table->slots[at].hash && !keep(user, &table->slots[at]))
            take_out(table, at);
    }
    shrink(table);
}

void grain_told_free(struct grain_told_table *table)
{
    free(table->slots);
    *table = (struct grain_told_table){0};
}
