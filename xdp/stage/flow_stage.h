/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that go on in the next segment: a ClientHello or a DNS message over TCP.
 *
 * A slot changes hands only under its lock: FREE or PENDING -> BUSY by the CPU that works on it,
 * BUSY -> PENDING or FREE when it is done. No lock is held over a copy or a parse. What is given up
 * is counted by its reason.
 */
#ifndef GRAIN_STAGE_FLOW_H
#define GRAIN_STAGE_FLOW_H

#include "dns_stage.h"
#include "flow_table.h"
#include "tls_stage.h"

/* Copies that one segment may take: one for each piece of a record or its header. */
#define GRAIN_FLOW_PIECES 16
/* A sequence number farther off than this belongs to another connection. */
#define GRAIN_FLOW_NEAR (1 << 20)

#define GRAIN_FLOW_FEED_MORE      0 /* the segment is used up, the message goes on */
#define GRAIN_FLOW_FEED_COMPLETE  1
#define GRAIN_FLOW_FEED_FULL      2 /* longer than is kept */
#define GRAIN_FLOW_FEED_MALFORMED 3
#define GRAIN_FLOW_FEED_AGAIN     4
#define GRAIN_FLOW_FEED_FAILED    5 /* the kernel would not hand the bytes out */

/* A record header has come in whole. */
static __always_inline bool grain_flow_record_start(struct grain_flow *flow)
{
    __u32 length = (__u32)flow->header[3] << 8 | flow->header[4];

    if (flow->header[0] != 0x16 || flow->header[1] != 3 || flow->header[2] > 4 || length == 0 ||
        length > GRAIN_TLS_RECORD_MAX)
        return false;
    flow->record_left = length;
    flow->header_bytes = 0;
    flow->records++;
    /* The first record's header stays in front of the handshake bytes. */
    if (flow->filled == 0) {
        for (int i = 0; i < GRAIN_TLS_RECORD_BYTES; i++)
            flow->bytes[i] = flow->header[i];
        flow->filled = GRAIN_TLS_RECORD_BYTES;
    }
    return true;
}

/* The header of a DNS message tells early whether it can be one: a segment taken for its start may
 * be anything. */
static __always_inline bool grain_flow_header_allowed(const struct grain_cpu *cpu,
                                                      const struct grain_flow *flow)
{
    const __u8 *p = flow->bytes + 2;
    struct grain_dns_header header = {
        .flags = grain_load16(p + 2),
        .questions = grain_load16(p + 4),
        .answers = grain_load16(p + 6),
        .authorities = grain_load16(p + 8),
        .additionals = grain_load16(p + 10),
    };

    return grain_dns_header_sane(&header, grain_load16(flow->bytes), true) &&
           (grain_dns_port_suggests(&cpu->packet) || grain_dns_header_strict(&header));
}

static __always_inline bool grain_flow_measure_dns(const struct grain_cpu *cpu,
                                                   struct grain_flow *flow)
{
    __u32 whole;

    if (flow->filled < 2)
        return true;
    whole = 2 + (__u32)grain_load16(flow->bytes);
    if (whole < 2 + GRAIN_DNS_HEADER_BYTES)
        return false;
    if (flow->filled < 2 + GRAIN_DNS_HEADER_BYTES)
        return true;
    flow->wanted = whole > GRAIN_FLOW_DNS_BYTES ? GRAIN_FLOW_DNS_BYTES : whole;
    return grain_flow_header_allowed(cpu, flow);
}

/* How much of the message is wanted: known as soon as its length is there. False: not what it
 * seemed to be. */
static __always_inline bool grain_flow_measure(const struct grain_cpu *cpu, struct grain_flow *flow)
{
    __u32 length;

    if (flow->wanted)
        return true;
    if (flow->kind == GRAIN_FLOW_DNS)
        return grain_flow_measure_dns(cpu, flow);
    if (flow->filled < GRAIN_TLS_RECORD_BYTES + GRAIN_TLS_HANDSHAKE_BYTES)
        return true;
    length = grain_load24(flow->bytes + 6);
    flow->wanted = GRAIN_TLS_RECORD_BYTES + GRAIN_TLS_HANDSHAKE_BYTES + length;
    return flow->bytes[5] == 1 && length <= GRAIN_TLS_HELLO_MAX;
}

