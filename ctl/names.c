// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "say.h"

#define TYPES_SHOWN 6

struct hashed {
    struct grain_name_slot slot; /* hash, kind and type; the count so far */
    size_t length;               /* of the text; 0: not known */
    uint8_t *text;
};

static int compare_hash(const void *left, const void *right)
{
    const struct hashed *a = left, *b = right;

    return a->slot.hash < b->slot.hash ? -1 : a->slot.hash > b->slot.hash;
}

static struct hashed *hashed_get(struct name_counts *counts, uint64_t hash, uint8_t kind,
                                 uint16_t type)
{
    struct hashed key = {.slot.hash = hash}, *entry, **node;

    node = tfind(&key, &counts->root, compare_hash);
    if (node)
        return *node;
    entry = must(calloc(1, sizeof(*entry)));
    entry->slot.hash = hash;
    entry->slot.kind = kind;
    entry->slot.type = type;
    must(tsearch(entry, &counts->root, compare_hash));
    return entry;
}

static void hashed_text(struct hashed *entry, const uint8_t *text, size_t length)
{
    if (entry->length || !length || length > GRAIN_NAME_LENGTH_MAX)
        return;
    entry->text = must(malloc(length));
    entry->length = length;
    for (size_t i = 0; i < length; i++)
        entry->text[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 'a' - 'A' : text[i];
}

void name_counts_learn(struct name_counts *counts, const struct grain_record *record,
                       const uint8_t *text, size_t length)
{
    hashed_text(hashed_get(counts, record->name_hash, record->kind, record->type), text, length);
}

void name_counts_evicted(struct name_counts *counts, const struct grain_name_slot *slot)
{
    hashed_get(counts, slot->hash, slot->kind, slot->type)->slot.count += slot->count;
}

/* Widen a span of ticks, which are 32 bits wide and wrap, by another one; `fresh`: it is empty. */
static void widen(uint32_t *first, uint32_t *last, bool fresh, uint32_t from, uint32_t to)
{
    if (fresh || (int32_t)(from - *first) < 0)
        *first = from;
    if (fresh || (int32_t)(to - *last) > 0)
        *last = to;
}

int name_counts_entry(void *user, const struct grain_name_entry *entry)
{
    const struct grain_name_slot *slot = &entry->slot;
    struct hashed *hashed = hashed_get(user, slot->hash, slot->kind, slot->type);

    widen(&hashed->slot.first_seen, &hashed->slot.last_seen, !hashed->slot.count, slot->first_seen,
          slot->last_seen);
    hashed->slot.count += slot->count;
    if (entry->known)
        hashed_text(hashed, entry->text, slot->length);
    return 0;
}

static int compare_name(const void *left, const void *right)
{
    const struct name *a = left, *b = right;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->text, b->text, a->length);
}

static struct name *name_get(struct names *names, enum name_group group,
                             const struct hashed *hashed)
{
    struct name key = {.group = group, .length = hashed->length}, *entry, **node;

    if (hashed->length)
        memcpy(key.text, hashed->text, hashed->length);
    node = tfind(&key, &names->root, compare_name);
    if (node)
        return *node;
    entry = must(malloc(sizeof(*entry)));
    *entry = key;
    must(tsearch(entry, &names->root, compare_name));
    names->count++;
    return entry;
}

/* Names have few types; the list stays sorted by itself as counts come in. */
static void name_type_add(struct name *name, uint16_t type, uint64_t count)
{
    struct name_type *types = name->types, added;
    size_t i = 0;

    while (i < name->types_count && types[i].type != type)
        i++;
    if (i == name->types_count) {
        types = must(realloc(types, (i + 1) * sizeof(*types)));
        types[i] = (struct name_type){.type = type};
        name->types = types;
        name->types_count++;
    }
    types[i].count += count;
    added = types[i];
    for (; i > 0 && (types[i - 1].count < added.count ||
                     (types[i - 1].count == added.count && types[i - 1].type > added.type));
         i--)
        types[i] = types[i - 1];
    types[i] = added;
}

static enum name_group group_of(uint8_t kind)
{
    switch (kind) {
    case GRAIN_NAME_MDNS_QUERY:
    case GRAIN_NAME_MDNS_RESPONSE:
        return NAME_MDNS;
    case GRAIN_NAME_LLMNR_QUERY:
    case GRAIN_NAME_LLMNR_RESPONSE:
        return NAME_LLMNR;
    case GRAIN_NAME_TLS_SNI:
        return NAME_TLS;
    default:
        return NAME_DNS;
    }
}

