// SPDX-License-Identifier: GPL-2.0-only
/*
 * A name is told as far as its count in the tables has grown since the last reading. Where there is
 * less than before, a part has left the tables, and counting goes on from what is there.
 *
 * Everything else of what the program counted is told as "(other)". The program's count is read
 * before the tables: what it holds is by then in the tables, and told by name, or has left them. So
 * nothing that is told as "(other)" turns up by name later; what comes in between is left for the
 * next time.
 */
#include <string.h>

#include <grain/message.h>

#include "collect_private.h"
#include "eve.h"

static const char *message_of(unsigned int kind)
{
    switch (kind) {
    case GRAIN_NAME_DNS_RESPONSE:
    case GRAIN_NAME_MDNS_RESPONSE:
    case GRAIN_NAME_LLMNR_RESPONSE:
        return "response";
    default:
        return "query";
    }
}

static void name_item(struct grain_item *item, uint64_t now_ns, unsigned int kind, const char *name,
                      const char *type)
{
    if (kind == GRAIN_NAME_TLS_SNI) {
        grain_measure_item(item, GRAIN_MEASURE_TLS_NAMES, now_ns);
        (void)grain_item_set_tag(item, "sni", name);
        return;
    }
    grain_measure_item(item, GRAIN_MEASURE_DNS_NAMES, now_ns);
    (void)grain_item_set_tag(item, "protocol", grain_eve_dns_protocol(kind));
    (void)grain_item_set_tag(item, "message", message_of(kind));
    (void)grain_item_set_tag(item, "qname", name);
    if (type)
        (void)grain_item_set_tag(item, "qtype", type);
}

static int tell_name(struct grain_collect *collect, const struct grain_name_entry *entry,
                     uint64_t count)
{
    const struct grain_name_slot *slot = &entry->slot;
    char text[GRAIN_NAME_TEXT_MAX], type[16];
    struct grain_item item;
    int length;

    if (slot->kind == GRAIN_NAME_TLS_SNI)
        length = grain_host_name_text(text, sizeof(text), entry->text, slot->length, true);
    else
        length = grain_dns_name_text(text, sizeof(text), entry->text, slot->length, true);
    if (length < 0)
        return 0;
    collect->told.names[slot->kind] += count;
    name_item(&item, collect->now_ns, slot->kind, text, grain_dns_type_text(slot->type, type));
    item.count = count;
    return collect_tell(collect, &item);
}

struct walk {
    struct grain_collect *collect;
    bool skip;
    uint64_t more; /* of the name in hand */
};

/* Before the name's text is looked for. */
static bool has_grown(void *user, const struct grain_name_slot *slot)
{
    struct walk *walk = user;
    struct grain_told *one = grain_told_place(&walk->collect->by_name, slot->hash);

    if (!one)
        return false; /* no memory: in "(other)" */
    walk->more = slot->count > one->told ? slot->count - one->told : 0;
    one->told = slot->count;
    one->reading = walk->collect->reading;
    return walk->more && !walk->skip;
}

static int on_name(void *user, const struct grain_name_entry *entry)
{
    const struct walk *walk = user;

    if (!entry->known || entry->slot.kind >= GRAIN_NAME_KIND_COUNT)
        return 0;
    return tell_name(walk->collect, entry, walk->more);
}

/* A name that left all tables begins anew when it comes back. */
static bool keep(void *user, struct grain_told *one)
{
    const struct grain_collect *collect = user;

    return one->reading == collect->reading;
}

static int tell_other(struct grain_collect *collect, const struct grain_engine_counts *counts,
                      bool skip)
{
    int error = 0;

    for (unsigned int kind = 1; !error && kind < GRAIN_NAME_KIND_COUNT; kind++) {
        uint64_t told = collect->told.names[kind] + collect->told.other[kind];
        struct grain_item item;

        if (counts->names[kind] <= told)
            continue;
        collect->told.other[kind] += counts->names[kind] - told;
        if (skip)
            continue;
        name_item(&item, collect->now_ns, kind, GRAIN_OTHER, NULL);
        item.count = counts->names[kind] - told;
        error = collect_tell(collect, &item);
    }
    return error;
}

/* Every place in the kernel's tables may hold a name of its own; on machines with many CPUs most
 * hold the same ones. Failing, the table grows as needed. */
static void reserve(struct grain_collect *collect)
{
    const struct grain_abi *abi = grain_pinned_abi(grain_live_pinned(collect->live));
    uint64_t places = (uint64_t)abi->buckets * GRAIN_BUCKET_SLOTS * abi->cpus;

    (void)grain_told_reserve(&collect->by_name,
                             places < GRAIN_COLLECT_NAMES ? places : GRAIN_COLLECT_NAMES);
}

int collect_names(struct grain_collect *collect, bool skip)
{
    struct grain_engine_counts counts;
    struct walk walk = {collect, skip, 0};
    int error;

    reserve(collect);
    collect->reading++;
    error = grain_live_counters(collect->live, &counts);
    if (!error)
        error = grain_live_names_wanted(collect->live, has_grown, on_name, &walk);
    if (error)
        return error;
    grain_told_sweep(&collect->by_name, keep, collect);
    return tell_other(collect, &counts, skip);
}
