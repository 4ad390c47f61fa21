/* SPDX-License-Identifier: GPL-2.0-only */
/* Items for steps, and a place where those that come out of one are kept. */
#ifndef GRAIN_TESTS_STEPS_SAMPLE_H
#define GRAIN_TESTS_STEPS_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <agent/steps.h>
#include <grain/error.h>

/* What came out, one line an item: "KIND NAME COUNT|NUMBER|MEMBER KEY=VALUE ...". */
struct kept {
    char *text;
    size_t length;
    FILE *stream;
};

static inline void kept_open(struct kept *kept)
{
    *kept = (struct kept){0};
    kept->stream = open_memstream(&kept->text, &kept->length);
    assert_non_null(kept->stream);
}

static inline void kept_close(struct kept *kept)
{
    fclose(kept->stream);
    free(kept->text);
}

/* What has come since the last time; valid until the next item. */
static inline const char *kept_take(struct kept *kept)
{
    fputc(0, kept->stream);
    fflush(kept->stream);
    rewind(kept->stream);
    return kept->text;
}

static inline int keep_item(void *user, struct grain_item *item)
{
    struct kept *kept = user;

    fprintf(kept->stream, "%s %s ", grain_item_kind_name(item->kind), item->name);
    if (item->kind == GRAIN_ITEM_SET)
        fprintf(kept->stream, "%s", item->member);
    else if (item->kind == GRAIN_ITEM_COUNTER || item->kind == GRAIN_ITEM_EVENT)
        fprintf(kept->stream, "%llu", (unsigned long long)item->count);
    else if (item->kind == GRAIN_ITEM_GAUGE)
        fprintf(kept->stream, "%.9g", item->number);
    else
        fprintf(kept->stream, "%.9g*%llu", item->number, (unsigned long long)item->count);
    for (uint32_t i = 0; i < item->tag_count; i++)
        fprintf(kept->stream, " %s=%s", item->tags[i].key, item->tags[i].value);
    fputc('\n', kept->stream);
    return 0;
}

static inline void lead_to(struct grain_step *step, struct kept *kept)
{
    step->next = NULL;
    step->end = keep_item;
    step->user = kept;
}

/* Tags as key, value, key, value, ..., NULL. */
static inline void set_tags(struct grain_item *item, va_list tags)
{
    const char *key;

    while ((key = va_arg(tags, const char *)))
        assert_true(grain_item_set_tag(item, key, va_arg(tags, const char *)));
}

static inline struct grain_item sample(enum grain_item_kind kind, const char *name, double value,
                                       ...)
{
    struct grain_item item = {.kind = kind, .name = name, .unit = "1", .time_ns = 1};
    va_list tags;

    if (kind == GRAIN_ITEM_COUNTER || kind == GRAIN_ITEM_EVENT)
        item.count = (uint64_t)value;
    else
        item.number = value;
    if (kind == GRAIN_ITEM_HISTOGRAM)
        item.count = 1;
    va_start(tags, value);
    set_tags(&item, tags);
    va_end(tags);
    return item;
}

static inline void take(struct grain_step *step, struct grain_item item)
{
    assert_int_equal(step->type->take(step, &item), 0);
}

#endif
