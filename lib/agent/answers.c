// SPDX-License-Identifier: GPL-2.0-only
#include "answers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "parse/dns.h"

#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_AAAA  28
#define CLASS_IN   1
/* As in lib/message.c: more steps than a name takes that does not consist of pointers only. */
#define EXPAND_STEPS 1024
#define ALIASES_MAX  16
/* RFC 2181 8: a TTL with the upper bit is none. */
#define TTL_MAX 0x7fffffffU

/* The name at *at, lower case; *at is then behind it. False: it is none. */
static bool take_name(struct grain_answers_name *out, const struct grain_window *w, uint32_t *at)
{
    enum grain_parse_status status = GRAIN_PARSE_CUT;
    struct grain_dns_expansion expansion;

    grain_dns_expand_start(&expansion, 0, *at);
    for (int i = 0; i < EXPAND_STEPS && status == GRAIN_PARSE_CUT; i++)
        status = grain_dns_expand_step(w, &expansion, out->bytes);
    if (status != GRAIN_PARSE_OK)
        return false;
    out->length = (uint16_t)expansion.filled;
    *at = expansion.after;
    /* A label's length is below 64, and so no letter. */
    for (uint16_t i = 0; i < out->length; i++)
        if (out->bytes[i] >= 'A' && out->bytes[i] <= 'Z')
            out->bytes[i] = (uint8_t)(out->bytes[i] + 'a' - 'A');
    return true;
}

static bool same_name(const struct grain_answers_name *a, const struct grain_answers_name *b)
{
    return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static void take_address(struct grain_answer *out, const uint8_t *data, uint32_t length)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (length == 4) {
        memcpy(out->address, mapped, sizeof(mapped));
        memcpy(out->address + 12, data, 4);
    } else {
        memcpy(out->address, data, 16);
    }
    /* A v4-mapped AAAA is reached over IPv4. */
    out->family = memcmp(out->address, mapped, sizeof(mapped)) ? AF_INET6 : AF_INET;
}

/* One resource record; false: the message ends inside, or the record is not well-formed. */
static bool take_record(struct grain_answers *out, const struct grain_window *w, uint32_t *at)
{
    struct grain_answers_name *owner = &out->records[out->record_count].owner;
    struct grain_answer *answer = &out->records[out->record_count].answer;
    uint32_t type, length, data;
    const uint8_t *p;

    if (!take_name(owner, w, at))
        return false;
    p = grain_window_at(w, *at, 10);
    if (!p)
        return false;
    type = grain_load16(p);
    length = grain_load16(p + 8);
    answer->ttl = (uint32_t)grain_load16(p + 4) << 16 | grain_load16(p + 6);
    answer->ttl = answer->ttl > TTL_MAX ? 0 : answer->ttl;
    answer->family = 0;
    data = *at + 10;
    *at = data + length;
    if (*at > w->length)
        return false;
    if (grain_load16(p + 2) != CLASS_IN)
        return true;
    if (type == TYPE_CNAME) {
        if (!take_name(&out->records[out->record_count].target, w, &data) || data != *at)
            return false;
        out->record_count++;
    } else if ((type == TYPE_A && length == 4) || (type == TYPE_AAAA && length == 16)) {
        take_address(answer, p + 10, length);
        out->record_count++;
    }
    return true;
}

/* Aliases stand in any order; one that leads in a circle ends after some turns. */
static uint32_t follow(struct grain_answers *out)
{
    uint32_t ttl = TTL_MAX;

    out->owner = out->question;
    while (out->aliases < ALIASES_MAX) {
        uint32_t i = 0;

        while (i < out->record_count &&
               (out->records[i].answer.family || !same_name(&out->records[i].owner, &out->owner)))
            i++;
        if (i == out->record_count)
            break;
        out->owner = out->records[i].target;
        ttl = out->records[i].answer.ttl < ttl ? out->records[i].answer.ttl : ttl;
        out->aliases++;
    }
    return ttl;
}

static void choose(struct grain_answers *out)
{
    uint32_t ttl = follow(out);

    for (uint32_t i = 0; i < out->record_count; i++) {
        struct grain_answer *answer = &out->records[i].answer;

        if (!answer->family || !same_name(&out->records[i].owner, &out->owner))
            continue;
        if (out->count == GRAIN_ANSWERS_MAX) {
            out->cut = true;
            break;
        }
        out->list[out->count] = *answer;
        if (ttl < answer->ttl)
            out->list[out->count].ttl = ttl;
        out->count++;
    }
}

int grain_answers_parse(struct grain_answers *out, const uint8_t *message, size_t length)
{
    struct grain_window w = {.base = message,
                             .end = message + length,
                             .length = (uint32_t)length,
                             .kind = GRAIN_WINDOW_PACKET};
    struct grain_dns_header header;
    uint32_t at = GRAIN_DNS_HEADER_BYTES;
    const uint8_t *p;

    out->aliases = out->count = out->record_count = 0;
    out->cut = false;
    if (length < GRAIN_DNS_HEADER_BYTES || length > 65535 ||
        grain_dns_header_parse(&w, 0, &header) != GRAIN_PARSE_OK ||
        !(header.flags & GRAIN_DNS_FLAG_RESPONSE))
        return -EBADMSG;
    if (header.questions != 1 || grain_dns_opcode(header.flags) || (header.flags & 0xf))
        return -ENOENT;
    if (!take_name(&out->question, &w, &at) || !(p = grain_window_at(&w, at, 4)))
        return -EBADMSG;
    out->type = grain_load16(p);
    if (grain_load16(p + 2) != CLASS_IN)
        return -ENOENT;
    at += 4;
    for (uint32_t i = 0; i < header.answers && !out->cut; i++)
        out->cut = out->record_count == GRAIN_ANSWERS_RECORDS_MAX || !take_record(out, &w, &at);
    choose(out);
    return 0;
}
