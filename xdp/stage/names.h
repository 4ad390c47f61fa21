/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names into the tables.
 *
 * A name is in this CPU's count table (known), gets a free place (new), or takes the place of the
 * one seen longest ago (new, and the old count leaves in the event). Where the budget for that is
 * used up the newcomer is counted as unattributed and the table stays: a flood of random names
 * cannot wash the known ones out. So, for each kind and exactly: sum of the table + counts received
 * in events + unattributed = names counted.
 */
#ifndef GRAIN_STAGE_NAMES_H
#define GRAIN_STAGE_NAMES_H

#include "../parse/name.h"
#include "event.h"

/* Where the bytes of the name in hand are. */
#define GRAIN_AT_PACKET 0 /* the frame, from its payload on */
#define GRAIN_AT_WINDOW 1 /* cpu->window, a copy of the payload */
#define GRAIN_AT_FLOW   2 /* a flow's bytes */
#define GRAIN_AT_NAME   3 /* cpu->name, an expanded name */

/* Payload bytes that are readable in place. */
static __always_inline __u32 grain_payload_linear(const struct grain_packet *packet)
{
    __u32 left = packet->linear_length - packet->payload_offset;

    if (packet->payload_offset > packet->linear_length)
        return 0;
    return packet->payload_length < left ? packet->payload_length : left;
}

static __always_inline void grain_window_open(grain_context *ctx, struct grain_cpu *cpu,
                                              struct grain_flow *flow, int where,
                                              struct grain_window *w)
{
    __u32 length;

    w->kind = GRAIN_WINDOW_BUFFER;
    w->end = NULL;
    if (where == GRAIN_AT_PACKET) {
        w->kind = GRAIN_WINDOW_PACKET;
        w->base = grain_env_data(ctx) + (cpu->packet.payload_offset & 0x7ff);
        w->end = grain_env_data_end(ctx);
        length = grain_payload_linear(&cpu->packet);
    } else if (where == GRAIN_AT_WINDOW) {
        w->base = cpu->window;
        length = cpu->dns.length;
    } else if (where == GRAIN_AT_FLOW) {
        w->base = flow->bytes;
        length = flow->filled;
    } else {
        w->base = cpu->name;
        length = sizeof(cpu->name);
    }
    grain_window_limit(w, length);
}

static __always_inline struct grain_name_slot *grain_bucket_find(struct grain_name_bucket *bucket,
                                                                 __u64 hash)
{
    if (bucket->slots[0].hash == hash)
        return &bucket->slots[0];
    if (bucket->slots[1].hash == hash)
        return &bucket->slots[1];
    return NULL;
}

static __always_inline __u32 grain_bucket_first(__u64 hash)
{
    return (__u32)hash;
}

static __always_inline __u32 grain_bucket_second(__u64 hash)
{
    return (__u32)(hash >> 32);
}

/* Ticks since a slot was last seen; an empty slot is the oldest of all. */
static __always_inline __u64 grain_slot_age(const struct grain_name_slot *slot, __u32 now)
{
    return slot->hash ? now - slot->last_seen : 1ULL << 32;
}

/*
 * Which of the four slots to fill: an empty one, or the one seen longest ago. The number goes
 * through memory, so that the verifier follows one slot of unknown place and not four.
 */
GRAIN_STAGE int grain_slot_choose(struct grain_cpu *cpu, const struct grain_name_bucket *first,
                                  const struct grain_name_bucket *second, __u32 now)
{
    __u64 oldest = grain_slot_age(&first->slots[0], now);
    __u64 age = grain_slot_age(&first->slots[1], now);
    __u32 chosen = 0;

    if (age > oldest) {
        oldest = age;
        chosen = 1;
    }
    age = grain_slot_age(&second->slots[0], now);
    if (age > oldest) {
        oldest = age;
        chosen = 2;
    }
    age = grain_slot_age(&second->slots[1], now);
    cpu->job.slot = age > oldest ? 3 : chosen;
    return 0;
}

