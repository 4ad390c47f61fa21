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
#define GRAIN_AT_FLOW   2 /* a flow's bytes: of the flow that cpu->flow_slot names */
#define GRAIN_AT_NAME   3 /* cpu->name, an expanded name */

/* Payload bytes that are readable in place. */
static __always_inline __u32 grain_payload_linear(const struct grain_packet *packet)
{
    __u32 left = packet->linear_length - packet->payload_offset;

    if (packet->payload_offset > packet->linear_length)
        return 0;
    return packet->payload_length < left ? packet->payload_length : left;
}

/* The payload in the frame. */
static __always_inline void grain_window_open_packet(grain_context *ctx, struct grain_cpu *cpu,
                                                     struct grain_window *w)
{
    w->kind = GRAIN_WINDOW_PACKET;
    w->base = grain_env_data(ctx) + (cpu->packet.payload_offset & 0x7ff);
    w->end = grain_env_data_end(ctx);
    w->zero = *(volatile __u16 *)&cpu->packet.zero;
    grain_window_limit(w, grain_payload_linear(&cpu->packet));
}

/* Bytes that lie in a map. False when they do not. */
static __always_inline bool grain_window_open(struct grain_cpu *cpu, int where,
                                              struct grain_window *w)
{
    __u32 length = cpu->dns.length;
    struct grain_flow *flow;

