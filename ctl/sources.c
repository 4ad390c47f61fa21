// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "sources.h"
#include "stop.h"

struct grain_live *live_open(const char *root)
{
    struct grain_live *live = NULL;
    int error = grain_live_open(&live, root);

    if (error == -ENOENT)
        say("%s; attach first: grainctl attach IFACE", grain_error());
    else if (error)
        say("%s", grain_error());
    return error ? NULL : live;
}

struct reading {
    struct sources *sources;
    const char *interface;
};

static int add_source(void *user, const struct grain_live_source *source)
{
    const struct reading *reading = user;
    struct sources *sources = reading->sources;

    if (reading->interface && !grain_live_source_is(source, reading->interface))
        return 0;
    sources->list = must(reallocarray(sources->list, sources->count + 1, sizeof(*source)));
    sources->list[sources->count++] = *source;
    return 0;
}

int sources_read(struct sources *sources, struct grain_live *live, const char *interface)
{
    struct reading reading = {sources, interface};
    int error;

    sources->count = 0;
    sources->read_ns = clock_now();
    error = grain_live_sources(live, add_source, &reading);
    if (error)
        say("%s", grain_error());
    return error;
}

void sources_free(struct sources *sources)
{
    free(sources->list);
    *sources = (struct sources){0};
}

const struct grain_live_source *sources_find(const struct sources *sources,
                                             const struct grain_live_source *like)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct grain_live_source *one = &sources->list[i];

        if (one->slot == like->slot && one->source.ifindex == like->source.ifindex &&
            one->source.netns == like->source.netns &&
            totals_packets(&one->totals) <= totals_packets(&like->totals))
            return one;
    }
    return NULL;
}

static uint64_t above(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

void totals_since(struct grain_totals *out, const struct grain_totals *now,
                  const struct grain_totals *before)
{
    *out = *now;
    if (!before)
        return;
    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++) {
        out->packets[i] = above(now->packets[i], before->packets[i]);
        out->bytes[i] = above(now->bytes[i], before->bytes[i]);
    }
    out->segments = above(now->segments, before->segments);
}

void totals_add(struct grain_totals *to, const struct grain_totals *from)
{
    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++) {
        to->packets[i] += from->packets[i];
        to->bytes[i] += from->bytes[i];
    }
    to->segments += from->segments;
}

uint64_t totals_packets(const struct grain_totals *totals)
{
    uint64_t sum = 0;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++)
        sum += totals->packets[i];
    return sum;
}

uint64_t totals_bytes(const struct grain_totals *totals)
{
    uint64_t sum = 0;

    for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++)
        sum += totals->bytes[i];
    return sum;
}

/* A pinned map says what it likes, and so do interfaces. */
const char *source_name(const struct grain_source *source)
{
    static char name[4 * sizeof(source->name) + 1];
    char raw[sizeof(source->name) + 1] = "";
    char *escaped;

    memcpy(raw, source->name, sizeof(source->name));
    escaped = escape_text(raw);
    (void)snprintf(name, sizeof(name), "%s", escaped);
    free(escaped);
    return *name ? name : "?";
}

const char *source_hook(const struct grain_source *source)
{
    return source->hook == GRAIN_HOOK_XDP ? "xdp" : source->hook == GRAIN_HOOK_TC ? "tc" : "?";
}

const char *source_direction(const struct grain_source *source)
{
    if (source->direction == GRAIN_DIRECTION_IN)
        return "in";
    return source->direction == GRAIN_DIRECTION_OUT ? "out" : "?";
}

const char *source_way(const struct grain_source *source)
{
    switch (source->way) {
    case GRAIN_WAY_DISPATCHER:
        return "dispatcher";
    case GRAIN_WAY_XDP:
        return "alone";
    case GRAIN_WAY_CLSACT:
        return "clsact";
    case GRAIN_WAY_TCX:
        return "tcx";
    default:
        return "?";
    }
}

const char *source_mode(const struct grain_source *source)
{
    if (source->mode == GRAIN_MODE_NATIVE)
        return "native";
    return source->mode == GRAIN_MODE_SKB ? "skb" : "";
}