static __always_inline struct grain_name_slot *grain_slot_chosen(const struct grain_cpu *cpu,
                                                                 struct grain_name_bucket *first,
                                                                 struct grain_name_bucket *second)
{
    struct grain_name_bucket *bucket = cpu->job.slot & 2 ? second : first;
    __u64 which = cpu->job.slot & 1;

    grain_opaque(which);
    return &bucket->slots[which & 1];
}

static __always_inline void grain_slot_fill(struct grain_name_slot *slot, struct grain_cpu *cpu,
                                            __u32 now)
{
    slot->hash = cpu->job.hash;
    slot->count = 1;
    slot->first_seen = now;
    slot->last_seen = now;
    slot->type = cpu->job.type;
    slot->kind = cpu->job.kind;
    slot->length = cpu->job.length;
}

/* Kinds and dispositions run in parallel, but for the server name. */
static __always_inline __u32 grain_name_disposition(__u32 kind)
{
    if (kind == GRAIN_NAME_TLS_SNI)
        return GRAIN_DISPOSITION_TLS_HELLO;
    return kind - GRAIN_NAME_DNS_QUERY + GRAIN_DISPOSITION_DNS_QUERY;
}

_Static_assert((int)GRAIN_DISPOSITION_LLMNR_RESPONSE - GRAIN_DISPOSITION_DNS_QUERY ==
                   (int)GRAIN_NAME_LLMNR_RESPONSE - GRAIN_NAME_DNS_QUERY,
               "kinds and dispositions run in parallel");

static __always_inline void grain_unattribute(struct grain_cpu *cpu, __u8 kind, __u64 count)
{
    cpu->counters[GRAIN_COUNTER_UNATTRIBUTED] += count;
    cpu->unattributed[kind & (GRAIN_NAME_KIND_MAX - 1)] += count;
}

/*
 * Choose the text slot for a name that is not stored yet; NULL when it is. Slots are never emptied,
 * so a name stands before the first empty one of its places.
 */
static __always_inline struct grain_text_slot *grain_text_choose(struct grain_cpu *cpu, __u64 hash)
{
    struct grain_text_slot *chosen = NULL;
    __u32 index = (__u32)(hash >> 16);

    for (__u32 i = 0; i < 4; i++) {
        struct grain_text_slot *slot = grain_env_text(index);

        if (!slot)
            return NULL;
        if (slot->hash == hash)
            return NULL;
        if (!slot->hash) {
            chosen = slot;
            break;
        }
        if (!chosen)
            chosen = slot;
        index = i == 1 ? (__u32)(hash >> 40) : index ^ 1;
    }
    if (chosen && chosen->hash)
        grain_count(cpu, GRAIN_COUNTER_TEXTS_REPLACED);
    grain_count(cpu, GRAIN_COUNTER_TEXTS_NEW);
    return chosen;
}

/*
 * Loops over bytes leave their results in map memory and end with grain_forget(), or in a function
 * of their own: otherwise every length of a name would be a path of its own through all that
 * follows. What known names in the frame itself pass through is inlined: a call costs up to 10 ns
 * on CPUs that guard returns.
 */
static __always_inline int grain_name_hash_at(grain_context *ctx, struct grain_cpu *cpu,
                                              const struct grain_config *config,
                                              struct grain_flow *flow, int where)
{
    __u64 shape = grain_name_shape(cpu->job.length, cpu->job.kind, cpu->job.type);
    struct grain_window w;

    grain_window_open(ctx, cpu, flow, where, &w);
    cpu->job.hash =
        grain_name_hash(&w, cpu->job.offset, cpu->job.length, shape, &config->key, cpu->folded);
    grain_forget();
    return 0;
}

GRAIN_STAGE int grain_name_hash_window(grain_context *ctx, struct grain_cpu *cpu,
                                       const struct grain_config *config)
{
    return grain_name_hash_at(ctx, cpu, config, NULL, GRAIN_AT_WINDOW);
}

GRAIN_STAGE int grain_name_hash_expanded(grain_context *ctx, struct grain_cpu *cpu,
                                         const struct grain_config *config)
{
    return grain_name_hash_at(ctx, cpu, config, NULL, GRAIN_AT_NAME);
}

