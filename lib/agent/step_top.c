// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "collect.h"
#include "series.h"
#include "steps.h"

#define BY_MAX         8
#define SERIES_DEFAULT 100000

struct top {
    struct grain_step step;
    char *of;
    char *by[BY_MAX];
    size_t by_count;
    uint32_t keep;
    struct grain_series_table *series; /* of this collection */
    struct grain_series_table *rest;   /* what found no place there, already without `by` */
};

static bool is_by(const struct top *top, const char *key)
{
    for (size_t i = 0; i < top->by_count; i++)
        if (!strcmp(top->by[i], key))
            return true;
    return false;
}

/* The item as the rest has it. */
static void make_rest(const struct top *top, struct grain_item *item)
{
    for (size_t i = 1; i < top->by_count; i++)
        grain_item_remove_tag(item, top->by[i]);
    (void)grain_item_set_tag(item, top->by[0], GRAIN_OTHER);
}

static int add_rest(struct top *top, const struct grain_item *item, uint64_t count)
{
    struct grain_item copy = *item;
    int error = 0;

    copy.count = count;
    make_rest(top, &copy);
    return grain_series_add(top->rest, &copy, &error) ? 0 : error;
}

static int top_take(struct grain_step *step, struct grain_item *item)
{
    struct top *top = (struct top *)step;
    const char *first = grain_item_tag(item, top->by[0]);

    if (item->kind != GRAIN_ITEM_COUNTER || strcmp(item->name, top->of) || !first)
        return grain_step_pass(step, item);
    /* The collection's own rest is not ranked. */
    if (!strcmp(first, GRAIN_OTHER) || !grain_series_add(top->series, item, NULL))
        return add_rest(top, item, item->count);
    return 0;
}

/* Series that are ranked together agree in all tags but `by`. */
static int compare_groups(const struct top *top, const struct grain_item *a,
                          const struct grain_item *b)
{
    uint32_t i = 0, k = 0;

    for (;;) {
        int order;

        while (i < a->tag_count && is_by(top, a->tags[i].key))
            i++;
        while (k < b->tag_count && is_by(top, b->tags[k].key))
            k++;
        if (i == a->tag_count || k == b->tag_count)
            return (i < a->tag_count) - (k < b->tag_count);
        order = strcmp(a->tags[i].key, b->tags[k].key);
        order = order ? order : strcmp(a->tags[i].value, b->tags[k].value);
        if (order)
            return order;
        i++;
        k++;
    }
}

static int by_rank(const void *x, const void *y, void *user)
{
    const struct grain_series *a = *(struct grain_series *const *)x;
    const struct grain_series *b = *(struct grain_series *const *)y;
    int order = compare_groups(user, &a->item, &b->item);

    if (order)
        return order;
    return (a->count < b->count) - (a->count > b->count);
}

static int pass_series(struct top *top, const struct grain_series *series)
{
    struct grain_item item = series->item;

    item.count = series->count;
    return grain_step_pass(&top->step, &item);
}

static int pass_ranked(struct top *top)
{
    size_t count = grain_series_count(top->series), rank = 0;
    struct grain_series **list = grain_series_list(top->series);
    int first = count && !list ? -ENOMEM : 0;

    if (!list)
        return first;
    qsort_r(list, count, sizeof(*list), by_rank, top);
    for (size_t i = 0; i < count; i++) {
        int error;

        rank = i && !compare_groups(top, &list[i - 1]->item, &list[i]->item) ? rank + 1 : 0;
        error = rank < top->keep ? pass_series(top, list[i])
                                 : add_rest(top, &list[i]->item, list[i]->count);
        first = first ? first : error;
    }
    free(list);
    grain_series_clear(top->series, NULL);
    return first;
}

static int top_flush(struct grain_step *step, uint64_t now_ns, bool end)
{
    struct top *top = (struct top *)step;
    int first = pass_ranked(top);
    size_t count = grain_series_count(top->rest);
    struct grain_series **list = grain_series_list(top->rest);

    (void)now_ns;
    (void)end;
    if (count && !list)
        return first ? first : -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int error = pass_series(top, list[i]);

        first = first ? first : error;
    }
    free(list);
    grain_series_clear(top->rest, NULL);
    return first;
}

static void top_free(struct grain_step *step)
{
    struct top *top = (struct top *)step;

    grain_series_free(top->series, NULL);
    grain_series_free(top->rest, NULL);
    for (size_t i = 0; i < top->by_count; i++)
        free(top->by[i]);
    free(top->of);
    free(top);
}

static const struct grain_step_type type = {
    .name = "top", .take = top_take, .flush = top_flush, .free = top_free};

int grain_step_top(struct grain_step **out, const struct grain_top_settings *settings)
{
    struct top *top = calloc(1, sizeof(*top));
    uint32_t most = settings->series ? settings->series : SERIES_DEFAULT;
    int error = 0;

    if (!top)
        return grain_fail(-ENOMEM, "no memory");
    top->step.type = &type;
    top->keep = settings->keep;
    top->of = strdup(settings->of);
    for (size_t i = 0; !error && settings->by[i]; i++) {
        if (i == BY_MAX)
            error = grain_fail(-EINVAL, "top: more than %d tags in \"by\"", BY_MAX);
        else if (!(top->by[top->by_count++] = strdup(settings->by[i])))
            error = grain_fail(-ENOMEM, "no memory");
    }
    if (!error && !top->by_count)
        error = grain_fail(-EINVAL, "top: \"by\" names no tag");
    if (!error && !top->of)
        error = grain_fail(-ENOMEM, "no memory");
    if (!error)
        error = grain_series_new(&top->series, most);
    /* Of hostile tags that are not in `by` there may be as many. */
    if (!error)
        error = grain_series_new(&top->rest, most);
    if (error)
        top_free(&top->step);
    else
        *out = &top->step;
    return error;
}
