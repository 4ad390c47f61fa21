// SPDX-License-Identifier: GPL-2.0-only
#include "series.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"

/* In the tree, the key and the series are one piece of memory. */
struct node {
    struct grain_series series;
    size_t length;
    char key[]; /* kind, name, unit, member, keys and values, each NUL-terminated */
};

struct grain_series_table {
    void *tree;
    size_t count, most;
    struct node *spare; /* the key looked for */
    size_t room;        /* of its key */
};

int grain_series_new(struct grain_series_table **out, size_t most)
{
    struct grain_series_table *table = calloc(1, sizeof(*table));

    if (!table)
        return grain_fail(-ENOMEM, "no memory");
    table->most = most;
    *out = table;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->length < y->length ? x->length : y->length);

    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int by_key(const void *a, const void *b)
{
    const struct grain_tag *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static char *put(char *to, const char *text)
{
    return stpcpy(to, text) + 1;
}

static size_t size_of(const struct grain_item *item)
{
    size_t size = 1 + strlen(item->name) + 1 + strlen(item->unit) + 1;

    for (uint32_t i = 0; i < item->tag_count; i++)
        size += strlen(item->tags[i].key) + strlen(item->tags[i].value) + 2;
    return size;
}

static bool reserve(struct grain_series_table *table, size_t length)
{
    struct node *spare;

    if (table->spare && table->room >= length)
        return true;
    spare = realloc(table->spare, sizeof(*spare) + length + 256);
    if (!spare)
        return false;
    table->spare = spare;
    table->room = length + 256;
    return true;
}

static void make_key(struct node *node, const struct grain_item *item)
{
    struct grain_tag tags[GRAIN_TAGS_MAX];
    char *at = node->key;

    memcpy(tags, item->tags, item->tag_count * sizeof(tags[0]));
    qsort(tags, item->tag_count, sizeof(tags[0]), by_key);
    *at++ = (char)('0' + item->kind);
    at = put(put(at, item->name), item->unit);
    for (uint32_t i = 0; i < item->tag_count; i++)
        at = put(put(at, tags[i].key), tags[i].value);
    node->length = (size_t)(at - node->key);
}

/* The series' own item: its strings lie in the key. */
static void own_item(struct node *node, const struct grain_item *item)
{
    const char *at = node->key + 1;
    struct grain_item *own = &node->series.item;

    *own = (struct grain_item){.kind = item->kind, .tag_count = item->tag_count};
    own->name = at;
    at += strlen(at) + 1;
    own->unit = at;
    at += strlen(at) + 1;
    for (uint32_t i = 0; i < own->tag_count; i++) {
        own->tags[i].key = at;
        at += strlen(at) + 1;
        own->tags[i].value = at;
        at += strlen(at) + 1;
    }
}

static struct node *begin(struct grain_series_table *table, const struct grain_item *item)
{
    struct node *node = malloc(sizeof(*node) + table->spare->length);

    if (!node)
        return NULL;
    node->length = table->spare->length;
    memcpy(node->key, table->spare->key, node->length);
    node->series = (struct grain_series){.least = item->number, .most = item->number};
    own_item(node, item);
    if (!tsearch(node, &table->tree, compare)) {
        free(node);
        return NULL;
    }
    table->count++;
    return node;
}

static void add(struct grain_series *series, const struct grain_item *item)
{
    double weight = item->kind == GRAIN_ITEM_HISTOGRAM ? (double)item->count : 1;

    series->count += item->count;
    series->last = item->number;
    series->sum += item->number * weight;
    series->least = item->number < series->least ? item->number : series->least;
    series->most = item->number > series->most ? item->number : series->most;
    series->updated_ns = item->time_ns;
    series->item.time_ns = item->time_ns;
}

struct grain_series *grain_series_add(struct grain_series_table *table,
                                      const struct grain_item *item, int *error)
{
    struct node *const *found, *node;
    int result = -ENOMEM;

    if (reserve(table, size_of(item))) {
        make_key(table->spare, item);
        found = tfind(table->spare, &table->tree, compare);
        if (!found && table->count >= table->most)
            result = -ENOSPC;
        node = found ? *found : result == -ENOSPC ? NULL : begin(table, item);
        if (node) {
            add(&node->series, item);
            return &node->series;
        }
    }
    if (error)
        *error = result;
    return NULL;
}

size_t grain_series_count(const struct grain_series_table *table)
{
    return table->count;
}

struct walk {
    struct grain_series **list;
    size_t count;
};

static void on_node(const void *place, VISIT visit, void *user)
{
    struct node *const *node = place;
    struct walk *walk = user;

    if (visit == postorder || visit == leaf)
        walk->list[walk->count++] = &(*node)->series;
}

struct grain_series **grain_series_list(struct grain_series_table *table)
{
    struct walk walk = {.list = table->count ? calloc(table->count, sizeof(*walk.list)) : NULL};

    if (walk.list)
        twalk_r(table->tree, on_node, &walk);
    return walk.list;
}

void grain_series_clear(struct grain_series_table *table, void (*release)(void *extra))
{
    while (table->tree) {
        struct node *node = *(struct node **)table->tree;

        (void)tdelete(node, &table->tree, compare);
        if (release)
            release(node->series.extra);
        free(node);
    }
    table->count = 0;
}

void grain_series_free(struct grain_series_table *table, void (*release)(void *extra))
{
    if (!table)
        return;
    grain_series_clear(table, release);
    free(table->spare);
    free(table);
}
