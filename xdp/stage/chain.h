/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain: dissect once, count at once, and ask the gates; only a packet that a gate lets through
 * pays for a stage.
 */
#ifndef GRAIN_STAGE_CHAIN_H
#define GRAIN_STAGE_CHAIN_H

#include "flow_stage.h"
#include "quic_stage.h"

#define GRAIN_GATE_NONE 0
#define GRAIN_GATE_DNS  1
#define GRAIN_GATE_TLS  2
#define GRAIN_GATE_QUIC 3

/* Bytes of a payload that the gates look at. */
#define GRAIN_GATE_BYTES 16

static __always_inline bool grain_gate_quic_word(__u64 word)
{
    __u32 version = __builtin_bswap32((__u32)(word >> 8));

    return version == GRAIN_QUIC_VERSION_1 || version == GRAIN_QUIC_VERSION_2;
}

/* The first eight payload bytes of a datagram, in memory order. */
static __always_inline int grain_gate_udp(const struct grain_packet *packet, __u64 word)
{
    const __u8 ports = GRAIN_PACKET_DNS_PORT | GRAIN_PACKET_MDNS_PORT | GRAIN_PACKET_LLMNR_PORT;

    if (packet->payload_length < GRAIN_DNS_HEADER_BYTES)
        return GRAIN_GATE_NONE;
    if (grain_gate_quic_word(word) &&
        grain_quic_first_byte_plausible((__u8)word, __builtin_bswap32((__u32)(word >> 8))))
        return GRAIN_GATE_QUIC;
    if (packet->flags & GRAIN_PACKET_NBNS_PORT)
        return GRAIN_GATE_NONE;
    if (packet->flags & ports)
        return GRAIN_GATE_DNS;
    /* One question, and a known opcode. */
    if ((word >> 32 & 0xffff) == 0x0100 && (word >> 16 & 0x78) <= 0x28)
        return GRAIN_GATE_DNS;
    return GRAIN_GATE_NONE;
}

/* The first eight payload bytes of a segment. A ClientHello may stand behind a ChangeCipherSpec
 * record. */
static __always_inline int grain_gate_tcp(const struct grain_packet *packet, __u64 word)
{
    if ((word & 0xffff) == 0x0316 && (word >> 40 & 0xff) == 1)
        return GRAIN_GATE_TLS;
    /* 14 03 xx 00 01 01 16 03 */
    if ((word & 0xffffffffff00ffffULL) == 0x0316010100000314ULL)
        return GRAIN_GATE_TLS;
    if (packet->flags & (GRAIN_PACKET_DNS_PORT | GRAIN_PACKET_LLMNR_PORT))
        return GRAIN_GATE_DNS;
    if (word >> 48 == 0x0100 && packet->payload_length >= 2 + GRAIN_DNS_HEADER_BYTES)
        return GRAIN_GATE_DNS;
    return GRAIN_GATE_NONE;
}

/* A payload too short for a header: could it be the beginning of one? `p` holds 16 bytes, zeros
 * behind the payload. */
static __always_inline int grain_gate_tcp_short(const struct grain_packet *packet, const __u8 *p)
{
    __u32 n = packet->payload_length;
    __u32 length = (__u32)p[0] << 8 | p[1];

    if (p[0] == 0x16 && (n < 2 || p[1] == 3) && (n < 3 || p[2] <= 4) && (n < 6 || p[5] == 1) &&
        (n < 10 || p[9] == 3))
        return GRAIN_GATE_TLS;
    if (p[0] == 0x14 && p[1] == 3 && p[3] == 0 && p[4] == 1 && p[5] == 1 && p[6] == 0x16 &&
        (n < 8 || p[7] == 3))
        return GRAIN_GATE_TLS;
    if (packet->flags & (GRAIN_PACKET_DNS_PORT | GRAIN_PACKET_LLMNR_PORT))
        return GRAIN_GATE_DNS;
    /*
     * Another port: the length of a query, and what follows as far as it goes. A keepalive's single
     * byte passes too; what comes after it is refused as soon as it is no header.
     */
    if (p[0] > 1 || (n >= 2 && length < GRAIN_DNS_HEADER_BYTES + GRAIN_DNS_QUESTION_BYTES) ||
        (n >= 5 && (p[4] & 0x78) > 0x28) || (n >= 7 && p[6] != 0) || (n >= 8 && p[7] != 1) ||
        (n >= 9 && p[8] != 0))
        return GRAIN_GATE_NONE;
    return GRAIN_GATE_DNS;
}

