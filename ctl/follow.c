// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "follow.h"
#include "say.h"

#define SLOTS_FIRST 4096
/* A row lies within a minute. */
#define ROW_MS 60000

struct shown {
    uint64_t hash; /* 0: free */
    int64_t time_ms;
};

struct follow {
    struct shown *slots;
    size_t mask, count;
};

static struct shown *slots_new(size_t size)
{
    return must(calloc(size, sizeof(struct shown)));
}

struct follow *follow_new(void)
{
    struct follow *follow = must(calloc(1, sizeof(*follow)));

    follow->slots = slots_new(SLOTS_FIRST);
    follow->mask = SLOTS_FIRST - 1;
    return follow;
}

void follow_free(struct follow *follow)
{
    free(follow->slots);
    free(follow);
}

/* FNV-1a */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 0x100000001b3ULL;
    return hash;
}

static uint64_t hash_row(const struct grain_store_cell *cells, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < count; i++) {
        hash = hash_bytes(hash, &cells[i].number, sizeof(cells[i].number));
        hash = hash_bytes(hash, cells[i].text, cells[i].length);
    }
    return hash ? hash : 1;
}

static bool put(struct follow *follow, struct shown row)
{
    size_t at = row.hash & follow->mask;

    for (; follow->slots[at].hash; at = (at + 1) & follow->mask)
        if (follow->slots[at].hash == row.hash)
            return false;
    follow->slots[at] = row;
    follow->count++;
    return true;
}

/* Into `size` slots, without what ended before. */
static void rebuild(struct follow *follow, size_t size, int64_t before_ms)
{
    struct follow made = {slots_new(size), size - 1, 0};

    for (size_t i = 0; i <= follow->mask; i++)
        if (follow->slots[i].hash && follow->slots[i].time_ms + ROW_MS >= before_ms)
            (void)put(&made, follow->slots[i]);
    free(follow->slots);
    *follow = made;
}

bool follow_is_new(struct follow *follow, const struct grain_store_cell *cells, size_t count)
{
    if (2 * (follow->count + 1) > follow->mask + 1)
        rebuild(follow, 2 * (follow->mask + 1), INT64_MIN);
    return put(follow, (struct shown){hash_row(cells, count), cells[0].number});
}

void follow_forget(struct follow *follow, int64_t before_ms)
{
    rebuild(follow, follow->mask + 1, before_ms);
}
