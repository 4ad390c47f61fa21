// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records read again with the parsers that found them. The bytes come out of a ring that others may
 * have filled: whatever they hold, nothing outside of them is read and every walk ends.
 */
#include <errno.h>
#include <string.h>

#include <grain/message.h>

#include "parse/dns.h"
#include "parse/quic.h"
#include "parse/tls.h"

#define DNS_TYPE_OPT 41
#define DNS_FLAG_DO  0x8000
/* A step takes eight bytes of a label, a label's length or a pointer; 1,024 are more than any name
 * of 255 bytes needs that does not consist of pointers to pointers. */
#define EXPAND_STEPS 1024

/* A window on the bytes from `offset` on; false: there are none. */
static bool window_open(struct grain_window *w, const uint8_t *bytes, size_t length, size_t offset)
{
    if (offset >= length || length - offset > UINT32_MAX)
        return false;
    w->base = bytes + offset;
    w->end = bytes + length;
    w->length = length - offset;
    w->kind = GRAIN_WINDOW_PACKET;
    w->zero = 0;
    return true;
}

/* Behind a name that stands at `*at`: labels up to the empty one or a pointer. */
static bool dns_name_skip(const struct grain_window *w, uint32_t *at)
{
    for (int i = 0; i < GRAIN_DNS_LABELS_MAX; i++) {
        const uint8_t *p = grain_window_at(w, *at, 1);

        if (!p || (*p > 63 && *p < 0xc0))
            return false;
        if (*p >= 0xc0) {
            *at += 2;
            return *at <= w->length;
        }
        *at += 1 + *p;
        if (*p == 0)
            return true;
    }
    return false;
}

static bool dns_questions_skip(const struct grain_window *w, uint32_t *at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!dns_name_skip(w, at) || !grain_window_at(w, *at, 4))
            return false;
        *at += 4;
    }
    return true;
}

/* A resource record; `*fixed` is where its type stands. */
static bool dns_resource_skip(const struct grain_window *w, uint32_t *at, const uint8_t **fixed)
{
    if (!dns_name_skip(w, at))
        return false;
    *fixed = grain_window_at(w, *at, 10);
    if (!*fixed)
        return false;
    *at += 10 + grain_load16(*fixed + 8);
    return *at <= w->length;
}

/* RFC 6891 6.1.3: an OPT record among the additional ones. */
static void dns_edns_parse(struct grain_dns_message *out, const struct grain_window *w, uint32_t at)
{
    uint32_t before = (uint32_t)out->answers + out->authorities;
    const uint8_t *p;

    if (!dns_questions_skip(w, &at, out->questions))
        return;
    for (uint32_t i = 0; i < before + out->additionals; i++) {
        if (!dns_resource_skip(w, &at, &p))
            return;
        if (i < before || grain_load16(p) != DNS_TYPE_OPT)
            continue;
        out->edns.present = true;
        out->edns.udp_size = grain_load16(p + 2);
        out->edns.extended_rcode = p[4];
        out->edns.version = p[5];
        out->edns.dnssec_ok = grain_load16(p + 6) & DNS_FLAG_DO;
        out->rcode |= (uint16_t)p[4] << 4;
        return;
    }
}

/* The question's name, pointers followed; returns the offset behind it, 0 when it is not
 * well-formed. */
static uint32_t dns_name_expand(struct grain_dns_message *out, const struct grain_window *w,
                                uint32_t at)
{
    enum grain_parse_status status = GRAIN_PARSE_CUT;
    struct grain_dns_expansion expansion;
    uint8_t name[264];

    grain_dns_expand_start(&expansion, 0, at);
    for (int i = 0; i < EXPAND_STEPS && status == GRAIN_PARSE_CUT; i++)
        status = grain_dns_expand_step(w, &expansion, name);
    if (status != GRAIN_PARSE_OK)
        return 0;
    memcpy(out->name, name, expansion.filled);
    out->name_length = expansion.filled;
    return expansion.after;
}