GRAIN_STAGE int grain_name_hash_flow(grain_context *ctx, struct grain_cpu *cpu,
                                     const struct grain_config *config, struct grain_flow *flow)
{
    return grain_name_hash_at(ctx, cpu, config, flow, GRAIN_AT_FLOW);
}

static __always_inline void grain_text_store(struct grain_cpu *cpu)
{
    __u64 hash = cpu->job.hash;
    struct grain_text_slot *slot = grain_text_choose(cpu, hash);

    if (!slot)
        return;
    slot->hash = 0;
    /* Only the name's own words: the slot is cold, and most names are short. */
    for (__u32 i = 0; i < sizeof(slot->text); i += 8) {
        if (i >= cpu->job.length)
            break;
        grain_store64_raw(slot->text + i, grain_load64_raw(cpu->folded + i));
    }
    grain_forget();
    slot->first_seen = grain_env_ticks();
    slot->type = cpu->job.type;
    slot->kind = cpu->job.kind;
    slot->length = cpu->job.length;
    slot->hash = hash;
}

/* Send the event of the name in hand. 0 when it left. */
static __always_inline int grain_name_event(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config,
                                            struct grain_flow *flow, int stream, __u32 flags)
{
    if (cpu->job.partial)
        flags |= GRAIN_RECORD_FLAG_PARTIAL;
    if (stream)
        return grain_event_stream(ctx, cpu, flow, GRAIN_RECORD_NAME, flags);
    return grain_event_packet(ctx, cpu, config, GRAIN_RECORD_NAME, flags);
}

/* A name that neither of its buckets knows. */
static __always_inline void grain_name_new(grain_context *ctx, struct grain_cpu *cpu,
                                           const struct grain_config *config,
                                           struct grain_flow *flow, int stream)
{
    struct grain_name_bucket *first = grain_env_bucket(grain_bucket_first(cpu->job.hash));
    struct grain_name_bucket *second = grain_env_bucket(grain_bucket_second(cpu->job.hash));
    struct grain_record *record = stream ? &flow->record : &cpu->record;
    __u32 now = grain_env_ticks();
    struct grain_name_slot *slot;
    __u32 flags = GRAIN_RECORD_FLAG_NEW;
    bool allowed;

    if (!first || !second)
        return;
    grain_slot_choose(cpu, first, second, now);
    slot = grain_slot_chosen(cpu, first, second);
    grain_count(cpu, GRAIN_COUNTER_EVENTS_SEEN);
    allowed = grain_budget_take(&cpu->new_budget, config->new_rate, config->new_burst,
                                config->ticks_per_second);
    if (!allowed)
        grain_count(cpu, GRAIN_COUNTER_EVENTS_OVER_BUDGET);
    if (slot->hash) {
        if (!allowed) {
            grain_unattribute(cpu, cpu->job.kind, 1);
            return;
        }
        record->evicted = *slot;
        flags |= GRAIN_RECORD_FLAG_EVICTED;
        grain_count(cpu, GRAIN_COUNTER_NAMES_REPLACED);
    }
    grain_slot_fill(slot, cpu, now);
    grain_count(cpu, GRAIN_COUNTER_NAMES_NEW);
    grain_text_store(cpu);
    if (!allowed)
        return;
    if (grain_name_event(ctx, cpu, config, flow, stream, flags) == 0) {
        if (flags & GRAIN_RECORD_FLAG_EVICTED)
            grain_count(cpu, GRAIN_COUNTER_NAMES_REPLACED_SENT);
    } else if (flags & GRAIN_RECORD_FLAG_EVICTED) {
        grain_unattribute(cpu, record->evicted.kind, record->evicted.count);
    }
}

/* Kept out of line: the hot path of known names does not pay for it. */
GRAIN_STAGE int grain_name_new_packet(grain_context *ctx, struct grain_cpu *cpu,
                                      const struct grain_config *config)
{
    grain_name_new(ctx, cpu, config, NULL, 0);
    return 0;
}

