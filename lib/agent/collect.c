// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <grain/flow.h>

#include "../error_private.h"
#include "collect_private.h"
#include "escape.h"

int grain_collect_new(struct grain_collect **out)
{
    struct grain_collect *collect = calloc(1, sizeof(*collect));

    if (!collect)
        return grain_fail(-ENOMEM, "no memory");
    *out = collect;
    return 0;
}

void grain_collect_free(struct grain_collect *collect)
{
    if (!collect)
        return;
    grain_told_free(&collect->by_name);
    free(collect);
}

int collect_tell(struct grain_collect *collect, struct grain_item *item)
{
    return item->kind == GRAIN_ITEM_COUNTER && !item->count ? 0 : collect->fn(collect->user, item);
}

/* ---- totals ---- */

static const char *hook_name(uint8_t hook)
{
    return hook == GRAIN_HOOK_XDP ? "xdp" : hook == GRAIN_HOOK_TC ? "tc" : "unknown";
}

static const char *direction_name(uint8_t direction)
{
    return direction == GRAIN_DIRECTION_OUT  ? "out"
           : direction == GRAIN_DIRECTION_IN ? "in"
                                             : "unknown";
}

static bool same_source(const struct collect_source *told, const struct grain_source *source)
{
    return told->netns == source->netns && told->ifindex == source->ifindex &&
           told->hook == source->hook && told->direction == source->direction;
}

static uint64_t sum_of(const __u64 values[GRAIN_DISPOSITION_MAX])
{
    uint64_t sum = 0;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++)
        sum += values[i];
    return sum;
}

/* What was told of the slot; anew when it belongs to another source, or was cleared. */
static struct collect_source *told_of(struct grain_collect *collect,
                                      const struct grain_live_source *source)
{
    struct collect_source *told = &collect->told.sources[source->slot];

    if (same_source(told, &source->source) &&
        sum_of(source->totals.packets) >= sum_of(told->totals.packets))
        return told;
    *told = (struct collect_source){.netns = source->source.netns,
                                    .ifindex = source->source.ifindex,
                                    .hook = source->source.hook,
                                    .direction = source->source.direction};
    return told;
}

/* What to add to `told`, disposition by disposition: where there is less than was told, a packet
 * has moved on, and stands elsewhere too. */
static void deltas(__u64 out[GRAIN_DISPOSITION_MAX], const __u64 now[GRAIN_DISPOSITION_MAX],
                   const __u64 told[GRAIN_DISPOSITION_MAX])
{
    uint64_t debt = 0;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++) {
        out[i] = now[i] > told[i] ? now[i] - told[i] : 0;
        debt += now[i] < told[i] ? told[i] - now[i] : 0;
    }
    while (debt) {
        int most = 0;
        uint64_t part;

        for (int i = 1; i < GRAIN_DISPOSITION_MAX; i++)
            most = out[i] > out[most] ? i : most;
        part = out[most] < debt ? out[most] : debt;
        if (!part)
            return;
        out[most] -= part;
        debt -= part;
    }
}

struct source_tags {
    char interface[4 * 16 + 1];
};

static void source_item(struct grain_item *item, struct source_tags *tags,
                        enum grain_measure measure, uint64_t now_ns,
                        const struct grain_source *source)
{
    grain_measure_item(item, measure, now_ns);
    grain_escape(tags->interface, sizeof(tags->interface), source->name, sizeof(source->name));
    (void)grain_item_set_tag(item, "interface", tags->interface);
    (void)grain_item_set_tag(item, "direction", direction_name(source->direction));
    (void)grain_item_set_tag(item, "hook", hook_name(source->hook));
}

static int tell_dispositions(struct grain_collect *collect, const struct grain_source *source,
                             enum grain_measure measure, const __u64 now[GRAIN_DISPOSITION_MAX],
                             __u64 told[GRAIN_DISPOSITION_MAX])
{
    __u64 added[GRAIN_DISPOSITION_MAX];
    struct source_tags tags;
    int error = 0;

    deltas(added, now, told);
    for (unsigned int i = 0; !error && i < GRAIN_DISPOSITION_MAX; i++) {
        const char *name = grain_disposition_name(i);
        struct grain_item item;

        if (!added[i])
            continue;
        source_item(&item, &tags, measure, collect->now_ns, source);
        (void)grain_item_set_tag(&item, "disposition", name ? name : "unknown");
        item.count = added[i];
        told[i] += added[i];
        error = collect_tell(collect, &item);
    }
    return error;
}