/* Bytes that may be copied in one go now; 0: none. */
static __always_inline __u32 grain_flow_piece(const struct grain_flow *flow, __u32 left)
{
    __u32 limit = flow->wanted && flow->wanted < GRAIN_FLOW_BYTES ? flow->wanted : GRAIN_FLOW_BYTES;
    __u32 piece = left;

    if (flow->kind == GRAIN_FLOW_DNS && !flow->wanted)
        limit = 2 + GRAIN_DNS_HEADER_BYTES;
    if (flow->kind == GRAIN_FLOW_TLS && !flow->wanted)
        limit = GRAIN_TLS_RECORD_BYTES + GRAIN_TLS_HANDSHAKE_BYTES;
    if (flow->filled >= limit)
        return 0;
    if (piece > limit - flow->filled)
        piece = limit - flow->filled;
    if (flow->kind == GRAIN_FLOW_TLS && piece > flow->record_left)
        piece = flow->record_left;
    return piece > GRAIN_FLOW_CHUNK ? GRAIN_FLOW_CHUNK : piece;
}

/* The next bytes of a record header, at most five. */
static __always_inline __u32 grain_flow_header(grain_context *ctx, struct grain_flow *flow,
                                               __u32 offset, __u32 left)
{
    __u32 have = flow->header_bytes & 7;
    __u32 piece = have < GRAIN_TLS_RECORD_BYTES ? GRAIN_TLS_RECORD_BYTES - have : 1;

    if (piece > left)
        piece = left;
    grain_opaque(piece);
    piece = ((piece - 1) & 7) + 1;
    if (grain_env_copy(ctx, offset, flow->header + have, piece))
        return 0;
    flow->header_bytes = have + piece;
    return piece;
}

/* Append one piece of the segment from dns.offset on: a record header's bytes, or the message's. */
GRAIN_STAGE int grain_flow_feed_piece(grain_context *ctx, struct grain_cpu *cpu,
                                      struct grain_flow *flow)
{
    __u32 at = cpu->dns.offset, length = cpu->packet.payload_length;
    __u32 offset = cpu->packet.payload_offset + at;
    __u32 piece, to;

    if (flow->wanted && flow->filled >= flow->wanted)
        return GRAIN_FLOW_FEED_COMPLETE;
    if (at >= length)
        return GRAIN_FLOW_FEED_MORE;
    if (flow->kind == GRAIN_FLOW_TLS && flow->record_left == 0) {
        piece = grain_flow_header(ctx, flow, offset, length - at);
        if (!piece)
            return GRAIN_FLOW_FEED_FAILED;
        cpu->dns.offset = at + piece;
        if (flow->header_bytes >= GRAIN_TLS_RECORD_BYTES && !grain_flow_record_start(flow))
            return GRAIN_FLOW_FEED_MALFORMED;
        return GRAIN_FLOW_FEED_AGAIN;
    }
    piece = grain_flow_piece(flow, length - at);
    if (!piece)
        return GRAIN_FLOW_FEED_FULL;
    to = flow->filled & (GRAIN_FLOW_BYTES - 1);
    grain_opaque(piece);
    piece = ((piece - 1) & (GRAIN_FLOW_CHUNK - 1)) + 1;
    if (grain_env_copy(ctx, offset, flow->bytes + to, piece))
        return GRAIN_FLOW_FEED_FAILED;
    flow->filled += piece;
    flow->record_left -= flow->kind == GRAIN_FLOW_TLS ? piece : 0;
    cpu->dns.offset = at + piece;
    return grain_flow_measure(cpu, flow) ? GRAIN_FLOW_FEED_AGAIN : GRAIN_FLOW_FEED_MALFORMED;
}

/*
 * Append the segment's bytes from payload offset `from` on, records taken apart. cpu->dns.offset is
 * left behind the last byte used.
 */
static __always_inline int grain_flow_feed(grain_context *ctx, struct grain_cpu *cpu,
                                           struct grain_flow *flow, __u32 from)
{
    int fed = GRAIN_FLOW_FEED_AGAIN;

