// SPDX-License-Identifier: GPL-2.0-only
#include "held.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* The smallest and the largest double are some 37,000 bins of 2 % away from 1. */
#define WIDTH  1.02
#define MIDDLE 40000

/* ---- bins ---- */

static int32_t place_of(double value)
{
    int32_t place;

    if (value == 0)
        return 0;
    place = MIDDLE + (int32_t)ceil(log(fabs(value)) / log(WIDTH));
    return value < 0 ? -place : place;
}

/* The first bin at this place or after it. */
static uint32_t find(const struct grain_bins *bins, int32_t place)
{
    uint32_t low = 0, high = bins->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (bins->list[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t nearest(const struct grain_bins *bins, uint32_t at, int32_t place)
{
    if (at == bins->count)
        return at - 1;
    if (!at)
        return at;
    return place - bins->list[at - 1].place < bins->list[at].place - place ? at - 1 : at;
}

static int begin(struct grain_bins *bins, uint32_t at, const struct grain_bin *bin)
{
    if (bins->count == bins->room) {
        uint32_t room = bins->room ? 2 * bins->room : 8;
        struct grain_bin *list = reallocarray(bins->list, room, sizeof(*list));

        if (!list)
            return -ENOMEM;
        bins->list = list;
        bins->room = room;
    }
    memmove(&bins->list[at + 1], &bins->list[at], (bins->count - at) * sizeof(*bins->list));
    bins->list[at] = *bin;
    bins->count++;
    return 1;
}

int grain_bins_add(struct grain_bins *bins, double value, uint64_t count, bool grow)
{
    const struct grain_bin made = {.place = place_of(value),
                                   .same = true,
                                   .count = count,
                                   .value = value,
                                   .sum = value * (double)count};
    uint32_t at = find(bins, made.place);
    struct grain_bin *bin;

    if (at == bins->count || bins->list[at].place != made.place) {
        if (!bins->count || (grow && bins->count < GRAIN_BINS_MAX))
            return begin(bins, at, &made);
        at = nearest(bins, at, made.place);
    }
    bin = &bins->list[at];
    bin->same = bin->same && bin->value == value;
    bin->count += count;
    bin->sum += made.sum;
    return 0;
}

double grain_bin_value(const struct grain_bin *bin)
{
    return bin->same ? bin->value : bin->sum / (double)bin->count;
}

uint64_t grain_bins_total(const struct grain_bins *bins, double *sum)
{
    uint64_t count = 0;

    *sum = 0;
    for (uint32_t i = 0; i < bins->count; i++) {
        count += bins->list[i].count;
        *sum += bins->list[i].sum;
    }
    return count;
}

double grain_bins_percentile(const struct grain_bins *bins, double percent)
{
    double sum;
    double rank = ceil(percent * (double)grain_bins_total(bins, &sum) / 100);
    uint64_t seen = 0;
    uint32_t i = 0;

    for (; i < bins->count - 1; i++) {
        seen += bins->list[i].count;
        if ((double)seen >= rank)
            break;
    }
    return grain_bin_value(&bins->list[i]);
}

void grain_bins_free(struct grain_bins *bins)
{
    free(bins->list);
    *bins = (struct grain_bins){0};
}

/* ---- members ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

int grain_members_add(struct grain_members *members, const char *text, bool grow)
{
    char *copy;

    if (tfind(text, &members->tree, by_text))
        return 0;
    if (!grow)
        return -ENOSPC;
    copy = strdup(text);
    if (!copy || !tsearch(copy, &members->tree, by_text)) {
        free(copy);
        return -ENOMEM;
    }
    members->count++;
    return 1;
}

struct walk {
    int (*fn)(void *user, const char *text);
    void *user;
    int result;
};

static void on_member(const void *place, VISIT visit, void *user)
{
    struct walk *walk = user;

    if ((visit == postorder || visit == leaf) && !walk->result)
        walk->result = walk->fn(walk->user, *(const char *const *)place);
}

int grain_members_each(const struct grain_members *members, int (*fn)(void *user, const char *text),
                       void *user)
{
    struct walk walk = {.fn = fn, .user = user};

    twalk_r(members->tree, on_member, &walk);
    return walk.result;
}

void grain_members_free(struct grain_members *members)
{
    tdestroy(members->tree, free);
    *members = (struct grain_members){0};
}