static int dns_question_parse(struct grain_dns_message *out, const struct grain_record *record,
                              const struct grain_window *w)
{
    uint32_t at = GRAIN_DNS_HEADER_BYTES;
    const uint8_t *p;

    if (record->question >= out->questions || !dns_questions_skip(w, &at, record->question))
        return -EBADMSG;
    at = dns_name_expand(out, w, at);
    p = at ? grain_window_at(w, at, 4) : NULL;
    if (!p)
        return -EBADMSG;
    out->has_question = true;
    out->question = record->question;
    out->type = grain_load16(p);
    out->class = grain_load16(p + 2);
    return out->type == record->type ? 0 : -EBADMSG;
}

static void dns_header_note(struct grain_dns_message *out, const struct grain_dns_header *header)
{
    out->id = header->id;
    out->flags = header->flags;
    out->questions = header->questions;
    out->answers = header->answers;
    out->authorities = header->authorities;
    out->additionals = header->additionals;
    out->opcode = grain_dns_opcode(header->flags);
    out->rcode = header->flags & 0xf;
    out->response = header->flags & GRAIN_DNS_FLAG_RESPONSE;
}

/* Over TCP the length in front of the message says where it ends. */
static void dns_message_end(struct grain_window *w, const struct grain_record *record)
{
    uint32_t length;

    if (record->protocol != 6 || record->message_offset < 2)
        return;
    length = grain_load16(w->base - 2);
    if (length < w->length)
        w->length = length;
}

static int dns_parse(struct grain_dns_message *out, const struct grain_record *record,
                     struct grain_window *w)
{
    bool response = record->kind == GRAIN_NAME_DNS_RESPONSE ||
                    record->kind == GRAIN_NAME_MDNS_RESPONSE ||
                    record->kind == GRAIN_NAME_LLMNR_RESPONSE;
    struct grain_dns_header header;
    int error = 0;

    dns_message_end(w, record);
    if (grain_dns_header_parse(w, 0, &header) != GRAIN_PARSE_OK)
        return -EBADMSG;
    dns_header_note(out, &header);
    if (out->response != response)
        return -EBADMSG;
    if (record->header.type == GRAIN_RECORD_NAME)
        error = dns_question_parse(out, record, w);
    else if (header.questions)
        error = -EBADMSG;
    if (!error)
        dns_edns_parse(out, w, GRAIN_DNS_HEADER_BYTES);
    return error;
}

/* Drafts of TLS 1.3 (0x7fXX) come after 1.2 and before 1.3; what is no version of TLS comes last.
 */
static unsigned int tls_version_rank(uint16_t version)
{
    if (version >> 8 == 0x7f)
        return 2 * 0x0303 + 1;
    return version >> 8 == 3 ? 2 * version : 0;
}

static void tls_versions_note(struct grain_tls_message *out, const struct grain_window *w,
                              const struct grain_tls_hello *hello)
{
    for (uint32_t at = 0; at + 2 <= hello->versions_length; at += 2) {
        const uint8_t *p = grain_window_at(w, (uint64_t)hello->versions_offset + at, 2);
        uint16_t version;

        if (!p || out->versions_count == GRAIN_MESSAGE_LIST_MAX)
            break;
        version = grain_load16(p);
        out->versions[out->versions_count++] = version;
        if (!grain_tls_is_grease(version) &&
            tls_version_rank(version) > tls_version_rank(out->version))
            out->version = version;
    }
    if (!out->version)
        out->version = out->legacy_version;
}

