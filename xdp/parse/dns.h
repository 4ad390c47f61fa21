/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DNS messages (RFC 1035 section 4; mDNS RFC 6762; LLMNR RFC 4795; over TCP RFC 7766), found by
 * content on any port.
 *
 * The rules are strict where the port does not suggest DNS: a message must then leave no doubt. On
 * the ports of DNS a datagram passes with a sane header or, failing that, a sane question; broken
 * servers and attack tools send both. Helper-free.
 */
#ifndef GRAIN_PARSE_DNS_H
#define GRAIN_PARSE_DNS_H

#include <grain/cpu.h>
#include "window.h"

#define GRAIN_DNS_HEADER_BYTES   12
#define GRAIN_DNS_QUESTION_BYTES 5 /* the root, type and class */
#define GRAIN_DNS_RECORD_BYTES   11
#define GRAIN_DNS_LABELS_MAX     128
#define GRAIN_DNS_QUESTIONS_MAX  64
#define GRAIN_DNS_TYPE_OPT       41

#define GRAIN_DNS_FLAG_RESPONSE  0x8000
#define GRAIN_DNS_FLAG_TRUNCATED 0x0200
#define GRAIN_DNS_FLAG_Z         0x0040

struct grain_dns_header {
    __u16 id;
    __u16 flags;
    __u16 questions;
    __u16 answers;
    __u16 authorities;
    __u16 additionals;
};

struct grain_dns_question {
    __u32 name_offset;
    __u32 name_length; /* wire form, with the final zero byte */
    __u16 type;
    __u16 class;
    __u32 next; /* offset behind the question */
};

static __always_inline __u32 grain_dns_opcode(__u16 flags)
{
    return flags >> 11 & 0xf;
}

static __always_inline enum grain_parse_status
grain_dns_header_parse(const struct grain_window *w, __u32 offset, struct grain_dns_header *out)
{
    const __u8 *p = grain_window_at(w, offset, GRAIN_DNS_HEADER_BYTES);

    if (!p)
        return GRAIN_PARSE_CUT;
    out->id = grain_load16(p);
    out->flags = grain_load16(p + 2);
    out->questions = grain_load16(p + 4);
    out->answers = grain_load16(p + 6);
    out->authorities = grain_load16(p + 8);
    out->additionals = grain_load16(p + 10);
    return GRAIN_PARSE_OK;
}

/* Do the counts fit into `length` bytes? Every record has at least eleven, every question five. */
static __always_inline bool grain_dns_counts_fit(const struct grain_dns_header *h, __u32 length)
{
    __u32 records = (__u32)h->answers + h->authorities + h->additionals;

    return GRAIN_DNS_HEADER_BYTES + h->questions * GRAIN_DNS_QUESTION_BYTES +
               records * GRAIN_DNS_RECORD_BYTES <=
           length;
}

/* Opcodes in use: QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO (RFC 8490). */
static __always_inline bool grain_dns_opcode_known(__u32 opcode)
{
    return 0x77u >> opcode & 1;
}

/* How much doubt is allowed. */
#define GRAIN_DNS_STRICT 2 /* any port: nothing may be unusual */
#define GRAIN_DNS_SANE   1 /* the stream or the port suggests DNS: the header must make sense */
#define GRAIN_DNS_LOOSE \
    0 /* a DNS port's datagram with an odd header: the question must make sense instead */

/* One question and few records behind the answers: all that a broken server's answer count leaves
 * of a sane header. */
static __always_inline bool grain_dns_header_passable(const struct grain_dns_header *h)
{
    return grain_dns_opcode_known(grain_dns_opcode(h->flags)) && h->questions == 1 &&
           h->authorities <= 64 && h->additionals <= 64;
}

/*
 * Opcode and counts make sense; `length` is the message's, as the datagram or the prefix says. A
 * datagram that says it was truncated may lack records that it counts; a stream has no need to.
 */
static __always_inline bool grain_dns_header_sane(const struct grain_dns_header *h, __u32 length,
                                                  bool stream)
{
    if (!grain_dns_opcode_known(grain_dns_opcode(h->flags)) ||
        h->questions > GRAIN_DNS_QUESTIONS_MAX)
        return false;
    return grain_dns_counts_fit(h, length) ||
           (!stream && (h->flags & GRAIN_DNS_FLAG_TRUNCATED) && grain_dns_header_passable(h));
}

