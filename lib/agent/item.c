// SPDX-License-Identifier: GPL-2.0-only
#include "item.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Then: name, unit, member and the tags, each NUL-terminated; padding; the record; its bytes;
 * padding. */
struct packed {
    uint32_t length; /* of all, a multiple of 8 */
    uint16_t kind;
    uint16_t tags;
    uint64_t time_ns;
    uint64_t count;
    double number;
    uint32_t texts;  /* bytes of the texts, padding included */
    uint32_t record; /* bytes behind the record; UINT32_MAX: there is no record */
    uint32_t has_member;
    uint32_t altered;
};

#define NO_RECORD UINT32_MAX
#define ITEM_MAX  (256 << 10)

_Static_assert(sizeof(struct packed) % 8 == 0, "items are aligned");
_Static_assert(sizeof(struct grain_record) % 8 == 0, "what follows it is aligned");

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

const char *grain_item_kind_name(unsigned int kind)
{
    static const char *const names[] = {"counter", "gauge", "histogram", "set", "event"};

    return kind < GRAIN_ITEM_KIND_COUNT ? names[kind] : NULL;
}

static struct grain_tag *find(struct grain_item *item, const char *key)
{
    for (uint32_t i = 0; i < item->tag_count; i++)
        if (!strcmp(item->tags[i].key, key))
            return &item->tags[i];
    return NULL;
}

const char *grain_item_tag(const struct grain_item *item, const char *key)
{
    for (uint32_t i = 0; i < item->tag_count; i++)
        if (!strcmp(item->tags[i].key, key))
            return item->tags[i].value;
    return NULL;
}

bool grain_item_set_tag(struct grain_item *item, const char *key, const char *value)
{
    struct grain_tag *tag = find(item, key);

    if (!tag) {
        if (item->tag_count == GRAIN_TAGS_MAX)
            return false;
        tag = &item->tags[item->tag_count++];
        tag->key = key;
    } else if (strcmp(tag->value, value)) {
        item->altered = true;
    }
    tag->value = value;
    return true;
}

void grain_item_remove_tag(struct grain_item *item, const char *key)
{
    struct grain_tag *tag = find(item, key);

    if (!tag)
        return;
    memmove(tag, tag + 1, (char *)&item->tags[item->tag_count] - (char *)(tag + 1));
    item->tag_count--;
    item->altered = true;
}

/* ---- packing ---- */

/* Adds the text's bytes, its NUL included; false: it is too long. */
static bool measure(size_t *sum, const char *text)
{
    size_t length = strnlen(text, GRAIN_ITEM_TEXT_MAX + 1);

    *sum += length + 1;
    return length <= GRAIN_ITEM_TEXT_MAX;
}

static bool measure_texts(const struct grain_item *item, size_t *sum)
{
    bool fits = measure(sum, item->name) && measure(sum, item->unit);

    if (item->member)
        fits = fits && measure(sum, item->member);
    for (uint32_t i = 0; fits && i < item->tag_count; i++)
        fits = measure(sum, item->tags[i].key) && measure(sum, item->tags[i].value);
    return fits;
}

static int reserve(struct grain_batch *batch, size_t more)
{
    size_t room = batch->room ? batch->room : 4096;
    uint8_t *bytes;

    while (room - batch->length < more)
        room *= 2;
    if (room == batch->room)
        return 0;
    bytes = realloc(batch->bytes, room);
    if (!bytes)
        return -ENOMEM;
    batch->bytes = bytes;
    batch->room = room;
    return 0;
}

static char *put(char *to, const char *text)
{
    return stpcpy(to, text) + 1;
}

static void pack(uint8_t *to, const struct packed *head, const struct grain_item *item)
{
    char *text = (char *)to + sizeof(*head);

    memset(to, 0, head->length);
    memcpy(to, head, sizeof(*head));
    text = put(put(text, item->name), item->unit);
    if (item->member)
        text = put(text, item->member);
    for (uint32_t i = 0; i < item->tag_count; i++)
        text = put(put(text, item->tags[i].key), item->tags[i].value);
    if (!item->record)
        return;
    to += sizeof(*head) + head->texts;
    memcpy(to, item->record, sizeof(*item->record));
    memcpy(to + sizeof(*item->record), item->bytes, item->length);
}