static void tls_alpn_note(struct grain_tls_message *out, const struct grain_window *w,
                          const struct grain_tls_hello *hello)
{
    uint32_t at = 0;

    while (at < hello->alpn_length && out->alpn_count < GRAIN_MESSAGE_LIST_MAX) {
        const uint8_t *p = grain_window_at(w, (uint64_t)hello->alpn_offset + at, 1);
        uint32_t length = p ? *p : 0;

        if (length == 0 || length > hello->alpn_length - at - 1 ||
            !grain_window_at(w, (uint64_t)hello->alpn_offset + at + 1, length))
            return;
        out->alpn[out->alpn_count].name = p + 1;
        out->alpn[out->alpn_count++].length = length;
        at += 1 + length;
    }
}

/*
 * Read twice: once as the kernel did, for the server name; then to the end for everything else.
 * What is wrong behind the name, or is not there any more, does not take back what came before.
 */
static int tls_parse(struct grain_tls_message *out, const struct grain_record *record,
                     const struct grain_window *w)
{
    bool joined = record->header.flags & GRAIN_RECORD_FLAG_STREAM;
    struct grain_tls_hello name = {0}, hello = {0};
    enum grain_parse_status status;

    status = grain_tls_hello_parse(w, joined, GRAIN_TLS_WANT_SNI, &name);
    if (status == GRAIN_PARSE_OTHER || (status == GRAIN_PARSE_MALFORMED && !name.sni_length))
        return -EBADMSG;
    if (!name.sni_length != (record->header.type == GRAIN_RECORD_HELLO))
        return -EBADMSG;
    status = grain_tls_hello_parse(w, joined, GRAIN_TLS_WANT_ALL, &hello);
    out->partial = status != GRAIN_PARSE_OK || record->header.flags & GRAIN_RECORD_FLAG_PARTIAL;
    out->record_version = hello.record_version;
    out->legacy_version = hello.legacy_version;
    out->hello_length = hello.hello_length;
    if (hello.random_offset)
        out->random = grain_window_at(w, hello.random_offset, 32);
    if (name.sni_length)
        out->sni = grain_window_at(w, name.sni_offset, name.sni_length);
    out->sni_length = out->sni ? name.sni_length : 0;
    out->ech = hello.ech;
    tls_versions_note(out, w, &hello);
    tls_alpn_note(out, w, &hello);
    return 0;
}

static int quic_parse(struct grain_quic_message *out, const struct grain_window *w)
{
    struct grain_quic_initial initial;

    if (grain_quic_initial_parse(w, &initial) != GRAIN_PARSE_OK)
        return -EBADMSG;
    out->version = initial.version;
    out->dcid_length = initial.dcid_length;
    out->dcid = grain_window_at(w, initial.dcid_offset, initial.dcid_length);
    out->scid_length = initial.scid_length;
    out->scid = grain_window_at(w, initial.scid_offset, initial.scid_length);
    return out->dcid && out->scid ? 0 : -EBADMSG;
}

static int message_kind(const struct grain_record *record)
{
    switch (record->header.type) {
    case GRAIN_RECORD_NAME:
        return record->kind == GRAIN_NAME_TLS_SNI ? GRAIN_MESSAGE_TLS : GRAIN_MESSAGE_DNS;
    case GRAIN_RECORD_HELLO:
        return GRAIN_MESSAGE_TLS;
    case GRAIN_RECORD_QUIC:
        return GRAIN_MESSAGE_QUIC;
    case GRAIN_RECORD_DNS:
        return GRAIN_MESSAGE_DNS;
    default:
        return -EBADMSG;
    }
}

int grain_message_parse(struct grain_message *out, const struct grain_record *record,
                        const uint8_t *bytes, size_t length)
{
    int kind = message_kind(record);
    struct grain_window w;

    memset(out, 0, sizeof(*out));
    if (kind < 0 || !window_open(&w, bytes, length, record->message_offset))
        return -EBADMSG;
    out->kind = kind;
    if (kind == GRAIN_MESSAGE_DNS)
        return dns_parse(&out->dns, record, &w);
    if (kind == GRAIN_MESSAGE_TLS)
        return tls_parse(&out->tls, record, &w);
    return quic_parse(&out->quic, &w);
}