    w->kind = GRAIN_WINDOW_BUFFER;
    w->end = NULL;
    w->zero = *(volatile __u16 *)&cpu->packet.zero;
    w->base = cpu->window;
    if (where == GRAIN_AT_FLOW) {
        flow = grain_env_flow(cpu->flow_slot);
        if (!flow)
            return false;
        w->base = flow->bytes;
        length = flow->filled;
    } else if (where == GRAIN_AT_NAME) {
        w->base = cpu->name;
        length = sizeof(cpu->name);
    }
    grain_window_limit(w, length);
    return true;
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
static __always_inline void grain_slot_choose(struct grain_cpu *cpu,
                                              const struct grain_name_bucket *first,
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
    grain_forget();
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
 * Loops over bytes end with grain_blur() or grain_forget(), or in a function of their own:
 * otherwise every length of a name would be a path of its own through all that follows. What known
 * names in the frame itself pass through is inlined: a call costs up to 10 ns on CPUs that guard
 * returns.
 */
static __always_inline __u64 grain_name_hash_in(const struct grain_window *w, struct grain_cpu *cpu,
                                                const struct grain_config *config)
{
    __u64 shape = grain_name_shape(cpu->job.length, cpu->job.kind, cpu->job.type);

    cpu->job.hash =
        grain_name_hash(w, cpu->job.offset, cpu->job.length, shape, &config->key, cpu->folded);
    return cpu->job.hash;
}

#define GRAIN_TEXT_FULL  GRAIN_TEXT_WAYS
#define GRAIN_TEXT_THERE (GRAIN_TEXT_WAYS + 1)

/* The first empty place of a bucket, which is also how many are taken: they are never emptied. Or
 * GRAIN_TEXT_FULL, or GRAIN_TEXT_THERE: the text is in it. */
static __always_inline __u64 grain_text_way(const struct grain_text_bucket *bucket, __u64 hash,
                                            __u64 zero)
{
    __u64 way = GRAIN_TEXT_FULL;

#pragma GCC unroll 8
    for (__u32 i = 0; i < GRAIN_TEXT_WAYS; i++) {
        if (bucket->hash[i] == hash) {
            way = GRAIN_TEXT_THERE;
            break;
        }
        if (!bucket->hash[i] && way == GRAIN_TEXT_FULL)
            way = i;
    }
    return grain_blur(way, zero, 15);
}

/*
 * Where the text of a name goes: the emptier of its two buckets. The second one, cold memory, is
 * looked at only where the first is half full, which costs little of what two give. NULL: it is
 * there.
 */
static __always_inline struct grain_text_bucket *grain_text_place(__u64 hash, __u64 zero,
                                                                  __u64 *way)
{
    struct grain_text_bucket *first = grain_env_texts(grain_text_bucket_of(hash)), *second;
    __u64 other;

    if (!first)
        return NULL;
    *way = grain_text_way(first, hash, zero);
    if (*way == GRAIN_TEXT_THERE)
        return NULL;
    if (*way < GRAIN_TEXT_WAYS / 2)
        return first;
    second = grain_env_texts(grain_text_second_of(hash));
    if (!second)
        return NULL;
    other = grain_text_way(second, hash, zero);
    if (other == GRAIN_TEXT_THERE)
        return NULL;
    if (other < *way) {
        *way = other;
        return second;
    }
    if (*way == GRAIN_TEXT_FULL)
        *way = hash >> 61;
    return first;
}

/* Store the text of the name in hand, unless it is there. */
static __always_inline void grain_text_store(struct grain_cpu *cpu)
{
    __u64 hash = cpu->job.hash, zero = *(volatile __u16 *)&cpu->packet.zero, way = 0;
    struct grain_text_bucket *bucket = grain_text_place(hash, zero, &way);
    struct grain_text_slot *slot;

    if (!bucket)
        return;
    way = grain_blur(way, zero, GRAIN_TEXT_WAYS - 1);
    if (bucket->hash[way])
        grain_count(cpu, GRAIN_COUNTER_TEXTS_REPLACED);
    grain_count(cpu, GRAIN_COUNTER_TEXTS_NEW);
    bucket->hash[way] = 0;
    slot = &bucket->slots[way];
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
    bucket->hash[way] = hash;
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

#define GRAIN_NAME_UNPLACED 0xffffffff

/*
 * Give the name in hand, which neither of its buckets knows, a place and store its text. What had
 * to make room is in cpu->evicted. Returns the flags of the event, or GRAIN_NAME_UNPLACED: no
 * event.
 */
GRAIN_GLOBAL __u32 grain_name_place(void)
{
    struct grain_config *config = grain_env_config();
    struct grain_cpu *cpu = grain_env_cpu();
    struct grain_name_bucket *first, *second;
    __u32 now = grain_env_ticks(), flags = GRAIN_RECORD_FLAG_NEW;
    struct grain_name_slot *slot;
    bool allowed;

    if (!config || !cpu)
        return GRAIN_NAME_UNPLACED;
    first = grain_env_bucket(grain_bucket_first(cpu->job.hash));
    second = grain_env_bucket(grain_bucket_second(cpu->job.hash));
    if (!first || !second)
        return GRAIN_NAME_UNPLACED;
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
            return GRAIN_NAME_UNPLACED;
        }
        cpu->evicted = *slot;
        flags |= GRAIN_RECORD_FLAG_EVICTED;
        grain_count(cpu, GRAIN_COUNTER_NAMES_REPLACED);
    }
    grain_slot_fill(slot, cpu, now);
    grain_count(cpu, GRAIN_COUNTER_NAMES_NEW);
    grain_text_store(cpu);
    return allowed ? flags : GRAIN_NAME_UNPLACED;
}

/* A name that neither of its buckets knows. */
static __always_inline void grain_name_new(grain_context *ctx, struct grain_cpu *cpu,
                                           const struct grain_config *config,
                                           struct grain_flow *flow, int stream)
{
    __u32 flags = grain_name_place();
    int lost;