    cpu->dns.offset = from;
    for (__u32 i = 0; i < GRAIN_FLOW_PIECES; i++) {
        fed = grain_flow_feed_piece(ctx, cpu, flow);
        if (fed != GRAIN_FLOW_FEED_AGAIN)
            break;
    }
    if (fed == GRAIN_FLOW_FEED_FAILED)
        grain_count(cpu, GRAIN_COUNTER_COPY_FAILED);
    if (fed == GRAIN_FLOW_FEED_AGAIN || fed == GRAIN_FLOW_FEED_FAILED)
        return GRAIN_FLOW_FEED_MALFORMED;
    return fed;
}

/* A whole hello, or as much of it as is kept. */
static __always_inline bool grain_flow_hello(grain_context *ctx, struct grain_cpu *cpu,
                                             const struct grain_config *config,
                                             struct grain_flow *flow, bool full)
{
    int taken;

    cpu->flow_slot = grain_env_flow_slot(grain_flow_bucket(flow->hash), flow->way);
    if (full)
        grain_count(cpu, GRAIN_COUNTER_FLOW_TOO_LONG);
    taken = grain_hello_flow(ctx, cpu, config, flow, full);
    if (taken == GRAIN_HELLO_TAKEN) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_COMPLETED);
        return true;
    }
    grain_count(cpu, GRAIN_COUNTER_FLOW_MALFORMED);
    return full;
}

/* A DNS message with its first question: take it, and say how many of its bytes are still to be
 * passed over. */
static __always_inline bool grain_flow_message(grain_context *ctx, struct grain_cpu *cpu,
                                               const struct grain_config *config,
                                               struct grain_flow *flow)
{
    __u32 used = cpu->dns.offset, whole;
    int step;

    whole = 2 + ((__u32)flow->bytes[0] << 8 | flow->bytes[1]);
    cpu->flow_slot = grain_env_flow_slot(grain_flow_bucket(flow->hash), flow->way);
    grain_dns_start(cpu, 0, flow->filled, &cpu->dns);
    step = grain_dns_message_flow(ctx, cpu, config, flow);
    cpu->dns.offset = used;
    if (step == GRAIN_STEP_REFUSED || step == GRAIN_STEP_PARTIAL) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_MALFORMED);
        return false;
    }
    grain_count(cpu, GRAIN_COUNTER_FLOW_COMPLETED);
    flow->skip = whole > flow->filled ? whole - flow->filled : 0;
    flow->filled = 0;
    flow->wanted = 0;
    return true;
}

/* Results beside payload offsets: the segment is not, or turned out not to be, of the flow's
 * message. */
#define GRAIN_FLOW_NOT_MINE 0xffffffff

/* What feeding and parsing came to: the slot's next state, and where other messages may start. */
static __always_inline __u32 grain_flow_outcome(grain_context *ctx, struct grain_cpu *cpu,
                                                const struct grain_config *config,
                                                struct grain_flow *flow, int fed, __u32 *state)
{
    __u32 left;

    if (fed == GRAIN_FLOW_FEED_MORE) {
        *state = GRAIN_FLOW_PENDING;
        return 0;
    }
    if (fed == GRAIN_FLOW_FEED_MALFORMED) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_MALFORMED);
        return GRAIN_FLOW_NOT_MINE;
    }
    if (flow->kind == GRAIN_FLOW_TLS)
        return grain_flow_hello(ctx, cpu, config, flow, fed == GRAIN_FLOW_FEED_FULL)
                   ? 0
                   : GRAIN_FLOW_NOT_MINE;
    if (!grain_flow_message(ctx, cpu, config, flow))
        return GRAIN_FLOW_NOT_MINE;
    left = cpu->packet.payload_length - cpu->dns.offset;
    if (flow->skip >= left && flow->skip) {
        flow->skip -= left;
        *state = flow->skip ? GRAIN_FLOW_PENDING : GRAIN_FLOW_FREE;
        return 0;
    }
    left = cpu->dns.offset + flow->skip;
    return left < cpu->packet.payload_length ? left : 0;
}

/*
 * Work on the slot that this CPU owns, from payload offset dns.from on. Returns the payload offset
 * from which other messages may start, 0 for none, or GRAIN_FLOW_NOT_MINE.
 */
