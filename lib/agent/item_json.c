// SPDX-License-Identifier: GPL-2.0-only
#include "item_json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "eve.h"
#include "measures.h"

/* `words` are separated by blanks. */
static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    while (*words) {
        size_t size = strcspn(words, " ");

        if (size == length && !memcmp(words, word, length))
            return true;
        words += size;
        words += *words == ' ';
    }
    return false;
}

/* The tags that an event of this name comes with; "" for a name that is not known. */
static const char *own_tags(const char *name)
{
    const struct grain_measure_info *measure;

    for (unsigned int i = 0; (measure = grain_measure(i)); i++)
        if (measure->kind == GRAIN_ITEM_EVENT && !strcmp(measure->name, name))
            return measure->tags;
    return "";
}

/* EVE's object has no place for these. */
static const char beside[] = "answers ttl owner";

static int put_event(struct grain_json *w, const struct grain_item *item)
{
    const char *interface = grain_item_tag(item, "interface"), *own = own_tags(item->name);
    struct grain_tag added[GRAIN_TAGS_MAX];
    struct grain_eve_origin origin = {
        .interface = interface && *interface ? interface : "?",
        .time_ns = item->time_ns,
        .count = item->count,
        .tags = added,
    };
    struct grain_message message;

    if (!item->record || grain_message_parse(&message, item->record, item->bytes, item->length))
        return -EBADMSG;
    for (uint32_t i = 0; i < item->tag_count; i++)
        if (!has_word(own, item->tags[i].key) || has_word(beside, item->tags[i].key))
            added[origin.tag_count++] = item->tags[i];
    grain_eve_write(w, item->record, &message, &origin);
    return 0;
}

static void put_value(struct grain_json *w, const struct grain_item *item)
{
    if (item->kind == GRAIN_ITEM_GAUGE || item->kind == GRAIN_ITEM_HISTOGRAM)
        grain_json_real(w, "value", item->number);
    if (item->kind == GRAIN_ITEM_COUNTER || item->kind == GRAIN_ITEM_HISTOGRAM ||
        item->kind == GRAIN_ITEM_EVENT)
        grain_json_number(w, "count", item->count);
    if (item->kind == GRAIN_ITEM_SET)
        grain_json_text(w, "member", item->member);
}

static int put_measurement(struct grain_json *w, const struct grain_item *item)
{
    bool real = item->kind == GRAIN_ITEM_GAUGE || item->kind == GRAIN_ITEM_HISTOGRAM;

    if (real && !isfinite(item->number))
        return -EBADMSG;
    grain_json_object(w, NULL);
    grain_json_time(w, "timestamp", item->time_ns);
    grain_json_text(w, "event_type", "measurement");
    grain_json_text(w, "name", item->name);
    grain_json_text(w, "kind", grain_item_kind_name(item->kind));
    put_value(w, item);
    grain_json_text(w, "unit", item->unit);
    grain_json_object(w, "tags");
    for (uint32_t i = 0; i < item->tag_count; i++)
        grain_json_pair(w, item->tags[i].key, item->tags[i].value);
    grain_json_end_object(w);
    grain_json_end_object(w);
    return 0;
}

int grain_item_json(struct grain_json *w, const struct grain_item *item)
{
    size_t before = w->length;
    /* What a step took out of the tags is in the record still: then only the tags are told. */
    bool eve = item->kind == GRAIN_ITEM_EVENT && !item->altered;
    int error = eve ? put_event(w, item) : put_measurement(w, item);

    if (!error)
        error = grain_json_end_line(w);
    if (error)
        grain_json_cut(w, before);
    return error;
}