GRAIN_STAGE int grain_name_new_flow(grain_context *ctx, struct grain_cpu *cpu,
                                    const struct grain_config *config, struct grain_flow *flow)
{
    grain_name_new(ctx, cpu, config, flow, 1);
    return 0;
}

GRAIN_STAGE int grain_name_known(grain_context *ctx, struct grain_cpu *cpu,
                                 const struct grain_config *config)
{
    grain_name_event(ctx, cpu, config, NULL, 0, GRAIN_RECORD_FLAG_SAMPLED);
    return 0;
}

GRAIN_STAGE int grain_name_known_flow(grain_context *ctx, struct grain_cpu *cpu,
                                      const struct grain_config *config, struct grain_flow *flow)
{
    grain_name_event(ctx, cpu, config, flow, 1, GRAIN_RECORD_FLAG_SAMPLED);
    return 0;
}

/*
 * A name whose hash is in the job: the packet's disposition, the tables, the event. Returns 1 for a
 * name that is not in the table yet.
 */
static __always_inline int grain_name_enter(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config,
                                            struct grain_flow *flow, int where)
{
    __u64 hash = cpu->job.hash;
    struct grain_name_bucket *bucket = grain_env_bucket(grain_bucket_first(hash));
    struct grain_name_slot *slot;

    if (!bucket)
        return 0;
    if (grain_disposition_named(cpu->packet.disposition))
        grain_count(cpu, GRAIN_COUNTER_NAMES_EXTRA);
    else
        grain_move(cpu, grain_name_disposition(cpu->job.kind));
    cpu->names[cpu->job.kind & (GRAIN_NAME_KIND_MAX - 1)]++;
    slot = grain_bucket_find(bucket, hash);
    if (!slot) {
        bucket = grain_env_bucket(grain_bucket_second(hash));
        if (!bucket)
            return 0;
        slot = grain_bucket_find(bucket, hash);
    }
    if (!slot)
        return 1;
    slot->count++;
    slot->last_seen = grain_env_ticks();
    if (!grain_event_sampled(cpu, config))
        return 0;
    if (where == GRAIN_AT_FLOW)
        grain_name_known_flow(ctx, cpu, config, flow);
    else
        grain_name_known(ctx, cpu, config);
    return 0;
}

GRAIN_STAGE int grain_name_enter_elsewhere(grain_context *ctx, struct grain_cpu *cpu,
                                           const struct grain_config *config)
{
    return grain_name_enter(ctx, cpu, config, NULL, GRAIN_AT_PACKET);
}

GRAIN_STAGE int grain_name_enter_flow(grain_context *ctx, struct grain_cpu *cpu,
                                      const struct grain_config *config, struct grain_flow *flow)
{
    return grain_name_enter(ctx, cpu, config, flow, GRAIN_AT_FLOW);
}

/* Hash the name that cpu->job describes and enter it. False when its bytes are not there. */
static __always_inline bool grain_name_take(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config,
                                            struct grain_flow *flow, int where)
{
    int missing;

    if (where == GRAIN_AT_PACKET)
        grain_name_hash_at(ctx, cpu, config, NULL, GRAIN_AT_PACKET);
    else if (where == GRAIN_AT_WINDOW)
        grain_name_hash_window(ctx, cpu, config);
    else if (where == GRAIN_AT_NAME)
        grain_name_hash_expanded(ctx, cpu, config);
    else
        grain_name_hash_flow(ctx, cpu, config, flow);
    if (!cpu->job.hash)
        return false;
    if (where == GRAIN_AT_FLOW) {
        if (grain_name_enter_flow(ctx, cpu, config, flow))
            grain_name_new_flow(ctx, cpu, config, flow);
        return true;
    }
    if (where == GRAIN_AT_PACKET)
        missing = grain_name_enter(ctx, cpu, config, NULL, GRAIN_AT_PACKET);
    else
        missing = grain_name_enter_elsewhere(ctx, cpu, config);
    if (missing)
        grain_name_new_packet(ctx, cpu, config);
    return true;
}

#endif