GRAIN_STAGE __u32 grain_flow_work(grain_context *ctx, struct grain_cpu *cpu,
                                  const struct grain_config *config, struct grain_flow *flow)
{
    __u32 state = GRAIN_FLOW_FREE, rest;
    __u64 hash = flow->hash;
    int fed;

    fed = grain_flow_feed(ctx, cpu, flow, cpu->dns.from);
    rest = grain_flow_outcome(ctx, cpu, config, flow, fed, &state);
    flow->next_sequence = cpu->packet.tcp_sequence + cpu->packet.payload_length;
    if (state == GRAIN_FLOW_PENDING && cpu->packet.tcp_flags & GRAIN_TCP_FIN) {
        grain_flow_give_up(cpu, flow, GRAIN_COUNTER_FLOW_RESET);
        state = GRAIN_FLOW_FREE;
    }
    grain_flow_release(flow, hash, flow->way, state);
    return rest;
}

/*
 * Begin a message at payload offset `from`; `skip` bytes of a message already counted come first
 * (DNS). Returns as grain_flow_work.
 */
static __always_inline __u32 grain_flow_begin(grain_context *ctx, struct grain_cpu *cpu,
                                              const struct grain_config *config, __u8 kind,
                                              __u32 from, __u32 skip)
{
    __u32 now = grain_env_ticks(), way = 0;
    __u64 hash = cpu->flow_hash;
    struct grain_flow *flow;

    flow = grain_flow_claim(cpu, hash, now, &way);
    if (!flow) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_REFUSED);
        return 0;
    }
    if (!skip)
        grain_count(cpu, GRAIN_COUNTER_FLOW_STARTED);
    flow->hash = hash;
    flow->kind = kind;
    flow->deadline = now + config->flow_timeout;
    flow->filled = 0;
    flow->wanted = 0;
    flow->record_left = 0;
    flow->header_bytes = 0;
    flow->records = 0;
    flow->segments = 1;
    flow->skip = skip;
    grain_record_describe(ctx, cpu, &flow->record);
    grain_flow_tag_set(hash, way, grain_flow_tag(hash));
    if (skip) {
        flow->next_sequence = cpu->packet.tcp_sequence + cpu->packet.payload_length;
        grain_flow_release(flow, hash, way, GRAIN_FLOW_PENDING);
        return 0;
    }
    cpu->dns.from = from;
    flow->way = way;
    return grain_flow_work(ctx, cpu, config, flow);
}

GRAIN_STAGE __u32 grain_flow_begin_tls(grain_context *ctx, struct grain_cpu *cpu,
                                       const struct grain_config *config)
{
    return grain_flow_begin(ctx, cpu, config, GRAIN_FLOW_TLS, 0, 0);
}

GRAIN_STAGE __u32 grain_flow_begin_dns(grain_context *ctx, struct grain_cpu *cpu,
                                       const struct grain_config *config, __u32 from, __u32 skip)
{
    return grain_flow_begin(ctx, cpu, config, GRAIN_FLOW_DNS, from, skip);
}

/* What a segment is to a pending flow. */
#define GRAIN_SEGMENT_NONE   0 /* no such flow, or given up: look at the segment afresh */
#define GRAIN_SEGMENT_REPEAT 1
#define GRAIN_SEGMENT_OWNED  2 /* in order: the slot is this CPU's now */
#define GRAIN_SEGMENT_BUSY   3

/* Judge the segment under the slot's lock. `skip` takes the bytes that had come before. */
static __always_inline int grain_flow_judge(struct grain_cpu *cpu, struct grain_flow *flow,
                                            __u64 hash, __u32 now, __u32 *repeated,
                                            enum grain_counter *reason)
{
    const __u32 length = cpu->packet.payload_length;
    const __u8 flags = cpu->packet.tcp_flags;
    int result = GRAIN_SEGMENT_NONE;
    __s32 ahead;

