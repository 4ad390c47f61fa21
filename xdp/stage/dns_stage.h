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
                                                  const struct grain_config *config,
                                                  struct grain_dns_cursor *dns, int where)
{
    dns->messages++;
    if (grain_disposition_named(cpu->packet.disposition))
        return;
    grain_move(cpu, GRAIN_DISPOSITION_DNS_NO_QUESTION);
    cpu->job.hash = 0;
    cpu->job.kind = dns->kind;
    cpu->job.type = 0;
    cpu->job.question = 0;
    cpu->job.message = dns->message;
    if (where != GRAIN_AT_FLOW && grain_event_sampled(cpu, config))
        grain_event_packet(ctx, cpu, config, GRAIN_RECORD_DNS, GRAIN_RECORD_FLAG_SAMPLED);
}

/* Sets the rule for the questions. */
static __always_inline bool grain_dns_header_allowed(struct grain_dns_cursor *dns,
                                                     const struct grain_dns_header *header,
                                                     __u32 length)
{
    if (grain_dns_header_sane(header, length, dns->tcp)) {
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
static __always_inline int grain_dns_header_in(const struct grain_window *w, struct grain_cpu *cpu,
                                               struct grain_dns_cursor *dns)
{
    __u32 offset = dns->offset, length;
    struct grain_dns_header header;
    const __u8 *p;

    if (dns->tcp) {
        if (offset >= dns->length)
            return GRAIN_STEP_DONE;
        p = grain_window_at(w, offset, 2);
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
    if (grain_dns_header_parse(w, offset, &header) != GRAIN_PARSE_OK)
        return dns->tcp ? GRAIN_STEP_PARTIAL : GRAIN_STEP_REFUSED;
    if (!grain_dns_header_allowed(dns, &header, length))
        return GRAIN_STEP_REFUSED;
    dns->message = offset;
    dns->message_end = offset + length;
    dns->questions_left = header.questions;
    dns->question = 0;
    /* All kinds and rules are one path to the verifier. */
    dns->kind = grain_blur(grain_dns_kind(&cpu->packet, header.flags & GRAIN_DNS_FLAG_RESPONSE),
                           w->zero, 0xf);
    dns->rule = grain_blur(dns->rule, w->zero, 3);
    dns->offset = offset + GRAIN_DNS_HEADER_BYTES;
    return GRAIN_STEP_MORE;
}

/* The question at dns->offset, into the job. */
static __always_inline enum grain_parse_status
grain_dns_question_note(struct grain_cpu *cpu, struct grain_dns_cursor *dns,
                        const struct grain_dns_question *question)
{
    if (question->next > dns->message_end)
        return GRAIN_PARSE_MALFORMED;
    cpu->job.offset = question->name_offset;
    cpu->job.length = question->name_length;
    cpu->job.type = question->type;
    cpu->job.kind = dns->kind;
    cpu->job.message = dns->message;
    cpu->job.question = dns->question;
    cpu->job.partial = 0;
    dns->offset = question->next;
    return GRAIN_PARSE_OK;
}

/* The question behind an expanded name. */
static __always_inline int grain_dns_expanded_tail(const struct grain_window *w,
                                                   struct grain_cpu *cpu)
{
    struct grain_dns_question question;
    enum grain_parse_status status;

    question.name_offset = GRAIN_NAME_BYTES_BEFORE;
    question.name_length = cpu->expansion.filled;
    status = grain_dns_question_tail(w, cpu->expansion.after, cpu->dns.rule, &question);
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_question_note(cpu, &cpu->dns, &question);
}

/*
 * Some steps of the question at dns.offset of the window, whose name may use compression: it is put
 * together in cpu->name, label by label. CUT: the name goes on.
 */
GRAIN_GLOBAL int grain_dns_compressed(void)
{
    struct grain_cpu *cpu = grain_env_cpu();
    int status = GRAIN_PARSE_CUT;
    struct grain_window w;

    if (!cpu)
        return GRAIN_PARSE_MALFORMED;
    grain_window_open(cpu, GRAIN_AT_WINDOW, &w);
    for (__u32 i = 0; i < GRAIN_DNS_EXPAND_STEPS; i++) {
        status = grain_dns_expand_step(&w, &cpu->expansion, cpu->name + GRAIN_NAME_BYTES_BEFORE);
        grain_forget();
        if (status != GRAIN_PARSE_CUT)
            break;
    }
    if (status != GRAIN_PARSE_OK)
        return status;
    return grain_dns_expanded_tail(&w, cpu);
}

/* What a question's outcome means for the walk. */
static __always_inline int grain_dns_after(struct grain_dns_cursor *dns, int status)
{
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

/* A message that has records but no question is one when the first record is; its name was measured
 * with `status`. */
static __always_inline int grain_dns_records_only(const struct grain_window *w,
                                                  struct grain_dns_cursor *dns, int status,
                                                  __u32 name_length)
{
    if (status == GRAIN_PARSE_OK)
        status = grain_dns_record_tail(w, dns->offset + name_length, dns->message_end);
    if (status == GRAIN_PARSE_CUT && dns->tcp) {
        dns->offset = dns->message - 2; /* it is waited for from its length prefix on */
        return GRAIN_STEP_PARTIAL;
    }
    dns->offset = dns->message_end;
    return status == GRAIN_PARSE_OK ? GRAIN_STEP_MORE : GRAIN_STEP_REFUSED;
}

/*
 * A message's header and its first question, which stands uncompressed where it is: into the job.
 * `dns` may be the caller's own: what lies in registers needs no way through memory.
 */
static __always_inline int grain_dns_message_read(const struct grain_window *w,
                                                  struct grain_cpu *cpu,
                                                  struct grain_dns_cursor *dns)
{
    int step = grain_dns_header_in(w, cpu, dns);
    struct grain_dns_question question = {0};
    int status;

    if (step != GRAIN_STEP_MORE || (dns->questions_left == 0 && dns->offset == dns->message_end))
        return step;
    status = grain_dns_name_measure(w, dns->offset, &question.name_length);
    if (dns->questions_left == 0)
        return grain_dns_records_only(w, dns, status, question.name_length);
    question.name_offset = dns->offset;
    if (status == GRAIN_PARSE_OK)
        status =
            grain_dns_question_tail(w, dns->offset + question.name_length, dns->rule, &question);
    if (status == GRAIN_PARSE_OK)
        status = grain_dns_question_note(cpu, dns, &question);
    return grain_dns_after(dns, status);
}

/* The same for a message in a map, at cpu->dns. */
static __always_inline int grain_dns_message_read_at(int where)
{
    struct grain_cpu *cpu = grain_env_cpu();
    struct grain_window w;
    int step;

    if (!cpu || !grain_window_open(cpu, where, &w))
        return GRAIN_STEP_REFUSED;
    step = grain_dns_message_read(&w, cpu, &cpu->dns);
    cpu->job.nameless = step == GRAIN_STEP_MORE && cpu->dns.question == 0;
    return step;
}

GRAIN_GLOBAL int grain_dns_message_read_window(void)
{
    return grain_dns_message_read_at(GRAIN_AT_WINDOW);
}

GRAIN_GLOBAL int grain_dns_message_read_flow(void)
{
    return grain_dns_message_read_at(GRAIN_AT_FLOW);
}

/* A message in the window or a flow: its first question is counted. */
static __always_inline int grain_dns_message_at(grain_context *ctx, struct grain_cpu *cpu,
                                                const struct grain_config *config,
                                                struct grain_flow *flow, int where)
{
    int step =
        where == GRAIN_AT_FLOW ? grain_dns_message_read_flow() : grain_dns_message_read_window();

    if (step != GRAIN_STEP_MORE)
        return step;
    if (cpu->job.nameless)
        grain_dns_no_question(ctx, cpu, config, &cpu->dns, where);
    else if (!grain_name_take(ctx, cpu, config, flow, where))
        return GRAIN_STEP_REFUSED;
    else if (cpu->dns.tcp)
        cpu->dns.offset = cpu->dns.message_end;
    return GRAIN_STEP_MORE;
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

/* A later question of a message in the window, or some of its name. */
GRAIN_STAGE int grain_dns_next(grain_context *ctx, struct grain_cpu *cpu,
                               const struct grain_config *config)
{
    int status = grain_dns_compressed();

    if (status == GRAIN_PARSE_CUT)
        return GRAIN_STEP_MORE;
    if (grain_dns_after(&cpu->dns, status) != GRAIN_STEP_MORE)
        return GRAIN_STEP_REFUSED;
    grain_dns_expand_start(&cpu->expansion, cpu->dns.message, cpu->dns.offset);
    grain_name_take(ctx, cpu, config, NULL, GRAIN_AT_NAME);
    return GRAIN_STEP_MORE;
}

/* Set out at `offset` of the payload. */
static __always_inline void grain_dns_start(const struct grain_cpu *cpu, __u32 offset, __u32 length,
                                            struct grain_dns_cursor *dns)
{
    dns->offset = offset;
    dns->length = length;
    dns->questions_left = 0;
    dns->question = 0;
    dns->messages = 0;
    dns->message = 0;
    dns->message_end = 0;
    dns->from = 0;
    dns->kind = 0;
    dns->tcp = cpu->packet.protocol == GRAIN_PROTOCOL_TCP;
    dns->rule = grain_dns_port_suggests(&cpu->packet) ? GRAIN_DNS_SANE : GRAIN_DNS_STRICT;
}

/* The questions of a datagram behind the first; the message is in the window. */
GRAIN_STAGE int grain_dns_walk_rest(grain_context *ctx, struct grain_cpu *cpu,
                                    const struct grain_config *config)
{
    grain_dns_expand_start(&cpu->expansion, cpu->dns.message, cpu->dns.offset);
    for (__u32 i = 1; i < GRAIN_QUESTIONS_PER_MESSAGE; i++) {
        if (cpu->dns.questions_left == 0)
            return 0;
        if (grain_dns_next(ctx, cpu, config) != GRAIN_STEP_MORE)
            return 0;
    }
    if (cpu->dns.questions_left)
        grain_count(cpu, GRAIN_COUNTER_NAMES_LIMIT);
    return 0;
}

/*
 * A datagram in the frame itself: its header and first question, which is all that nearly all have.
 * Returns whether more questions follow.
 */
static __always_inline bool grain_dns_datagram_packet(grain_context *ctx, struct grain_cpu *cpu,
                                                      const struct grain_config *config)
{
    struct grain_dns_cursor dns;
    struct grain_window w;

    grain_window_open_packet(ctx, cpu, &w);
    grain_dns_start(cpu, 0, w.length, &dns);
    dns.tcp = 0;
    if (grain_dns_message_read(&w, cpu, &dns) != GRAIN_STEP_MORE)
        return false;
    if (dns.question == 0) {
        grain_dns_no_question(ctx, cpu, config, &dns, GRAIN_AT_PACKET);
        return false;
    }
    if (!grain_name_take_packet(ctx, cpu, config, &w) || dns.questions_left == 0)
        return false;
    cpu->dns = dns;
    return true;
}

/* A datagram in the window. */
GRAIN_STAGE int grain_dns_datagram_window(grain_context *ctx, struct grain_cpu *cpu,
                                          const struct grain_config *config)
{
    grain_dns_start(cpu, 0, cpu->dns.length, &cpu->dns);
    if (grain_dns_message_window(ctx, cpu, config) == GRAIN_STEP_MORE && cpu->dns.questions_left)
        grain_dns_walk_rest(ctx, cpu, config);
    return 0;
}

/* A segment in the window: messages behind their length prefixes, the first question of each. */
static __always_inline int grain_dns_walk_segment(grain_context *ctx, struct grain_cpu *cpu,
                                                  const struct grain_config *config)
{
    for (__u32 i = 0; i < GRAIN_MESSAGES_PER_SEGMENT; i++) {
        int step = grain_dns_message_window(ctx, cpu, config);

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