/*
 * May a message have no question? Announcements, later messages of a zone transfer and cookie
 * queries (RFC 7873) carry records; an error may be a bare header. `stream`: a length prefix that
 * bytes of something else happen to look like must not lead far.
 */
static __always_inline bool grain_dns_no_question_sane(const struct grain_dns_header *h,
                                                       __u32 length, bool stream)
{
    bool response = h->flags & GRAIN_DNS_FLAG_RESPONSE;

    if (h->answers == 0 && h->authorities == 0 && h->additionals == 0)
        return response && length == GRAIN_DNS_HEADER_BYTES;
    return response || !stream || length <= 512;
}

/* A sane header that is also what clients and servers really send: one question, no unassigned
 * bits. */
static __always_inline bool grain_dns_header_strict(const struct grain_dns_header *h)
{
    __u32 opcode = grain_dns_opcode(h->flags);

    if (h->questions != 1 || (opcode != 0 && opcode != 4 && opcode != 5) ||
        (h->flags & GRAIN_DNS_FLAG_Z))
        return false;
    if (h->flags & GRAIN_DNS_FLAG_RESPONSE)
        return true;
    /* A query has no response code, and answers only where it notifies or updates. */
    return (h->flags & 0xf) == 0 && h->additionals <= 4 &&
           (opcode != 0 || (h->answers == 0 && h->authorities <= 1));
}

/* Types that a query on an unusual port may ask for: the assigned ones (IANA, DNS parameters) and
 * their question types. */
static __always_inline bool grain_dns_type_known(__u32 type)
{
    return (type >= 1 && type <= 67) || (type >= 99 && type <= 109) || type == 128 ||
           (type >= 249 && type <= 262) || type == 32768 || type == 32769;
}

