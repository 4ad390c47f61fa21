/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DNS stage: one message in a datagram, any number in a TCP segment, each question of each
 * counted. It walks in steps of one name; where it stands is in cpu->dns.
 */
#ifndef GRAIN_STAGE_DNS_H
#define GRAIN_STAGE_DNS_H

#include "../parse/dns.h"
#include "names.h"

/* Labels, pointers and pieces of labels of a name that one step of the walk goes through; a longer
 * name takes more steps. */
#define GRAIN_DNS_EXPAND_STEPS 12

#define GRAIN_STEP_MORE    0
#define GRAIN_STEP_DONE    1
#define GRAIN_STEP_PARTIAL 2 /* TCP: the rest of a message is to come in another segment */
#define GRAIN_STEP_REFUSED 3 /* not DNS, or not well-formed */

static __always_inline __u8 grain_dns_kind(const struct grain_packet *packet, bool response)
{
    __u8 kind = GRAIN_NAME_DNS_QUERY;

    if (!(packet->flags & GRAIN_PACKET_DNS_PORT)) {
        if (packet->flags & GRAIN_PACKET_LLMNR_PORT)
            kind = GRAIN_NAME_LLMNR_QUERY;
        else if (packet->flags & GRAIN_PACKET_MDNS_PORT && packet->protocol == GRAIN_PROTOCOL_UDP)
            kind = GRAIN_NAME_MDNS_QUERY;
    }
    return kind + response;
}

static __always_inline bool grain_dns_port_suggests(const struct grain_packet *packet)
{
    return packet->flags &
           (GRAIN_PACKET_DNS_PORT | GRAIN_PACKET_MDNS_PORT | GRAIN_PACKET_LLMNR_PORT);
}

/* A message without a question: an mDNS announcement, the second part of a zone transfer. */
static __always_inline void grain_dns_no_question(grain_context *ctx, struct grain_cpu *cpu,
                                                  const struct grain_config *config, int where)
{
    cpu->dns.messages++;
    if (grain_disposition_named(cpu->packet.disposition))
        return;
    grain_move(cpu, GRAIN_DISPOSITION_DNS_NO_QUESTION);
    cpu->job.hash = 0;
    cpu->job.kind = cpu->dns.kind;
    cpu->job.type = 0;
    cpu->job.question = 0;
    cpu->job.message = cpu->dns.message;
    if (where != GRAIN_AT_FLOW && grain_event_sampled(cpu, config))
        grain_event_packet(ctx, cpu, config, GRAIN_RECORD_DNS, GRAIN_RECORD_FLAG_SAMPLED);
}

/* Sets the rule for the questions. */
static __always_inline bool
grain_dns_header_allowed(struct grain_cpu *cpu, const struct grain_dns_header *header, __u32 length)
{
    struct grain_dns_cursor *dns = &cpu->dns;

    if (grain_dns_header_sane(header, length)) {
        if (header->questions == 0 && !grain_dns_no_question_sane(header, length, dns->tcp))
            return false;
        return dns->rule != GRAIN_DNS_STRICT || grain_dns_header_strict(header);
    }
    if (dns->tcp || dns->rule == GRAIN_DNS_STRICT || header->questions == 0)
        return false;
    if (!grain_dns_header_passable(header))
        dns->rule = GRAIN_DNS_LOOSE;
    return true;
}

/* The start of a message: length prefix (TCP) and header. */
static __always_inline int grain_dns_header_at(grain_context *ctx, struct grain_cpu *cpu,
                                               struct grain_flow *flow, int where)
{
    struct grain_dns_cursor *dns = &cpu->dns;
    __u32 offset = dns->offset, length;
    struct grain_dns_header header;
    struct grain_window w;
    const __u8 *p;

    grain_window_open(ctx, cpu, flow, where, &w);

    if (dns->tcp) {
        if (offset >= dns->length)
            return GRAIN_STEP_DONE;
        p = grain_window_at(&w, offset, 2);
        if (!p)
            return GRAIN_STEP_PARTIAL;
        length = grain_load16(p);
        if (length < GRAIN_DNS_HEADER_BYTES)
            return GRAIN_STEP_REFUSED;
        offset += 2;
    } else {
        if (offset)
            return GRAIN_STEP_DONE;
        length = cpu->packet.payload_length;
    }
    if (grain_dns_header_parse(&w, offset, &header) != GRAIN_PARSE_OK)
        return dns->tcp ? GRAIN_STEP_PARTIAL : GRAIN_STEP_REFUSED;
    if (!grain_dns_header_allowed(cpu, &header, length))
        return GRAIN_STEP_REFUSED;
    dns->message = offset;
    dns->message_end = offset + length;
    dns->questions_left = header.questions;
    dns->question = 0;
    dns->kind = grain_dns_kind(&cpu->packet, header.flags & GRAIN_DNS_FLAG_RESPONSE);
    dns->offset = offset + GRAIN_DNS_HEADER_BYTES;
    if (header.questions == 0)
        dns->offset = dns->message_end;
    grain_forget();
    return GRAIN_STEP_MORE;
}