static int tell_source(void *user, const struct grain_live_source *source)
{
    struct grain_collect *collect = user;
    struct collect_source *told = told_of(collect, source);
    struct source_tags tags;
    struct grain_item item;
    int error = tell_dispositions(collect, &source->source, GRAIN_MEASURE_PACKETS,
                                  source->totals.packets, told->totals.packets);

    if (!error)
        error = tell_dispositions(collect, &source->source, GRAIN_MEASURE_BYTES,
                                  source->totals.bytes, told->totals.bytes);
    if (error || source->totals.segments <= told->totals.segments)
        return error;
    source_item(&item, &tags, GRAIN_MEASURE_SEGMENTS, collect->now_ns, &source->source);
    item.count = source->totals.segments - told->totals.segments;
    told->totals.segments = source->totals.segments;
    return collect_tell(collect, &item);
}

/* ---- counters ---- */

static int tell_counter(struct grain_collect *collect, enum grain_measure measure, const char *key,
                        const char *value, uint64_t now, uint64_t *told)
{
    struct grain_item item;

    if (now <= *told)
        return 0;
    grain_measure_item(&item, measure, collect->now_ns);
    (void)grain_item_set_tag(&item, key, value);
    item.count = now - *told;
    *told = now;
    return collect_tell(collect, &item);
}

static int tell_losses(struct grain_collect *collect)
{
    struct grain_engine_counts counts;
    int error = grain_live_counters(collect->live, &counts);

    for (unsigned int i = 0; !error && i < GRAIN_COUNTER_COUNT; i++)
        error = tell_counter(
            collect, grain_counter_is_loss(i) ? GRAIN_MEASURE_LOSS : GRAIN_MEASURE_WORK, "counter",
            grain_counter_name(i), counts.counters[i], &collect->told.counters[i]);
    for (unsigned int i = 0; !error && i < GRAIN_NAME_KIND_COUNT; i++)
        error = tell_counter(collect, GRAIN_MEASURE_UNATTRIBUTED, "kind", grain_name_kind_name(i),
                             counts.unattributed[i], &collect->told.unattributed[i]);
    return error;
}

/* ---- tables ---- */

static uint64_t above(uint64_t more, uint64_t less)
{
    return more > less ? more - less : 0;
}

static int tell_attached(void *user, const struct grain_live_source *source)
{
    struct grain_collect *collect = user;
    struct source_tags tags;
    struct grain_item item;

    source_item(&item, &tags, GRAIN_MEASURE_ATTACHED, collect->now_ns, &source->source);
    item.number = source->source.state == GRAIN_SOURCE_ATTACHED;
    return collect_tell(collect, &item);
}

static int tell_gauge(struct grain_collect *collect, enum grain_measure measure, const char *table,
                      uint64_t value)
{
    struct grain_item item;

    grain_measure_item(&item, measure, collect->now_ns);
    (void)grain_item_set_tag(&item, "table", table);
    item.number = (double)value;
    return collect_tell(collect, &item);
}

/* Messages under way: those that were begun and have come to no end. */
static uint64_t flows_taken(const uint64_t counters[GRAIN_COUNTER_MAX])
{
    uint64_t ended = counters[GRAIN_COUNTER_FLOW_COMPLETED] + counters[GRAIN_COUNTER_FLOW_EVICTED] +
                     counters[GRAIN_COUNTER_FLOW_TIMED_OUT] + counters[GRAIN_COUNTER_FLOW_GAP] +
                     counters[GRAIN_COUNTER_FLOW_RESET] + counters[GRAIN_COUNTER_FLOW_REUSED] +
                     counters[GRAIN_COUNTER_FLOW_MALFORMED];

    return above(counters[GRAIN_COUNTER_FLOW_STARTED], ended);
}

