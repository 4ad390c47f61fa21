// SPDX-License-Identifier: GPL-2.0-only
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "tally.h"

static int compare_text(const void *left, const void *right)
{
    const struct tally_entry *a = left, *b = right;

    return strcmp(a->text, b->text);
}

void tally_add(struct tally *tally, const char *text)
{
    struct tally_entry key = {.text = (char *)text};
    struct tally_entry **node = tfind(&key, &tally->root, compare_text);
    struct tally_entry *entry;

    if (node) {
        (*node)->count++;
        return;
    }
    entry = must(calloc(1, sizeof(*entry)));
    entry->text = must(strdup(text));
    entry->count = 1;
    must(tsearch(entry, &tally->root, compare_text));
    tally->count++;
}

static void collect(const void *node, VISIT visit, void *to)
{
    const struct tally_entry ***next = to;

    if (visit == postorder || visit == leaf)
        *(*next)++ = *(const struct tally_entry *const *)node;
}

static int compare_count(const void *left, const void *right)
{
    const struct tally_entry *a = *(const struct tally_entry *const *)left;
    const struct tally_entry *b = *(const struct tally_entry *const *)right;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->text, b->text);
}

const struct tally_entry **tally_sorted(const struct tally *tally)
{
    const struct tally_entry **list = must(calloc(tally->count + 1, sizeof(*list)));
    const struct tally_entry **next = list;

    twalk_r(tally->root, collect, &next);
    qsort(list, tally->count, sizeof(*list), compare_count);
    return list;
}

static void free_entry(void *node)
{
    struct tally_entry *entry = node;

    free(entry->text);
    free(entry);
}

void tally_free(struct tally *tally)
{
    tdestroy(tally->root, free_entry);
    tally->root = NULL;
    tally->count = 0;
}