/* Classes IN, CH, HS, NONE, ANY; mDNS uses the top bit for "unicast, please". */
static __always_inline bool grain_dns_class_known(__u32 class)
{
    class &= 0x7fff;
    return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

/*
 * The length of an uncompressed name at `offset`, its final zero byte included. Two branches a
 * label: what else can be wrong is gathered on the way and judged at the end.
 */
static __always_inline enum grain_parse_status grain_dns_name_measure(const struct grain_window *w,
                                                                      __u32 offset, __u32 *length)
{
    const __u8 *p = grain_window_at(w, offset, 1);
    __u32 odd = 0, label = 1;
    __u64 measured = 0;

    if (!p)
        return GRAIN_PARSE_CUT;
    for (__u32 i = 0; i < GRAIN_DNS_LABELS_MAX; i++) {
        const __u8 *at = p + measured;

        /* Bytes behind the window are not the message's, though they may be readable. */
        if (offset + measured >= w->length)
            break;
#ifdef __bpf__
        grain_opaque(at);
        if (w->kind == GRAIN_WINDOW_PACKET && at + 1 > w->end)
            break;
        if (w->kind == GRAIN_WINDOW_BUFFER && measured > GRAIN_NAME_LENGTH_MAX)
            break;
#endif
        label = *at;
        odd |= label;
        /* Only the label is waited for. */
        measured++;
        grain_opaque(measured);
        measured += label;
        if (label == 0)
            break;
    }
    if (odd > 63 || measured > GRAIN_NAME_LENGTH_MAX)
        return GRAIN_PARSE_MALFORMED;
    if (label || offset + measured > w->length)
        return GRAIN_PARSE_CUT;
    *length = grain_blur(measured, w->zero, 0xff);
    return GRAIN_PARSE_OK;
}

/*
 * Type and class behind a name that ends before `offset`. Where the header makes sense they may be
 * anything, for broken clients send all of it, but not for the root: five zero bytes are no
 * question.
 */
static __always_inline enum grain_parse_status
grain_dns_question_tail(const struct grain_window *w, __u32 offset, __u32 rule,
                        struct grain_dns_question *out)
{
    const __u8 *p = grain_window_at(w, offset, 4);

    if (!p)
        return GRAIN_PARSE_CUT;
    out->type = grain_load16(p);
    out->class = grain_load16(p + 2);
    out->next = offset + 4;
    if ((rule != GRAIN_DNS_SANE || out->name_length == 1) &&
        (!grain_dns_type_known(out->type) || !grain_dns_class_known(out->class)))
        return GRAIN_PARSE_MALFORMED;
    return GRAIN_PARSE_OK;
}

/* A question whose name is not compressed: the first of a message never is. */
static __always_inline enum grain_parse_status
grain_dns_question_parse(const struct grain_window *w, __u32 offset, __u32 rule,
                         struct grain_dns_question *out)
{
    enum grain_parse_status status = grain_dns_name_measure(w, offset, &out->name_length);

    if (status != GRAIN_PARSE_OK)
        return status;
    out->name_offset = offset;
    return grain_dns_question_tail(w, offset + out->name_length, rule, out);
}

/*
 * The rest of a record, the first of a message without questions, behind its name, which ends
 * before `offset`: type, class, TTL and data that end before `end`. OPT has no class (RFC
 * 6891 6.1.2).
 */
static __always_inline enum grain_parse_status grain_dns_record_tail(const struct grain_window *w,
                                                                     __u32 offset, __u32 end)
{
    const __u8 *p = grain_window_at(w, offset, 10);
    __u32 type;

    if (!p)
        return GRAIN_PARSE_CUT;
    type = grain_load16(p);
    if (!grain_dns_type_known(type) ||
        (type != GRAIN_DNS_TYPE_OPT && !grain_dns_class_known(grain_load16(p + 2))))
        return GRAIN_PARSE_MALFORMED;
    return offset + 10 + grain_load16(p + 8) <= end ? GRAIN_PARSE_OK : GRAIN_PARSE_MALFORMED;
}

static __always_inline void grain_dns_expand_start(struct grain_dns_expansion *e, __u32 message,
                                                   __u32 offset)
{
    e->message = message;
    e->at = offset;
    e->lowest = offset;
    e->label = 0;
    e->filled = 0;
    e->after = 0;
}

static __always_inline enum grain_parse_status
grain_dns_expand_pointer(const struct grain_window *w, struct grain_dns_expansion *e)
{
    const __u8 *p = grain_window_at(w, e->at, 2);
    __u32 target;

    if (!p)
        return GRAIN_PARSE_MALFORMED;
    if (!e->after)
        e->after = e->at + 2;
    target = e->message + (grain_load16(p) & 0x3fff);
    if (target >= e->lowest || target < e->message + GRAIN_DNS_HEADER_BYTES)
        return GRAIN_PARSE_MALFORMED;
    e->at = target;
    e->lowest = target;
    return GRAIN_PARSE_CUT;
}

/* The next bytes of a label: first what is over a multiple of eight, read backwards from its end,
 * then eight by eight. */
static __always_inline enum grain_parse_status
grain_dns_expand_label(const struct grain_window *w, struct grain_dns_expansion *e, __u8 *name)
{
    __u32 odd = e->label & 7, piece = odd ? odd : 8;
    const __u8 *p = grain_window_at(w, e->at + piece - 8, 8);
    __u64 to = e->filled;

    if (!p)
        return GRAIN_PARSE_MALFORMED;
    grain_opaque(to);
    grain_store64_raw(name + (to & 0xff), grain_load64_raw(p) >> (64 - 8 * piece));
    e->filled += piece;
    e->at += piece;
    e->label -= piece;
    return GRAIN_PARSE_CUT;
}

/*
 * One step of expanding a name that may be compressed (RFC 1035 4.1.4) into `name` (264 writable
 * bytes); pointers lead backwards only. OK: the name is complete, `filled` bytes of it, and `after`
 * is the offset behind it. CUT: go on.
 */
static __always_inline enum grain_parse_status
grain_dns_expand_step(const struct grain_window *w, struct grain_dns_expansion *e, __u8 *name)
{
    __u64 to = e->filled;
    const __u8 *p;
    __u32 label;

    if (e->label)
        return grain_dns_expand_label(w, e, name);
    p = grain_window_at(w, e->at, 1);
    if (!p)
        return GRAIN_PARSE_MALFORMED;
    label = *p;
    if (label >= 0xc0)
        return grain_dns_expand_pointer(w, e);
    if (label > 63 || to + label + 1 > GRAIN_NAME_LENGTH_MAX - (label != 0))
        return GRAIN_PARSE_MALFORMED;
    grain_opaque(to);
    name[to & 0xff] = label;
    e->filled++;
    e->at++;
    e->label = label;
    if (label)
        return GRAIN_PARSE_CUT;
    if (!e->after)
        e->after = e->at;
    return GRAIN_PARSE_OK;
}

#endif