/* Copy the payload to where parsers read it when it is not in one piece; 0: it cannot be had. */
static __always_inline __u32 grain_window_copy(grain_context *ctx, struct grain_cpu *cpu)
{
    __u32 have = grain_env_readable_length(ctx), offset = cpu->packet.payload_offset;
    __u32 length = cpu->packet.payload_length, first, rest;

    if (have <= offset)
        return 0;
    if (length > have - offset)
        length = have - offset;
    if (length > GRAIN_WINDOW_BYTES)
        length = GRAIN_WINDOW_BYTES;
    first = length > GRAIN_FLOW_CHUNK ? GRAIN_FLOW_CHUNK : length;
    if (!first)
        return 0;
    grain_opaque(first);
    first = ((first - 1) & (GRAIN_FLOW_CHUNK - 1)) + 1;
    if (grain_env_copy(ctx, offset, cpu->window, first))
        return 0;
    if (length <= GRAIN_FLOW_CHUNK)
        return length;
    rest = length - GRAIN_FLOW_CHUNK;
    grain_opaque(rest);
    rest = ((rest - 1) & (GRAIN_FLOW_CHUNK - 1)) + 1;
    if (grain_env_copy(ctx, offset + GRAIN_FLOW_CHUNK, cpu->window + GRAIN_FLOW_CHUNK, rest))
        return 0;
    return length;
}

/* Where the stages read the payload of the packet in hand. */
static __always_inline int grain_chain_place(grain_context *ctx, struct grain_cpu *cpu)
{
    __u32 linear = grain_payload_linear(&cpu->packet);

    if (!grain_env_in_pieces() || linear == cpu->packet.payload_length ||
        grain_env_readable_length(ctx) <= cpu->packet.linear_length) {
        cpu->dns.length = linear;
        return GRAIN_AT_PACKET;
    }
    cpu->dns.length = grain_window_copy(ctx, cpu);
    return GRAIN_AT_WINDOW;
}

/* What follows a TCP walk: the rest of a message is awaited, or nothing. */
static __always_inline void grain_chain_dns_partial(grain_context *ctx, struct grain_cpu *cpu,
                                                    const struct grain_config *config, int step)
{
    struct grain_dns_cursor *dns = &cpu->dns;
    __u32 payload = cpu->packet.payload_length;

    if (step == GRAIN_STEP_PARTIAL) {
        /* A frame that was cut cannot be continued: what it lacks will not come. */
        if (cpu->packet.flags & GRAIN_PACKET_CUT && dns->length < payload) {
            grain_count(cpu, GRAIN_COUNTER_FLOW_CUT);
            return;
        }
        if (dns->questions_left && dns->question == 0)
            dns->offset = dns->message - 2;
        if (!grain_disposition_named(cpu->packet.disposition) &&
            payload - dns->offset >= 2 + GRAIN_DNS_HEADER_BYTES)
            grain_move(cpu, GRAIN_DISPOSITION_DNS_PART);
        grain_flow_begin_dns(ctx, cpu, config, dns->offset, 0);
    } else if (step == GRAIN_STEP_DONE && dns->offset > payload && dns->messages) {
        grain_flow_begin_dns(ctx, cpu, config, 0, dns->offset - payload);
    }
}

/* The later questions of a datagram: they are read from a copy. */
GRAIN_STAGE int grain_chain_dns_rest(grain_context *ctx, struct grain_cpu *cpu,
                                     const struct grain_config *config)
{
    cpu->dns.length = grain_window_copy(ctx, cpu);
    return grain_dns_walk_rest(ctx, cpu, config);
}

/* DNS messages in a segment, from payload offset dns.from on. */
GRAIN_STAGE int grain_chain_dns_tcp(grain_context *ctx, struct grain_cpu *cpu,
                                    const struct grain_config *config)
{
    __u32 from = cpu->dns.from;
    int step;

    grain_dns_start(cpu, from, grain_window_copy(ctx, cpu), &cpu->dns);
    if (from)
        cpu->dns.rule = GRAIN_DNS_SANE;
    step = grain_dns_walk_segment(ctx, cpu, config);
    grain_chain_dns_partial(ctx, cpu, config, step);
    return 0;
}

