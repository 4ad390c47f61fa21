/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: who gets one, and what becomes of it. Every candidate ends in exactly one counter:
 * seen = sent + sampled_out + over_budget + ring_full + no_reader + failed.
 */
#ifndef GRAIN_STAGE_EVENT_H
#define GRAIN_STAGE_EVENT_H

#include <grain/config.h>
#include <grain/flow.h>
#include "../parse/dissect.h"
#include "count.h"

#define GRAIN_ERROR_NO_READER 2  /* ENOENT */
#define GRAIN_ERROR_RING_FULL 28 /* ENOSPC */

/* Take one token; `rate` tokens a second, at most `burst` saved up. A rate of 0 sets no limit. */
static __always_inline bool grain_budget_take(struct grain_budget *budget, __u32 rate, __u32 burst,
                                              __u32 ticks_per_second)
{
    __u64 now, earned;

    if (rate == 0)
        return true;
    now = grain_env_ticks();
    if (ticks_per_second == 0)
        return false;
    earned = (now - budget->refilled) * rate / ticks_per_second;
    if (earned > 0) {
        budget->refilled = now;
        budget->tokens = budget->tokens + earned > burst ? burst : budget->tokens + earned;
    }
    if (budget->tokens == 0)
        return false;
    budget->tokens--;
    return true;
}

/* One in config->sample, by countdown. */
static __always_inline bool grain_sample_take(struct grain_cpu *cpu,
                                              const struct grain_config *config)
{
    __u32 every = config->sample;

    if (every == 0)
        return false;
    if (cpu->countdown > 1 && cpu->countdown <= every) {
        cpu->countdown--;
        return false;
    }
    cpu->countdown = every;
    return true;
}

/* May a known name or a nameless message become an event? Counts the refusal. */
static __always_inline bool grain_event_sampled(struct grain_cpu *cpu,
                                                const struct grain_config *config)
{
    grain_count(cpu, GRAIN_COUNTER_EVENTS_SEEN);
    if (!grain_sample_take(cpu, config)) {
        grain_count(cpu, GRAIN_COUNTER_EVENTS_SAMPLED_OUT);
        return false;
    }
    if (!grain_budget_take(&cpu->sample_budget, config->sample_rate, config->sample_burst,
                           config->ticks_per_second)) {
        grain_count(cpu, GRAIN_COUNTER_EVENTS_OVER_BUDGET);
        return false;
    }
    return true;
}

static __always_inline void grain_event_result(struct grain_cpu *cpu, int result)
{
    if (result == 0)
        grain_count(cpu, GRAIN_COUNTER_EVENTS_SENT);
    else if (result == -GRAIN_ERROR_NO_READER)
        grain_count(cpu, GRAIN_COUNTER_EVENTS_NO_READER);
    else if (result == -GRAIN_ERROR_RING_FULL)
        grain_count(cpu, GRAIN_COUNTER_EVENTS_RING_FULL);
    else
        grain_count(cpu, GRAIN_COUNTER_EVENTS_FAILED);
}

static __always_inline void grain_address_map4(__u8 *to, const __u8 *from)
{
    grain_store64_raw(to, 0);
    *(__u32 *)(to + 8) = 0xffff0000;
    *(__u32 *)(to + 12) = grain_load32_raw(from);
}

static __always_inline void grain_address_copy6(__u8 *to, const __u8 *from)
{
    grain_store64_raw(to, grain_load64_raw(from));
    grain_store64_raw(to + 8, grain_load64_raw(from + 8));
}

/* Addresses, ports and framing of the packet in hand. */
static __always_inline void grain_record_describe(grain_context *ctx, struct grain_cpu *cpu,
                                                  struct grain_record *record)
{
    const struct grain_packet *packet = &cpu->packet;
    const __u8 *base = grain_env_data(ctx), *end = grain_env_data_end(ctx);
    const __u8 *p;

    if (packet->family == 4) {
        p = grain_frame_at(base, end, packet->l3_offset & 0x1f, 20);
        if (p) {
            grain_address_map4(record->source, p + 12);
            grain_address_map4(record->destination, p + 16);
        }
    } else {
        p = grain_frame_at(base, end, packet->l3_offset & 0x1f, 40);
        if (p) {
            grain_address_copy6(record->source, p + 8);
            grain_address_copy6(record->destination, p + 24);
        }
    }
    record->source_port = packet->source_port;
    record->destination_port = packet->destination_port;
    record->vlan[0] = packet->vlan[0];
    record->vlan[1] = packet->vlan[1];
    record->vlan_count = packet->vlan_count;
    record->family = packet->family;
    record->protocol = packet->protocol;
    record->payload_offset = packet->payload_offset;
    record->tcp_sequence = packet->tcp_sequence;
    record->header.packet_length = packet->wire_length;
}

/* The header, as late as possible: time and sequence are those of the sending. */
static __always_inline void grain_record_head(struct grain_cpu *cpu, struct grain_record *record,
                                              __u8 type, __u16 flags, __u32 bytes)
{
    record->header.type = type;
    record->header.version = GRAIN_RECORD_VERSION;
    record->header.hook = grain_load.hook;
    record->header.direction = grain_load.direction;
    record->header.header_length = sizeof(*record);
    record->header.flags = flags;
    record->header.length = sizeof(*record) + bytes;
    record->header.cpu = grain_env_cpu_number();
    record->header.time_ns = grain_env_time();
    record->header.sequence = cpu->sequence++;
    record->header.source_slot = grain_load.source_slot;
}

static __always_inline void grain_record_job(struct grain_cpu *cpu, struct grain_record *record)
{
    record->kind = cpu->job.kind;
    record->type = cpu->job.type;
    record->question = cpu->job.question;
    record->name_hash = cpu->job.hash;
    record->disposition = cpu->packet.disposition;
    record->frame = grain_env_frame();
}

/* An event with the frame's bytes behind it. cpu->record.evicted has been set where flags say so.
 */
GRAIN_STAGE int grain_event_packet(grain_context *ctx, struct grain_cpu *cpu,
                                   const struct grain_config *config, __u32 type, __u32 flags)
{
    struct grain_record *record = &cpu->record;
    __u64 bytes = grain_env_readable_length(ctx);
    int result;

    if (bytes > config->snap_length)
        bytes = config->snap_length;
    bytes &= 0xffff;
    grain_record_describe(ctx, cpu, record);
    grain_record_job(cpu, record);
    record->message_offset = cpu->packet.payload_offset + cpu->job.message;
    record->segments = 1;
    grain_record_head(cpu, record, type, flags, bytes);
    result = grain_env_emit(ctx, record, sizeof(*record), bytes);
    grain_event_result(cpu, result);
    return result;
}

/* An event with the bytes of a message put together. */
GRAIN_STAGE int grain_event_stream(grain_context *ctx, struct grain_cpu *cpu,
                                   struct grain_flow *flow, __u32 type, __u32 flags)
{
    struct grain_record *record = &flow->record;
    __u64 bytes = flow->filled;
    int result;

    if (bytes > GRAIN_FLOW_BYTES)
        bytes = GRAIN_FLOW_BYTES;
    grain_record_job(cpu, record);
    record->message_offset = cpu->job.message;
    record->segments = flow->segments;
    grain_record_head(cpu, record, type, flags | GRAIN_RECORD_FLAG_STREAM, bytes);
    grain_opaque(bytes);
    if (bytes > GRAIN_FLOW_BYTES)
        return -1;
    result = grain_env_emit(ctx, record, sizeof(*record) + bytes, 0);
    grain_event_result(cpu, result);
    return result;
}

#endif