GRAIN_STAGE int grain_dns_header_window(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_header_at(ctx, cpu, NULL, GRAIN_AT_WINDOW);
}

GRAIN_STAGE int grain_dns_header_flow(grain_context *ctx, struct grain_cpu *cpu,
                                      struct grain_flow *flow)
{
    return grain_dns_header_at(ctx, cpu, flow, GRAIN_AT_FLOW);
}

static __always_inline int grain_dns_header_take(grain_context *ctx, struct grain_cpu *cpu,
                                                 struct grain_flow *flow, int where)
{
    if (where == GRAIN_AT_PACKET)
        return grain_dns_header_at(ctx, cpu, NULL, GRAIN_AT_PACKET);
    if (where == GRAIN_AT_WINDOW)
        return grain_dns_header_window(ctx, cpu);
    return grain_dns_header_flow(ctx, cpu, flow);
}

/* Leaves: the question at dns.offset, into the job. */
static __always_inline enum grain_parse_status
grain_dns_question_note(struct grain_cpu *cpu, const struct grain_dns_question *question)
{
    if (question->next > cpu->dns.message_end)
        return GRAIN_PARSE_MALFORMED;
    cpu->job.offset = question->name_offset;
    cpu->job.length = question->name_length;
    cpu->job.type = question->type;
    cpu->job.kind = cpu->dns.kind;
    cpu->job.message = cpu->dns.message;
    cpu->job.question = cpu->dns.question;
    cpu->job.partial = 0;
    cpu->dns.offset = question->next;
    return GRAIN_PARSE_OK;
}

/* The first question of a message stands uncompressed where it is: the hot path. Its name's length
 * goes into the job. */
static __always_inline int grain_dns_measure_at(grain_context *ctx, struct grain_cpu *cpu,
                                                struct grain_flow *flow, int where)
{
    enum grain_parse_status status;
    struct grain_window w;
    __u32 length = 0;

    grain_window_open(ctx, cpu, flow, where, &w);
    status = grain_dns_name_measure(&w, cpu->dns.offset, &length);
    cpu->job.length = length;
    grain_forget();
    return status;
}

static __always_inline int grain_dns_tail_at(grain_context *ctx, struct grain_cpu *cpu,
                                             struct grain_flow *flow, int where)
{
    struct grain_dns_question question;
    enum grain_parse_status status;
    struct grain_window w;

    grain_window_open(ctx, cpu, flow, where, &w);
    question.name_offset = cpu->dns.offset;
    question.name_length = cpu->job.length;
    status =
        grain_dns_question_tail(&w, cpu->dns.offset + cpu->job.length, cpu->dns.rule, &question);
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_question_note(cpu, &question);
}

/* Later questions may be compressed: the name is put together in cpu->name, label by label. */
static __always_inline int grain_dns_expand_at(grain_context *ctx, struct grain_cpu *cpu, int where)
{
    struct grain_window w;

    grain_window_open(ctx, cpu, NULL, where, &w);
    return grain_dns_expand_step(&w, &cpu->expansion, cpu->name + GRAIN_NAME_BYTES_BEFORE);
}

static __always_inline int grain_dns_expanded_tail_at(grain_context *ctx, struct grain_cpu *cpu,
                                                      int where)
{
    struct grain_dns_question question;
    enum grain_parse_status status;
    struct grain_window w;

    grain_window_open(ctx, cpu, NULL, where, &w);
    question.name_offset = GRAIN_NAME_BYTES_BEFORE;
    question.name_length = cpu->expansion.filled;
    status = grain_dns_question_tail(&w, cpu->expansion.after, cpu->dns.rule, &question);
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_question_note(cpu, &question);
}

GRAIN_STAGE int grain_dns_measure_window(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_measure_at(ctx, cpu, NULL, GRAIN_AT_WINDOW);
}