/* Pass over a ChangeCipherSpec record in front: a second ClientHello comes behind it. */
static __always_inline void grain_chain_skip_change_cipher(struct grain_cpu *cpu, __u64 word)
{
    if ((word & 0xff) != 0x14 || cpu->packet.payload_length < 6)
        return;
    cpu->packet.payload_offset += 6;
    cpu->packet.payload_length -= 6;
    cpu->packet.tcp_sequence += 6;
}

static __always_inline void grain_chain_tls(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config, __u64 word)
{
    int where, taken;
    bool cut;

    grain_chain_skip_change_cipher(cpu, word);
    where = grain_chain_place(ctx, cpu);
    cut = cpu->packet.flags & GRAIN_PACKET_CUT && cpu->dns.length < cpu->packet.payload_length;
    if (where == GRAIN_AT_PACKET)
        taken = grain_hello_take(ctx, cpu, config, NULL, GRAIN_AT_PACKET, cut);
    else
        taken = grain_hello_window(ctx, cpu, config, cut);
    if (taken != GRAIN_HELLO_CUT)
        return;
    if (cut) {
        grain_count(cpu, GRAIN_COUNTER_FLOW_CUT);
        grain_move(cpu, GRAIN_DISPOSITION_TLS_HELLO_PART);
        return;
    }
    if (cpu->packet.payload_length >= 11)
        grain_move(cpu, GRAIN_DISPOSITION_TLS_HELLO_PART);
    grain_flow_begin_tls(ctx, cpu, config);
}

GRAIN_STAGE int grain_chain_quic(grain_context *ctx, struct grain_cpu *cpu,
                                 const struct grain_config *config)
{
    int where = grain_chain_place(ctx, cpu);

    if (where == GRAIN_AT_PACKET)
        return grain_quic_packet(ctx, cpu, config);
    return grain_quic_window(ctx, cpu, config);
}

/* The gates for payloads that are short or not in one piece: by copy. */
GRAIN_STAGE int grain_gate_copied(grain_context *ctx, struct grain_cpu *cpu, __u64 *word)
{
    __u32 length = cpu->packet.payload_length;
    __u8 *p = cpu->window;

    if (length > GRAIN_GATE_BYTES)
        length = GRAIN_GATE_BYTES;
    grain_store64_raw(p, 0);
    grain_store64_raw(p + 8, 0);
    grain_opaque(length);
    length = ((length - 1) & (GRAIN_GATE_BYTES - 1)) + 1;
    if (grain_env_copy(ctx, cpu->packet.payload_offset, p, length))
        return GRAIN_GATE_NONE;
    *word = grain_load64_raw(p);
    if (cpu->packet.protocol == GRAIN_PROTOCOL_UDP)
        return grain_gate_udp(&cpu->packet, *word);
    if (cpu->packet.payload_length < 2 + GRAIN_DNS_HEADER_BYTES)
        return grain_gate_tcp_short(&cpu->packet, p);
    return grain_gate_tcp(&cpu->packet, *word);
}

static __always_inline int grain_chain_gate(grain_context *ctx, struct grain_cpu *cpu, bool tcp,
                                            __u64 *word)
{
    const struct grain_packet *packet = &cpu->packet;
    const __u8 *p = grain_frame_at(grain_env_data(ctx), grain_env_data_end(ctx),
                                   packet->payload_offset & 0x7ff, GRAIN_GATE_BYTES);

    if (!p || packet->payload_length < 2 + GRAIN_DNS_HEADER_BYTES)
        return grain_gate_copied(ctx, cpu, word);
    *word = grain_load64_raw(p);
    return tcp ? grain_gate_tcp(packet, *word) : grain_gate_udp(packet, *word);
}

/* A TCP segment whose flow may have a message under way. Returns as grain_flow_segment. */
static __always_inline __u32 grain_chain_pending(grain_context *ctx, struct grain_cpu *cpu,
                                                 const struct grain_config *config)
{
    __u64 hash = grain_flow_hash(ctx, &cpu->packet, &config->key);

    cpu->flow_hash = hash;
    if (!hash || !grain_flow_suspected(hash))
        return GRAIN_FLOW_NOT_MINE;
    cpu->dns.from = grain_flow_segment(ctx, cpu, config);
    /* Through memory: verifiers up to 6.1 were seen to take branches on a subprogram's result for
     * dead that are not. */
    grain_forget();
    return cpu->dns.from;
}

