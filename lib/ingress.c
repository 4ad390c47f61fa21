// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which interfaces packets seem to have come in through that a source has counted.
 *
 * The program asks this map at egress. Devices are stacked and moved without a word to grain, so
 * the map is put in agreement with them by every command that changes something.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "attach_private.h"
#include "error_private.h"

/* A network namespace, and what is there. */
struct space {
    uint64_t netns;
    struct grain_devices devices;
};

static int map_of(const struct grain_pinned *pinned)
{
    return grain_pinned_fd(pinned, GRAIN_PINNED_grain_ingress_map);
}

/* Remove what `unwanted` says. Removing while walking would start the walk anew. */
static void remove_notes(const struct grain_pinned *pinned,
                         bool (*unwanted)(const void *user, const struct grain_ingress_key *key,
                                          uint32_t slot),
                         const void *user)
{
    struct grain_ingress_key key, found[GRAIN_INGRESS_MAX];
    int map = map_of(pinned);
    uint32_t slot, seen = 0, count = 0;
    void *from = NULL;

    while (seen++ < GRAIN_INGRESS_MAX && !bpf_map_get_next_key(map, from, &key)) {
        if (!bpf_map_lookup_elem(map, &key, &slot) && unwanted(user, &key, slot))
            found[count++] = key;
        from = &key;
    }
    while (count)
        (void)bpf_map_delete_elem(map, &found[--count]);
}

static int note(const struct grain_pinned *pinned, const struct grain_devices *devices,
                uint32_t slot, const struct grain_source *source)
{
    uint32_t above[GRAIN_INGRESS_MAX];
    size_t count;

    if (source->direction != GRAIN_DIRECTION_IN)
        return 0;
    if (devices->count > GRAIN_INGRESS_MAX)
        return grain_fail(-E2BIG, "%s: more than %d interfaces in this namespace", source->name,
                          GRAIN_INGRESS_MAX);
    count = grain_devices_above(devices, source->ifindex, above);
    for (size_t i = 0; i < count; i++) {
        const struct grain_ingress_key key = {source->netns, above[i]};

        if (bpf_map_update_elem(map_of(pinned), &key, &slot, BPF_ANY))
            return grain_fail(-errno, "%s: cannot note where packets come in: %s", source->name,
                              strerror(errno));
    }
    return 0;
}

int grain_ingress_add(struct grain_session *session, uint32_t slot,
                      const struct grain_source *source)
{
    return note(session->pinned, &session->devices, slot, source);
}

/* Is it a source of that namespace, other than `except`, that notes where packets come in? */
static bool notes_in(const struct grain_pinned *pinned, uint64_t netns, uint32_t slot,
                     uint32_t except, struct grain_source *out)
{
    return slot != except && !grain_pinned_source(pinned, slot, out) &&
           out->state == GRAIN_SOURCE_ATTACHED && out->direction == GRAIN_DIRECTION_IN &&
           out->netns == netns;
}

static int note_all(const struct grain_pinned *pinned, const struct space *space, uint32_t except)
{
    struct grain_source source;
    int error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++)
        if (notes_in(pinned, space->netns, slot, except, &source))
            error = note(pinned, &space->devices, slot, &source);
    return error;
}

static int look_into(struct space *space, uint64_t netns)
{
    int back, error = grain_netns_enter(netns, &back);

    space->netns = netns;
    if (error)
        return error;
    error = grain_devices_read(&space->devices);
    grain_netns_leave(back);
    return error;
}

struct stale {
    uint64_t netns;
    uint32_t slot;
    size_t count;
    uint32_t above[GRAIN_INGRESS_MAX];
};

/* This slot has noted it, and is no longer below it. */
static bool is_stale(const void *user, const struct grain_ingress_key *key, uint32_t slot)
{
    const struct stale *stale = user;

    if (key->netns != stale->netns || slot != stale->slot)
        return false;
    for (size_t i = 0; i < stale->count; i++)
        if (stale->above[i] == key->ifindex)
            return false;
    return true;
}

/* First all of them note what is there now, so that no note is missing at any moment. */
static int refresh_space(const struct grain_pinned *pinned, const struct space *space)
{
    struct stale stale = {.netns = space->netns};
    struct grain_source source;
    int error = note_all(pinned, space, GRAIN_SOURCE_SLOTS);

    for (stale.slot = 0; !error && stale.slot < GRAIN_SOURCE_SLOTS; stale.slot++) {
        if (!notes_in(pinned, space->netns, stale.slot, GRAIN_SOURCE_SLOTS, &source))
            continue;
        stale.count = grain_devices_above(&space->devices, source.ifindex, stale.above);
        remove_notes(pinned, is_stale, &stale);
    }
    return error;
}

int grain_ingress_refresh(const struct grain_pinned *pinned)
{
    uint64_t done[GRAIN_SOURCE_SLOTS];
    struct grain_source source;
    size_t count = 0;
    int error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++) {
        struct space space = {0};
        bool seen = false;

        if (grain_pinned_source(pinned, slot, &source) ||
            !notes_in(pinned, source.netns, slot, GRAIN_SOURCE_SLOTS, &source))
            continue;
        for (size_t i = 0; i < count; i++)
            seen |= done[i] == source.netns;
        if (seen)
            continue;
        done[count++] = source.netns;
        if (!look_into(&space, source.netns))
            error = refresh_space(pinned, &space);
        grain_devices_free(&space.devices);
    }
    return error;
}

static bool is_of_slot(const void *user, const struct grain_ingress_key *key, uint32_t slot)
{
    const uint32_t *wanted = user;

    (void)key;
    return slot == *wanted;
}

/* A bridge or bond stands on several interfaces: what others of them have noted too is theirs
 * before this slot's notes go, so that no packet is taken for one that was not seen. */
void grain_ingress_hand_over(const struct grain_pinned *pinned, uint32_t slot,
                             const struct grain_source *source)
{
    struct space space = {0};

    if (source->direction == GRAIN_DIRECTION_IN && !look_into(&space, source->netns))
        (void)note_all(pinned, &space, slot);
    grain_devices_free(&space.devices);
    remove_notes(pinned, is_of_slot, &slot);
}