static bool is_response(uint8_t kind)
{
    return kind == GRAIN_NAME_DNS_RESPONSE || kind == GRAIN_NAME_MDNS_RESPONSE ||
           kind == GRAIN_NAME_LLMNR_RESPONSE;
}

static void merge_one(const void *node, VISIT visit, void *to)
{
    const struct hashed *hashed = *(const struct hashed *const *)node;
    struct name *name;

    if ((visit != postorder && visit != leaf) || !hashed->slot.count)
        return;
    name = name_get(to, group_of(hashed->slot.kind), hashed);
    widen(&name->first_seen, &name->last_seen, !name->queries && !name->responses,
          hashed->slot.first_seen, hashed->slot.last_seen);
    if (is_response(hashed->slot.kind))
        name->responses += hashed->slot.count;
    else
        name->queries += hashed->slot.count;
    name_type_add(name, hashed->slot.type, hashed->slot.count);
}

void name_counts_merge(struct name_counts *counts, struct names *names)
{
    twalk_r(counts->root, merge_one, names);
    name_counts_free(counts);
}

static void free_hashed(void *node)
{
    struct hashed *hashed = node;

    free(hashed->text);
    free(hashed);
}

void name_counts_free(struct name_counts *counts)
{
    tdestroy(counts->root, free_hashed);
    counts->root = NULL;
}

struct collection {
    const struct name **list;
    size_t count;
    bool tls;
};

static void collect(const void *node, VISIT visit, void *to)
{
    const struct name *name = *(const struct name *const *)node;
    struct collection *collection = to;

    if ((visit == postorder || visit == leaf) && (name->group == NAME_TLS) == collection->tls)
        collection->list[collection->count++] = name;
}

static int compare_count(const void *left, const void *right)
{
    const struct name *a = *(const struct name *const *)left;
    const struct name *b = *(const struct name *const *)right;
    uint64_t count_a = a->queries + a->responses, count_b = b->queries + b->responses;

    if (count_a != count_b)
        return count_a < count_b ? 1 : -1;
    return compare_name(a, b);
}

const struct name **names_sorted(const struct names *names, bool tls, size_t *count)
{
    struct collection collection = {.tls = tls};

    collection.list = must(calloc(names->count + 1, sizeof(*collection.list)));
    twalk_r(names->root, collect, &collection);
    qsort(collection.list, collection.count, sizeof(*collection.list), compare_count);
    *count = collection.count;
    return collection.list;
}

static void free_name(void *node)
{
    struct name *name = node;

    free(name->types);
    free(name);
}

void names_free(struct names *names)
{
    tdestroy(names->root, free_name);
    names->root = NULL;
    names->count = 0;
}

const char *name_text(char buffer[NAME_TEXT_MAX], const struct name *name)
{
    static const char *const marks[] = {"", " (mDNS)", " (LLMNR)", ""};
    int length;

    if (name->group == NAME_TLS)
        length = grain_host_name_text(buffer, GRAIN_NAME_TEXT_MAX, name->text, name->length, true);
    else
        length = grain_dns_name_text(buffer, GRAIN_NAME_TEXT_MAX, name->text, name->length, true);
    if (!name->length || length < 0)
        length = snprintf(buffer, NAME_TEXT_MAX, "(names whose text was replaced)");
    (void)snprintf(buffer + length, NAME_TEXT_MAX - length, "%s", marks[name->group]);
    return buffer;
}

void name_types_text(char *out, size_t size, const struct name *name)
{
    size_t many = name->types_count > TYPES_SHOWN ? TYPES_SHOWN : name->types_count;
    char buffer[16];
    int used = 0;

    *out = '\0';
    for (size_t i = 0; i < many && (size_t)used < size; i++)
        used += snprintf(out + used, size - used, "%s%s %" PRIu64, i ? ", " : "",
                         grain_dns_type_text(name->types[i].type, buffer), name->types[i].count);
    if (name->types_count > many && (size_t)used < size)
        snprintf(out + used, size - used, ", %zu more", name->types_count - many);
}