/* A datagram with a payload. */
static __always_inline void grain_chain_udp(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config)
{
    __u64 word = 0;
    int gate = grain_chain_gate(ctx, cpu, false, &word);

    if (gate == GRAIN_GATE_NONE)
        return;
    if (gate == GRAIN_GATE_DNS && config->stages & GRAIN_STAGE_DNS) {
        grain_move(cpu, GRAIN_DISPOSITION_DNS_CANDIDATE);
        if (grain_chain_place(ctx, cpu) == GRAIN_AT_WINDOW)
            grain_dns_datagram_window(ctx, cpu, config);
        else if (grain_dns_datagram_packet(ctx, cpu, config))
            grain_chain_dns_rest(ctx, cpu, config);
    } else if (gate == GRAIN_GATE_QUIC && config->stages & GRAIN_STAGE_QUIC) {
        grain_move(cpu, GRAIN_DISPOSITION_QUIC_CANDIDATE);
        grain_chain_quic(ctx, cpu, config);
    }
}

/* A segment with a payload; `from`: where further DNS messages start, or GRAIN_FLOW_NOT_MINE. */
static __always_inline void grain_chain_tcp(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config, __u32 from)
{
    int gate = GRAIN_GATE_DNS;
    __u64 word = 0;

    if (from == GRAIN_FLOW_NOT_MINE) {
        gate = grain_chain_gate(ctx, cpu, true, &word);
        if (gate == GRAIN_GATE_NONE)
            return;
    }
    if (gate == GRAIN_GATE_DNS && config->stages & GRAIN_STAGE_DNS) {
        if (from == GRAIN_FLOW_NOT_MINE) {
            grain_move(cpu, GRAIN_DISPOSITION_DNS_CANDIDATE);
            from = 0;
        }
        cpu->dns.from = from;
        grain_chain_dns_tcp(ctx, cpu, config);
    } else if (gate == GRAIN_GATE_TLS && config->stages & GRAIN_STAGE_TLS) {
        grain_move(cpu, GRAIN_DISPOSITION_TLS_CANDIDATE);
        grain_chain_tls(ctx, cpu, config, word);
    }
}

/* Clear what the packet before has left; `zero` stays. */
static __always_inline void grain_chain_clear(struct grain_packet *packet)
{
    __builtin_memset(packet, 0, offsetof(struct grain_packet, zero));
}

/* What is in the packet: its disposition is in cpu->packet when this returns. */
static __always_inline void grain_chain_look(grain_context *ctx, struct grain_cpu *cpu,
                                             const struct grain_config *config)
{
    __u32 disposition, from;

    disposition = grain_dissect(grain_env_data(ctx), grain_env_data_end(ctx), grain_load.ethernet,
                                &cpu->packet);
    cpu->packet.disposition = disposition;
    if (disposition == GRAIN_DISPOSITION_UDP_OTHER) {
        grain_chain_udp(ctx, cpu, config);
    } else if (disposition == GRAIN_DISPOSITION_TCP_OTHER ||
               disposition == GRAIN_DISPOSITION_TCP_EMPTY) {
        from = grain_chain_pending(ctx, cpu, config);
        if (from && disposition == GRAIN_DISPOSITION_TCP_OTHER)
            grain_chain_tcp(ctx, cpu, config, from);
    }
}

/*
 * One packet. Whatever happens here, the caller passes the packet on. It is counted once, at the
 * end, under the disposition that it has then: a reader on another CPU never sees it under two, or
 * none of a packet whose bytes it sees.
 */
static __always_inline void grain_chain(grain_context *ctx)
{
    struct grain_config *config = grain_env_config();
    struct grain_cpu *cpu = grain_env_cpu();
    struct grain_totals *totals = grain_env_totals();

    if (!config || !cpu || !totals || config->generation != grain_load.generation)
        return;
    grain_chain_clear(&cpu->packet);
    cpu->packet.wire_length = grain_env_wire_length(ctx);
    cpu->packet.linear_length = grain_env_data_end(ctx) - grain_env_data(ctx);
    grain_env_metadata(ctx, cpu, totals);
    if (grain_env_seen_at_ingress(ctx))
        cpu->packet.disposition = GRAIN_DISPOSITION_SEEN_AT_INGRESS;
    else if (grain_env_stub())
        cpu->packet.disposition = GRAIN_DISPOSITION_TRUNCATED;
    else
        grain_chain_look(ctx, cpu, config);
    grain_totals_add(totals, cpu->packet.disposition, cpu->packet.wire_length);
}

#endif
