/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pipeline carries: a measurement, or an event.
 *
 * An item is handed on by pointer and lives during the call: who keeps something of it, copies. A
 * step may change an item that it was given, and strings that it puts in must live until the call
 * that hands the item on has returned.
 *
 * Texts are UTF-8 without NUL. Names that came from the network or from processes have their
 * escapes (grain/message.h) already; sinks escape what their own format cannot hold.
 */
#ifndef GRAIN_AGENT_ITEM_H
#define GRAIN_AGENT_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/record.h>

#define GRAIN_TAGS_MAX 24

/* Longest name, key and value in bytes; a longer one is not taken (-E2BIG). */
#define GRAIN_ITEM_TEXT_MAX 4096

enum grain_item_kind {
    GRAIN_ITEM_COUNTER,   /* `count` more than when last told */
    GRAIN_ITEM_GAUGE,     /* `number` is how it stands */
    GRAIN_ITEM_HISTOGRAM, /* `number` was observed `count` times */
    GRAIN_ITEM_SET,       /* `member` was seen */
    GRAIN_ITEM_EVENT,     /* a record; `count` is how often it happened */
};

#define GRAIN_ITEM_KIND_COUNT 5

struct grain_tag {
    const char *key, *value;
};

struct grain_item {
    enum grain_item_kind kind;
    uint32_t tag_count;
    const char *name; /* "dns.names" */
    const char *unit; /* "packets", "bytes", "seconds", ... or "" */
    uint64_t time_ns; /* since the epoch */
    uint64_t count;
    double number;
    const char *member;                /* of a set; otherwise NULL */
    const struct grain_record *record; /* of an event; otherwise NULL */
    const uint8_t *bytes;              /* what the record carries */
    size_t length;                     /* of bytes */
    bool altered; /* a tag was changed or taken away: the record says more than the item may */
    struct grain_tag tags[GRAIN_TAGS_MAX]; /* keys differ */
};

/* "counter", "gauge", ...; NULL beyond the last. */
const char *grain_item_kind_name(unsigned int kind);

/* The value of a tag; NULL: there is none. */
const char *grain_item_tag(const struct grain_item *item, const char *key);

/* Put a tag in, or change its value; false: there are GRAIN_TAGS_MAX already. */
bool grain_item_set_tag(struct grain_item *item, const char *key, const char *value);

void grain_item_remove_tag(struct grain_item *item, const char *key);

/*
 * Items one after the other in one piece of memory, without pointers: what queues hold. Starts as
 * zeros. Integers are in host byte order; a batch never leaves the machine.
 */
struct grain_batch {
    uint8_t *bytes;
    size_t length, room;
    uint32_t items;
};

/* -ENOMEM; -E2BIG: a text is too long, or the item is bigger than a batch may be. */
int grain_batch_add(struct grain_batch *batch, const struct grain_item *item);

/* Empty, and as big as it was. */
void grain_batch_clear(struct grain_batch *batch);
void grain_batch_free(struct grain_batch *batch);

/*
 * The item at *offset of a batch's bytes; *offset is then behind it. Its pointers lead into
 * `bytes`, which are aligned to 8. 1: there it is; 0: the end; -EBADMSG: this is not a batch.
 */
int grain_batch_next(const uint8_t *bytes, size_t length, size_t *offset, struct grain_item *out);

#endif