GRAIN_STAGE int grain_dns_measure_flow(grain_context *ctx, struct grain_cpu *cpu,
                                       struct grain_flow *flow)
{
    return grain_dns_measure_at(ctx, cpu, flow, GRAIN_AT_FLOW);
}

GRAIN_STAGE int grain_dns_expand_packet(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_expand_at(ctx, cpu, GRAIN_AT_PACKET);
}

GRAIN_STAGE int grain_dns_expand_window(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_expand_at(ctx, cpu, GRAIN_AT_WINDOW);
}

/* The question at dns.offset whose name does not use compression. */
static __always_inline int grain_dns_question_at(grain_context *ctx, struct grain_cpu *cpu,
                                                 struct grain_flow *flow, int where)
{
    int status;

    if (where == GRAIN_AT_PACKET)
        status = grain_dns_measure_at(ctx, cpu, NULL, GRAIN_AT_PACKET);
    else if (where == GRAIN_AT_WINDOW)
        status = grain_dns_measure_window(ctx, cpu);
    else
        status = grain_dns_measure_flow(ctx, cpu, flow);
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_tail_at(ctx, cpu, flow, where);
}

/*
 * Some steps of the question at dns.offset, whose name may use compression. CUT: the name goes on.
 */
static __always_inline int grain_dns_compressed_at(grain_context *ctx, struct grain_cpu *cpu,
                                                   int where)
{
    int status = GRAIN_PARSE_CUT;

    for (__u32 i = 0; i < GRAIN_DNS_EXPAND_STEPS; i++) {
        if (where == GRAIN_AT_PACKET)
            status = grain_dns_expand_packet(ctx, cpu);
        else
            status = grain_dns_expand_window(ctx, cpu);
        if (status != GRAIN_PARSE_CUT)
            break;
    }
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_expanded_tail_at(ctx, cpu, where);
}

GRAIN_STAGE int grain_dns_compressed_packet(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_compressed_at(ctx, cpu, GRAIN_AT_PACKET);
}

GRAIN_STAGE int grain_dns_compressed_window(grain_context *ctx, struct grain_cpu *cpu)
{
    return grain_dns_compressed_at(ctx, cpu, GRAIN_AT_WINDOW);
}

/* What a question's outcome means for the walk. */
static __always_inline int grain_dns_after(struct grain_cpu *cpu, int status)
{
    struct grain_dns_cursor *dns = &cpu->dns;

    if (status == GRAIN_PARSE_CUT && dns->tcp)
        return GRAIN_STEP_PARTIAL;
    if (status != GRAIN_PARSE_OK)
        return GRAIN_STEP_REFUSED;
    dns->messages += dns->question == 0;
    dns->question++;
    dns->questions_left--;
    /* One good question vouches for what comes behind it. */
    dns->rule = GRAIN_DNS_SANE;
    return GRAIN_STEP_MORE;
}

/* A message's header and its first question, which is counted. */
static __always_inline int grain_dns_message_at(grain_context *ctx, struct grain_cpu *cpu,
                                                const struct grain_config *config,
                                                struct grain_flow *flow, int where)
{
    int step = grain_dns_header_take(ctx, cpu, flow, where);

    if (step != GRAIN_STEP_MORE)
        return step;
    if (cpu->dns.questions_left == 0) {
        grain_dns_no_question(ctx, cpu, config, where);
        return step;
    }
    step = grain_dns_after(cpu, grain_dns_question_at(ctx, cpu, flow, where));
    if (step != GRAIN_STEP_MORE)
        return step;
    if (!grain_name_take(ctx, cpu, config, flow, where))
        return GRAIN_STEP_REFUSED;
    if (cpu->dns.tcp)
        cpu->dns.offset = cpu->dns.message_end;
    return GRAIN_STEP_MORE;
}

/* A later question of a message, or some of its name. */
static __always_inline int grain_dns_next_at(grain_context *ctx, struct grain_cpu *cpu,
                                             const struct grain_config *config, int where)
{
    int status;

    if (where == GRAIN_AT_PACKET)
        status = grain_dns_compressed_packet(ctx, cpu);
    else
        status = grain_dns_compressed_window(ctx, cpu);
    if (status == GRAIN_PARSE_CUT)
        return GRAIN_STEP_MORE;
    if (grain_dns_after(cpu, status) != GRAIN_STEP_MORE)
        return GRAIN_STEP_REFUSED;
    grain_dns_expand_start(&cpu->expansion, cpu->dns.message, cpu->dns.offset);
    grain_name_take(ctx, cpu, config, NULL, GRAIN_AT_NAME);
    return GRAIN_STEP_MORE;
}

