/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of messages under way: its keyed hash, its tags, and how a slot changes hands.
 */
#ifndef GRAIN_STAGE_FLOW_TABLE_H
#define GRAIN_STAGE_FLOW_TABLE_H

#include "../parse/name.h"
#include "event.h"

static __always_inline __u64 grain_flow_sum(const struct grain_packet *packet,
                                            const struct grain_hash_key *key)
{
    __u64 ports = (__u64)packet->source_port << 16 | packet->destination_port |
                  (__u64)packet->vlan[0] << 32 | (__u64)packet->vlan[1] << 48;

    return grain_nh(ports, key->flow[4]) + grain_nh(grain_load.source_slot, key->flow[5]);
}

/* The keyed hash of a flow's addresses, ports, VLANs and source slot; 0 when the header cannot be
 * read. */
static __always_inline __u64 grain_flow_hash(grain_context *ctx, const struct grain_packet *packet,
                                             const struct grain_hash_key *key)
{
    const __u8 *base = grain_env_data(ctx), *end = grain_env_data_end(ctx);
    __u64 sum = grain_flow_sum(packet, key);
    const __u8 *p;

    if (packet->family == 4) {
        p = grain_frame_at(base, end, packet->l3_offset & 0x1f, 20);
        if (!p)
            return 0;
        sum += grain_nh(grain_load64_raw(p + 12), key->flow[0]);
    } else {
        p = grain_frame_at(base, end, packet->l3_offset & 0x1f, 40);
        if (!p)
            return 0;
        sum += grain_nh(grain_load64_raw(p + 8), key->flow[0]) +
               grain_nh(grain_load64_raw(p + 16), key->flow[1]) +
               grain_nh(grain_load64_raw(p + 24), key->flow[2]) +
               grain_nh(grain_load64_raw(p + 32), key->flow[3]);
    }
    /* A bijection that brings every bit of the sum to the upper half, where bucket and tag come
     * from. */
    sum ^= sum >> 32;
    return (sum ^ key->flow[6]) * 0xd6e8feb86659fd93ULL;
}

static __always_inline __u32 grain_flow_bucket(__u64 hash)
{
    return (__u32)(hash >> 32);
}

static __always_inline __u16 grain_flow_tag(__u64 hash)
{
    return (__u16)(hash >> 48) | 1;
}

/* Does a bucket hold this tag? One load for the whole bucket. */
static __always_inline bool grain_flow_suspected(__u64 hash)
{
    struct grain_flow_tags *tags = grain_env_flow_tags(grain_flow_bucket(hash));
    __u64 word, match;

    if (!tags)
        return false;
    word = grain_load64_raw((const __u8 *)tags->tags);
    if (word == 0)
        return false;
    match = word ^ grain_flow_tag(hash) * 0x0001000100010001ULL;
    return (match - 0x0001000100010001ULL) & ~match & 0x8000800080008000ULL;
}

static __always_inline void grain_flow_tag_set(__u64 hash, __u32 way, __u16 tag)
{
    struct grain_flow_tags *tags = grain_env_flow_tags(grain_flow_bucket(hash));

    if (tags)
        *(volatile __u16 *)&tags->tags[way & (GRAIN_FLOW_WAYS - 1)] = tag;
}

/* Give the slot back, or leave it waiting for the next segment. Only its owner calls this. */
static __always_inline void grain_flow_release(struct grain_flow *flow, __u64 hash, __u32 way,
                                               __u32 state)
{
    if (state == GRAIN_FLOW_FREE)
        grain_flow_tag_set(hash, way, 0);
    grain_env_lock(flow);
    flow->state = state;
    grain_env_unlock(flow);
}

static __always_inline bool grain_flow_expired(const struct grain_flow *flow, __u32 now)
{
    return (__s32)(now - flow->deadline) > 0;
}

/*
 * Count why a message was given up; a flow that only passes over the rest of a counted message
 * gives nothing up. Every message that was started ends in one of these counters, in
 * flow_completed, or is pending.
 */
static __always_inline void grain_flow_give_up(struct grain_cpu *cpu, const struct grain_flow *flow,
                                               __u64 reason)
{
    if (!flow->skip)
        grain_count_variable(cpu, reason);
}

/* Take a slot of the bucket for a new message: a free one, one whose time is over, or the one
 * nearest its end. */
static __always_inline struct grain_flow *grain_flow_claim(struct grain_cpu *cpu, __u64 hash,
                                                           __u32 now, __u32 *way_out)
{
    struct grain_flow *chosen = NULL;
    __u32 way = 0, least = 0xffffffff, was;

    for (__u32 i = 0; i < GRAIN_FLOW_WAYS; i++) {
        struct grain_flow *flow = grain_env_flow(grain_env_flow_slot(grain_flow_bucket(hash), i));
        __u32 left;

        if (!flow || flow->state == GRAIN_FLOW_BUSY)
            continue;
        left = flow->state == GRAIN_FLOW_FREE ? 0 : 1 + flow->deadline - now;
        if (flow->state == GRAIN_FLOW_PENDING && grain_flow_expired(flow, now))
            left = 1;
        /* The same flow begins anew: its old slot is the one. */
        if (flow->state == GRAIN_FLOW_PENDING && flow->hash == hash)
            left = 0;
        if (left < least) {
            least = left;
            chosen = flow;
            way = i;
        }
    }
    if (!chosen)
        return NULL;
    grain_env_lock(chosen);
    was = chosen->state;
    if (was != GRAIN_FLOW_BUSY)
        chosen->state = GRAIN_FLOW_BUSY;
    grain_env_unlock(chosen);
    if (was == GRAIN_FLOW_BUSY)
        return NULL;
    if (was == GRAIN_FLOW_PENDING) {
        if (grain_flow_expired(chosen, now))
            grain_flow_give_up(cpu, chosen, GRAIN_COUNTER_FLOW_TIMED_OUT);
        else if (chosen->hash == hash)
            grain_flow_give_up(cpu, chosen, GRAIN_COUNTER_FLOW_REUSED);
        else
            grain_flow_give_up(cpu, chosen, GRAIN_COUNTER_FLOW_EVICTED);
    }
    *way_out = way;
    return chosen;
}

/* The slot of a flow that has a message under way, or NULL. */
static __always_inline struct grain_flow *grain_flow_find(__u64 hash, __u32 *way_out)
{
    struct grain_flow_tags *tags = grain_env_flow_tags(grain_flow_bucket(hash));
    __u16 tag = grain_flow_tag(hash);

    if (!tags)
        return NULL;
    for (__u32 i = 0; i < GRAIN_FLOW_WAYS; i++) {
        struct grain_flow *flow;

        if (tags->tags[i] != tag)
            continue;
        flow = grain_env_flow(grain_env_flow_slot(grain_flow_bucket(hash), i));
        if (flow && flow->hash == hash) {
            *way_out = i;
            return flow;
        }
    }
    return NULL;
}

#endif