    if (flags == GRAIN_NAME_UNPLACED)
        return;
    if (flags & GRAIN_RECORD_FLAG_EVICTED)
        *(stream ? &flow->record.evicted : &cpu->record.evicted) = cpu->evicted;
    lost = grain_name_event(ctx, cpu, config, flow, stream, flags);
    if (flags & GRAIN_RECORD_FLAG_EVICTED) {
        if (lost)
            grain_unattribute(cpu, cpu->evicted.kind, cpu->evicted.count);
        else
            grain_count(cpu, GRAIN_COUNTER_NAMES_REPLACED_SENT);
    }
}

/* What a name that was counted needs further. */
#define GRAIN_NAME_ABSENT  0 /* its bytes are not there: nothing was counted */
#define GRAIN_NAME_DONE    1
#define GRAIN_NAME_SAMPLED 2 /* an event */
#define GRAIN_NAME_MISSING 3 /* a place in the table */

/* A name whose hash is in the job: the packet's disposition and the tables. Returns what is still
 * to be done for it. */
static __always_inline __u32 grain_name_count(struct grain_cpu *cpu,
                                              const struct grain_config *config)
{
    __u64 hash = cpu->job.hash;
    struct grain_name_bucket *bucket = grain_env_bucket(grain_bucket_first(hash));
    struct grain_name_slot *slot;

    if (!bucket)
        return GRAIN_NAME_DONE;
    if (grain_disposition_named(cpu->packet.disposition))
        grain_count(cpu, GRAIN_COUNTER_NAMES_EXTRA);
    else
        grain_move(cpu, grain_name_disposition(cpu->job.kind));
    cpu->names[cpu->job.kind & (GRAIN_NAME_KIND_MAX - 1)]++;
    slot = grain_bucket_find(bucket, hash);
    if (!slot) {
        bucket = grain_env_bucket(grain_bucket_second(hash));
        if (!bucket)
            return GRAIN_NAME_DONE;
        slot = grain_bucket_find(bucket, hash);
    }
    if (!slot)
        return GRAIN_NAME_MISSING;
    slot->count++;
    slot->last_seen = grain_env_ticks();
    return grain_event_sampled(cpu, config) ? GRAIN_NAME_SAMPLED : GRAIN_NAME_DONE;
}

/* Hash and count a name whose bytes lie in a map. */
static __always_inline __u32 grain_name_count_at(int where)
{
    struct grain_config *config = grain_env_config();
    struct grain_cpu *cpu = grain_env_cpu();
    struct grain_window w;

    if (!config || !cpu || !grain_window_open(cpu, where, &w) ||
        !grain_name_hash_in(&w, cpu, config))
        return GRAIN_NAME_ABSENT;
    return grain_name_count(cpu, config);
}

GRAIN_GLOBAL __u32 grain_name_count_window(void)
{
    return grain_name_count_at(GRAIN_AT_WINDOW);
}

GRAIN_GLOBAL __u32 grain_name_count_expanded(void)
{
    return grain_name_count_at(GRAIN_AT_NAME);
}

GRAIN_GLOBAL __u32 grain_name_count_flow(void)
{
    return grain_name_count_at(GRAIN_AT_FLOW);
}

/* What is left to do for a name whose event carries the frame. Out of line: most names are known
 * and not sampled. */
GRAIN_STAGE int grain_name_finish_packet(grain_context *ctx, struct grain_cpu *cpu,
                                         const struct grain_config *config, __u32 left)
{
    if (left == GRAIN_NAME_SAMPLED)
        grain_name_event(ctx, cpu, config, NULL, 0, GRAIN_RECORD_FLAG_SAMPLED);
    else
        grain_name_new(ctx, cpu, config, NULL, 0);
    return 0;
}

/* The same for an event with a flow's bytes. */
GRAIN_STAGE int grain_name_finish_flow(grain_context *ctx, struct grain_cpu *cpu,
                                       const struct grain_config *config, struct grain_flow *flow,
                                       __u32 left)
{
    if (left == GRAIN_NAME_SAMPLED)
        grain_name_event(ctx, cpu, config, flow, 1, GRAIN_RECORD_FLAG_SAMPLED);
    else
        grain_name_new(ctx, cpu, config, flow, 1);
    return 0;
}

/* Hash the name in the frame that cpu->job describes and count it: the hot path. False when its
 * bytes are not there. */
static __always_inline bool grain_name_take_packet(grain_context *ctx, struct grain_cpu *cpu,
                                                   const struct grain_config *config,
                                                   const struct grain_window *w)
{
    __u32 left;

    if (!grain_name_hash_in(w, cpu, config))
        return false;
    left = grain_name_count(cpu, config);
    if (left != GRAIN_NAME_DONE)
        grain_name_finish_packet(ctx, cpu, config, left);
    return true;
}

/* The same for a name that lies in a map. */
static __always_inline bool grain_name_take(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config,
                                            struct grain_flow *flow, int where)
{
    __u32 left;

    if (where == GRAIN_AT_WINDOW)
        left = grain_name_count_window();
    else if (where == GRAIN_AT_NAME)
        left = grain_name_count_expanded();
    else
        left = grain_name_count_flow();
    if (left == GRAIN_NAME_ABSENT)
        return false;
    if (left == GRAIN_NAME_DONE)
        return true;
    if (where == GRAIN_AT_FLOW)
        grain_name_finish_flow(ctx, cpu, config, flow, left);
    else
        grain_name_finish_packet(ctx, cpu, config, left);
    return true;
}

#endif