GRAIN_STAGE int grain_dns_message_packet(grain_context *ctx, struct grain_cpu *cpu,
                                         const struct grain_config *config)
{
    return grain_dns_message_at(ctx, cpu, config, NULL, GRAIN_AT_PACKET);
}

GRAIN_STAGE int grain_dns_message_window(grain_context *ctx, struct grain_cpu *cpu,
                                         const struct grain_config *config)
{
    return grain_dns_message_at(ctx, cpu, config, NULL, GRAIN_AT_WINDOW);
}

GRAIN_STAGE int grain_dns_message_flow(grain_context *ctx, struct grain_cpu *cpu,
                                       const struct grain_config *config, struct grain_flow *flow)
{
    return grain_dns_message_at(ctx, cpu, config, flow, GRAIN_AT_FLOW);
}

GRAIN_STAGE int grain_dns_next_packet(grain_context *ctx, struct grain_cpu *cpu,
                                      const struct grain_config *config)
{
    return grain_dns_next_at(ctx, cpu, config, GRAIN_AT_PACKET);
}

GRAIN_STAGE int grain_dns_next_window(grain_context *ctx, struct grain_cpu *cpu,
                                      const struct grain_config *config)
{
    return grain_dns_next_at(ctx, cpu, config, GRAIN_AT_WINDOW);
}

/* Set out at `offset` of the payload. */
static __always_inline void grain_dns_start(struct grain_cpu *cpu, __u32 offset, __u32 length)
{
    cpu->dns.offset = offset;
    cpu->dns.length = length;
    cpu->dns.questions_left = 0;
    cpu->dns.question = 0;
    cpu->dns.messages = 0;
    cpu->dns.message = 0;
    cpu->dns.message_end = 0;
    cpu->dns.tcp = cpu->packet.protocol == GRAIN_PROTOCOL_TCP;
    cpu->dns.rule = grain_dns_port_suggests(&cpu->packet) ? GRAIN_DNS_SANE : GRAIN_DNS_STRICT;
}

static __always_inline int grain_dns_message(grain_context *ctx, struct grain_cpu *cpu,
                                             const struct grain_config *config, int where)
{
    if (GRAIN_IN_PLACE && where == GRAIN_AT_PACKET)
        return grain_dns_message_packet(ctx, cpu, config);
    return grain_dns_message_window(ctx, cpu, config);
}

/* A datagram: one message with all its questions. */
static __always_inline int grain_dns_walk_datagram(grain_context *ctx, struct grain_cpu *cpu,
                                                   const struct grain_config *config, int where)
{
    int step;

    if (GRAIN_IN_PLACE && where == GRAIN_AT_PACKET)
        step = grain_dns_message_at(ctx, cpu, config, NULL, GRAIN_AT_PACKET);
    else
        step = grain_dns_message_window(ctx, cpu, config);
    if (step != GRAIN_STEP_MORE || cpu->dns.questions_left == 0)
        return step;
    grain_dns_expand_start(&cpu->expansion, cpu->dns.message, cpu->dns.offset);
    for (__u32 i = 1; i < GRAIN_QUESTIONS_PER_MESSAGE; i++) {
        if (cpu->dns.questions_left == 0)
            return GRAIN_STEP_DONE;
        if (GRAIN_IN_PLACE && where == GRAIN_AT_PACKET)
            step = grain_dns_next_packet(ctx, cpu, config);
        else
            step = grain_dns_next_window(ctx, cpu, config);
        if (step != GRAIN_STEP_MORE)
            return step;
    }
    if (cpu->dns.questions_left)
        grain_count(cpu, GRAIN_COUNTER_NAMES_LIMIT);
    return GRAIN_STEP_DONE;
}

/* A segment: messages behind their length prefixes, the first question of each. */
static __always_inline int grain_dns_walk_segment(grain_context *ctx, struct grain_cpu *cpu,
                                                  const struct grain_config *config, int where)
{
    for (__u32 i = 0; i < GRAIN_MESSAGES_PER_SEGMENT; i++) {
        int step = grain_dns_message(ctx, cpu, config, where);

        if (step != GRAIN_STEP_MORE)
            return step;
        if (cpu->dns.questions_left)
            grain_count(cpu, GRAIN_COUNTER_NAMES_LIMIT);
    }
    if (cpu->dns.offset < cpu->dns.length)
        grain_count(cpu, GRAIN_COUNTER_NAMES_LIMIT);
    return GRAIN_STEP_DONE;
}

#endif