    *repeated = 0;
    *reason = GRAIN_COUNTER_COUNT;
    grain_env_lock(flow);
    ahead = (__s32)(cpu->packet.tcp_sequence - flow->next_sequence);
    if (flow->state == GRAIN_FLOW_BUSY && flow->hash == hash) {
        result = GRAIN_SEGMENT_BUSY;
    } else if (flow->state == GRAIN_FLOW_PENDING && flow->hash == hash) {
        flow->state = GRAIN_FLOW_BUSY;
        if (grain_flow_expired(flow, now))
            *reason = GRAIN_COUNTER_FLOW_TIMED_OUT;
        else if (flags & GRAIN_TCP_SYN || ahead > GRAIN_FLOW_NEAR || ahead < -GRAIN_FLOW_NEAR)
            *reason = GRAIN_COUNTER_FLOW_REUSED;
        else if (flags & GRAIN_TCP_RST)
            *reason = GRAIN_COUNTER_FLOW_RESET;
        else if (ahead > 0)
            *reason = GRAIN_COUNTER_FLOW_GAP;
        else if (length == 0 && flags & GRAIN_TCP_FIN)
            *reason = GRAIN_COUNTER_FLOW_RESET;
        else if (length == 0 || (__u32)-ahead >= length)
            result = GRAIN_SEGMENT_REPEAT;
        else
            result = GRAIN_SEGMENT_OWNED;
        *repeated = -ahead;
        if (result == GRAIN_SEGMENT_REPEAT)
            flow->state = GRAIN_FLOW_PENDING;
    }
    grain_env_unlock(flow);
    return result;
}

/* Pass over what is left of a message that was counted. Returns the offset behind it, or 0 when all
 * of it was passed over. */
static __always_inline __u32 grain_flow_pass(struct grain_cpu *cpu, struct grain_flow *flow,
                                             __u32 way, __u32 from)
{
    __u32 left = cpu->packet.payload_length - from;
    __u64 hash = flow->hash;

    if (flow->skip >= left) {
        flow->skip -= left;
        flow->next_sequence = cpu->packet.tcp_sequence + cpu->packet.payload_length;
        grain_flow_release(flow, hash, way, flow->skip ? GRAIN_FLOW_PENDING : GRAIN_FLOW_FREE);
        return 0;
    }
    from += flow->skip;
    grain_flow_release(flow, hash, way, GRAIN_FLOW_FREE);
    return from;
}

/*
 * A segment whose flow is suspected to have a message under way. GRAIN_FLOW_NOT_MINE: look at it
 * afresh; otherwise the payload offset from which further DNS messages may start, or 0.
 */
GRAIN_STAGE __u32 grain_flow_segment(grain_context *ctx, struct grain_cpu *cpu,
                                     const struct grain_config *config)
{
    __u64 hash = cpu->flow_hash;
    __u32 way = 0, repeated, rest;
    enum grain_counter reason;
    struct grain_flow *flow;
    int segment;

    flow = grain_flow_find(hash, &way);
    if (!flow)
        return GRAIN_FLOW_NOT_MINE;
    segment = grain_flow_judge(cpu, flow, hash, grain_env_ticks(), &repeated, &reason);
    if (segment == GRAIN_SEGMENT_BUSY) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_BUSY);
        return GRAIN_FLOW_NOT_MINE;
    }
    if (segment == GRAIN_SEGMENT_REPEAT) {
        if (cpu->packet.payload_length) {
            grain_count(cpu, GRAIN_COUNTER_FLOW_REPEAT);
            grain_move(cpu, GRAIN_DISPOSITION_STREAM_REPEAT);
        }
        return 0;
    }
    if (segment == GRAIN_SEGMENT_NONE) {
        if (reason == GRAIN_COUNTER_COUNT)
            return GRAIN_FLOW_NOT_MINE;
        grain_flow_give_up(cpu, flow, reason);
        grain_flow_release(flow, hash, way, GRAIN_FLOW_FREE);
        return GRAIN_FLOW_NOT_MINE;
    }
    if (repeated)
        grain_count(cpu, GRAIN_COUNTER_FLOW_OVERLAP);
    grain_move(cpu, flow->kind == GRAIN_FLOW_TLS ? GRAIN_DISPOSITION_TLS_HELLO_PART
                                                 : GRAIN_DISPOSITION_DNS_PART);
    flow->segments++;
    flow->deadline = (__u32)grain_env_ticks() + config->flow_timeout;
    if (flow->skip)
        return grain_flow_pass(cpu, flow, way, repeated);
    cpu->dns.from = repeated;
    rest = grain_flow_work(ctx, cpu, config, flow);
    /* What was not the rest of the message may be the start of another. */
    if (rest == GRAIN_FLOW_NOT_MINE && !grain_disposition_named(cpu->packet.disposition))
        grain_move(cpu, GRAIN_DISPOSITION_TCP_OTHER);
    return rest;
}

#endif
