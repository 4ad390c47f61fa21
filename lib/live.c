// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <grain/flow.h>
#include <grain/limits.h>

#include "error_private.h"
#include "live_private.h"
#include "tables_private.h"

static int unreadable(const struct grain_live *live, int error, const char *what)
{
    return error ? grain_fail(error, "%s: cannot read %s: %s", grain_pinned_directory(live->pinned),
                              what, strerror(-error))
                 : 0;
}

static void set_maps(struct grain_live *live)
{
    const struct grain_abi *abi = grain_pinned_abi(live->pinned);

    live->maps = (struct grain_map_set){
        .totals = grain_pinned_fd(live->pinned, GRAIN_PINNED_grain_totals_map),
        .cpu = grain_pinned_fd(live->pinned, GRAIN_PINNED_grain_cpu_map),
        .counts = grain_pinned_fd(live->pinned, GRAIN_PINNED_grain_counts),
        .texts = grain_pinned_fd(live->pinned, GRAIN_PINNED_grain_texts),
        .flow_tags = grain_pinned_fd(live->pinned, GRAIN_PINNED_grain_flow_tags),
        .cpus = (int)abi->cpus,
        .buckets = abi->buckets,
        .text_buckets = abi->texts,
        .flow_buckets = abi->flow_buckets,
    };
}

int grain_live_open(struct grain_live **out, const char *root)
{
    struct grain_live *live = calloc(1, sizeof(*live));
    int error;

    if (!live)
        return grain_fail(-ENOMEM, "no memory");
    live->clock = -1;
    error = grain_pinned_open(&live->pinned, root);
    if (!error) {
        set_maps(live);
        error = grain_pinned_config(live->pinned, &live->config);
    }
    if (!error && stat(grain_pinned_directory(live->pinned), &live->directory))
        error = unreadable(live, -errno, "the folder");
    if (error)
        grain_live_free(live);
    else
        *out = live;
    return error;
}

void grain_live_free(struct grain_live *live)
{
    if (!live)
        return;
    if (live->clock >= 0)
        close(live->clock);
    grain_pinned_free(live->pinned);
    free(live);
}

const struct grain_pinned *grain_live_pinned(const struct grain_live *live)
{
    return live->pinned;
}

bool grain_live_current(const struct grain_live *live)
{
    struct stat now;

    return !stat(grain_pinned_directory(live->pinned), &now) &&
           now.st_ino == live->directory.st_ino && now.st_dev == live->directory.st_dev;
}

static int live_slots(void *user, struct grain_slot_list *out)
{
    const struct grain_live *live = user;

    return grain_maps_slots(&live->maps, out);
}

static int live_text(void *user, uint32_t index, struct grain_text_bucket *out)
{
    const struct grain_live *live = user;

    return grain_maps_text(&live->maps, index, out);
}

static struct grain_tables tables_of(struct grain_live *live)
{
    return (struct grain_tables){
        .slots = live_slots,
        .texts = live_text,
        .user = live,
        .text_mask = live->maps.text_buckets - 1,
        .key = &live->config.key,
    };
}

int grain_live_names(struct grain_live *live, grain_name_fn fn, void *user)
{
    return grain_live_names_wanted(live, NULL, fn, user);
}

int grain_live_names_wanted(struct grain_live *live, grain_name_wanted_fn wanted, grain_name_fn fn,
                            void *user)
{
    const struct grain_tables tables = tables_of(live);
    int error = grain_tables_names(&tables, wanted, fn, user);

    return error < 0 ? unreadable(live, error, "the names") : error;
}

int grain_live_counters(struct grain_live *live, struct grain_engine_counts *out)
{
    memset(out, 0, sizeof(*out));
    return unreadable(live, grain_maps_cpus(&live->maps, out), "the counters");
}

int grain_live_counts(struct grain_live *live, struct grain_engine_counts *out)
{
    const struct grain_tables tables = tables_of(live);
    int error = grain_live_counters(live, out);

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++)
        error = unreadable(live, grain_maps_totals(&live->maps, slot, &out->totals), "the totals");
    if (!error)
        error = unreadable(live, grain_maps_flows(&live->maps, &out->flows_pending),
                           "the messages under way");
    return error ? error : unreadable(live, grain_tables_count(&tables, out), "the names");
}

int grain_live_sources(struct grain_live *live, grain_live_source_fn fn, void *user)
{
    int error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++) {
        struct grain_live_source source = {.slot = slot};

        error = grain_pinned_source(live->pinned, slot, &source.source);
        if (error || !source.source.netns)
            continue;
        error =
            unreadable(live, grain_maps_totals(&live->maps, slot, &source.totals), "the totals");
        if (!error)
            error = fn(user, &source);
    }
    return error;
}

int grain_live_fill(struct grain_live *live, struct grain_live_fill *out)
{
    const struct grain_map_set *maps = &live->maps;
    struct grain_slot_list slots = {0};
    int error = grain_maps_slots(maps, &slots);

    *out = (struct grain_live_fill){
        .counts_taken = slots.count,
        .counts = (uint64_t)maps->buckets * GRAIN_BUCKET_SLOTS * maps->cpus,
        .texts = maps->text_buckets * GRAIN_TEXT_WAYS,
        .flows = (uint64_t)maps->flow_buckets * GRAIN_FLOW_WAYS,
    };
    free(slots.slots);
    if (!error)
        error = grain_maps_texts(maps, &out->texts_taken);
    if (!error)
        error = grain_maps_flows(maps, &out->flows_taken);
    return unreadable(live, error, "the tables");
}