int grain_batch_add(struct grain_batch *batch, const struct grain_item *item)
{
    size_t texts = 0, length;
    struct packed head = {
        .kind = (uint16_t)item->kind,
        .tags = (uint16_t)item->tag_count,
        .time_ns = item->time_ns,
        .count = item->count,
        .number = item->number,
        .record = item->record ? (uint32_t)item->length : NO_RECORD,
        .has_member = item->member != NULL,
        .altered = item->altered,
    };

    if (!measure_texts(item, &texts) || item->length > ITEM_MAX)
        return -E2BIG;
    texts = padded(texts);
    length = sizeof(head) + texts;
    if (item->record)
        length += sizeof(*item->record) + padded(item->length);
    if (length > ITEM_MAX)
        return -E2BIG;
    head.texts = (uint32_t)texts;
    head.length = (uint32_t)length;
    if (reserve(batch, length))
        return -ENOMEM;
    pack(batch->bytes + batch->length, &head, item);
    batch->length += length;
    batch->items++;
    return 0;
}

void grain_batch_clear(struct grain_batch *batch)
{
    batch->length = 0;
    batch->items = 0;
}

void grain_batch_free(struct grain_batch *batch)
{
    free(batch->bytes);
    *batch = (struct grain_batch){0};
}

/* ---- unpacking: queues lie in files, so nothing is believed ---- */

static const char *take(const char **at, const char *end)
{
    const char *text = *at;
    const char *zero = text < end ? memchr(text, 0, end - text) : NULL;

    if (!zero)
        return NULL;
    *at = zero + 1;
    return text;
}

static bool take_texts(struct grain_item *out, const struct packed *head, const char *at)
{
    const char *end = at + head->texts;

    out->name = take(&at, end);
    out->unit = out->name ? take(&at, end) : NULL;
    if (!out->unit)
        return false;
    if (head->has_member && !(out->member = take(&at, end)))
        return false;
    for (uint32_t i = 0; i < out->tag_count; i++) {
        out->tags[i].key = take(&at, end);
        out->tags[i].value = out->tags[i].key ? take(&at, end) : NULL;
        if (!out->tags[i].value)
            return false;
    }
    return true;
}

static bool sound(const struct packed *head, size_t room)
{
    size_t record =
        head->record == NO_RECORD ? 0 : sizeof(struct grain_record) + padded(head->record);

    return head->length <= room && head->length % 8 == 0 && head->texts % 8 == 0 &&
           head->texts <= ITEM_MAX && record <= 2 * (size_t)ITEM_MAX &&
           sizeof(*head) + head->texts + record == head->length &&
           head->kind < GRAIN_ITEM_KIND_COUNT && head->tags <= GRAIN_TAGS_MAX &&
           (head->kind != GRAIN_ITEM_SET || head->has_member);
}

int grain_batch_next(const uint8_t *bytes, size_t length, size_t *offset, struct grain_item *out)
{
    const uint8_t *at = bytes + *offset;
    struct packed head;

    if (*offset == length)
        return 0;
    if (*offset > length || length - *offset < sizeof(head))
        return -EBADMSG;
    memcpy(&head, at, sizeof(head));
    if (!sound(&head, length - *offset))
        return -EBADMSG;
    out->kind = head.kind;
    out->tag_count = head.tags;
    out->time_ns = head.time_ns;
    out->count = head.count;
    out->number = head.number;
    out->member = NULL;
    out->record = NULL;
    out->bytes = NULL;
    out->length = 0;
    out->altered = head.altered;
    if (!take_texts(out, &head, (const char *)at + sizeof(head)))
        return -EBADMSG;
    if (head.record != NO_RECORD) {
        out->record = (const void *)(at + sizeof(head) + head.texts);
        out->bytes = at + sizeof(head) + head.texts + sizeof(struct grain_record);
        out->length = head.record;
    }
    *offset += head.length;
    return 1;
}