/* By the program's counters: reading the tables for this would cost more than everything else. */
static int tell_tables(struct grain_collect *collect)
{
    const struct grain_abi *abi = grain_pinned_abi(grain_live_pinned(collect->live));
    struct grain_engine_counts counts;
    int error = grain_live_counters(collect->live, &counts);
    const uint64_t *c = counts.counters;
    const struct {
        const char *name;
        uint64_t taken, size;
    } tables[] = {
        {"counts", above(c[GRAIN_COUNTER_NAMES_NEW], c[GRAIN_COUNTER_NAMES_REPLACED]),
         (uint64_t)abi->buckets * GRAIN_BUCKET_SLOTS * abi->cpus},
        {"texts", above(c[GRAIN_COUNTER_TEXTS_NEW], c[GRAIN_COUNTER_TEXTS_REPLACED]),
         (uint64_t)abi->texts * GRAIN_TEXT_WAYS},
        {"flows", flows_taken(c), (uint64_t)abi->flow_buckets * GRAIN_FLOW_WAYS},
    };

    for (size_t i = 0; !error && i < sizeof(tables) / sizeof(tables[0]); i++) {
        error = tell_gauge(collect, GRAIN_MEASURE_TABLE_TAKEN, tables[i].name, tables[i].taken);
        if (!error)
            error = tell_gauge(collect, GRAIN_MEASURE_TABLE_SIZE, tables[i].name, tables[i].size);
    }
    return error ? error : grain_live_sources(collect->live, tell_attached, collect);
}

/* ---- which maps ---- */

/* As text in /proc, of which 16 bytes tell one boot from another. */
static void boot_id(uint8_t out[16])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char text[36];

    memset(out, 0, 16);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof(text)) == (ssize_t)sizeof(text)) {
        memcpy(out, text, 13);
        memcpy(out + 13, text + 33, 3);
    }
    close(fd);
}

static int know_maps(struct grain_collect *collect, struct grain_live *live)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof(info);
    int fd = grain_pinned_fd(grain_live_pinned(live), GRAIN_PINNED_grain_totals_map);
    uint8_t boot[16];

    if (bpf_obj_get_info_by_fd(fd, &info, &size))
        return grain_fail(-errno, "%s: cannot tell the maps apart: %s",
                          grain_pinned_directory(grain_live_pinned(live)), strerror(errno));
    boot_id(boot);
    if (collect->told.maps == info.id && !memcmp(collect->told.boot, boot, sizeof(boot)))
        return 0;
    memset(&collect->told, 0, sizeof(collect->told));
    grain_told_free(&collect->by_name);
    collect->told.maps = info.id;
    memcpy(collect->told.boot, boot, sizeof(boot));
    return 0;
}

/* ---- */

int grain_collect_read(struct grain_collect *collect, struct grain_live *live, unsigned int groups,
                       uint64_t now_ns, grain_item_fn fn, void *user)
{
    int error = know_maps(collect, live);

    collect->live = live;
    collect->now_ns = now_ns;
    collect->fn = fn;
    collect->user = user;
    if (!error && (groups & (1U << GRAIN_GROUP_TOTALS)))
        error = grain_live_sources(live, tell_source, collect);
    if (!error && (groups & (1U << GRAIN_GROUP_NAMES)))
        error = collect_names(collect, false);
    if (!error && (groups & (1U << GRAIN_GROUP_LOSSES)))
        error = tell_losses(collect);
    if (!error && (groups & (1U << GRAIN_GROUP_TABLES)))
        error = tell_tables(collect);
    return error;
}

static int nothing(void *user, struct grain_item *item)
{
    (void)user;
    (void)item;
    return 0;
}

int grain_collect_skip(struct grain_collect *collect, struct grain_live *live)
{
    int error = grain_collect_read(
        collect, live, 1U << GRAIN_GROUP_TOTALS | 1U << GRAIN_GROUP_LOSSES, 0, nothing, NULL);

    return error ? error : collect_names(collect, true);
}
