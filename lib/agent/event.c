// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <grain/config.h>

#include "eve.h"
#include "measures.h"

/* Tags are in the order of measures.h, and there are fewer than GRAIN_TAGS_MAX. */
static void tag(struct grain_item *item, const char *key, const char *value)
{
    item->tags[item->tag_count++] = (struct grain_tag){key, value};
}

static const char *decimal(char *out, size_t size, unsigned int number)
{
    char *at = out + size - 1;

    *at = 0;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return at;
}

static void flow_tags(struct grain_item *item, struct grain_event_text *text,
                      const struct grain_record *record, const char *interface)
{
    tag(item, "interface", interface);
    tag(item, "direction", record->header.direction == GRAIN_DIRECTION_OUT ? "out" : "in");
    tag(item, "src_ip", grain_eve_address(record, record->source, text->source));
    tag(item, "src_port",
        decimal(text->source_port, sizeof(text->source_port), record->source_port));
    tag(item, "dest_ip", grain_eve_address(record, record->destination, text->destination));
    tag(item, "dest_port",
        decimal(text->destination_port, sizeof(text->destination_port), record->destination_port));
    tag(item, "proto", record->protocol == IPPROTO_TCP ? "tcp" : "udp");
}

static void vlan_tag(struct grain_item *item, struct grain_event_text *text,
                     const struct grain_record *record)
{
    if (!record->vlan_count)
        return;
    if (record->vlan_count == 1)
        (void)snprintf(text->vlan, sizeof(text->vlan), "%u", record->vlan[0] & 0xfffU);
    else
        (void)snprintf(text->vlan, sizeof(text->vlan), "%u.%u", record->vlan[0] & 0xfffU,
                       record->vlan[1] & 0xfffU);
    tag(item, "vlan", text->vlan);
}

static void dns_tags(struct grain_item *item, struct grain_event_text *text,
                     const struct grain_record *record, const struct grain_dns_message *dns)
{
    tag(item, "protocol", grain_eve_dns_protocol(record->kind));
    if (dns->has_question && grain_dns_name_text(text->name, sizeof(text->name), dns->name,
                                                 dns->name_length, true) >= 0) {
        tag(item, "qname", text->name);
        tag(item, "qtype", grain_dns_type_text(dns->type, text->type));
    }
    tag(item, "id", decimal(text->id, sizeof(text->id), dns->id));
    if (dns->response)
        tag(item, "rcode", grain_dns_rcode_text(dns->rcode, text->rcode));
}

static void answer_tags(struct grain_item *item, struct grain_event_text *text)
{
    const struct grain_answers *answers = text->room;
    uint32_t ttl = UINT32_MAX;
    size_t length = 0;

    for (uint32_t i = 0; i < answers->count; i++) {
        const struct grain_answer *answer = &answers->list[i];
        bool four = answer->family == AF_INET;
        char one[INET6_ADDRSTRLEN];

        if (!inet_ntop(answer->family, answer->address + (four ? 12 : 0), one, sizeof(one)))
            continue;
        length += (size_t)snprintf(text->answers + length, sizeof(text->answers) - length, "%s%s",
                                   length ? "," : "", one);
        ttl = answer->ttl < ttl ? answer->ttl : ttl;
    }
    if (!length)
        return;
    tag(item, "answers", text->answers);
    tag(item, "ttl", decimal(text->ttl, sizeof(text->ttl), ttl));
    if (answers->aliases &&
        grain_dns_name_text(text->owner, sizeof(text->owner), answers->owner.bytes,
                            answers->owner.length, true) >= 0)
        tag(item, "owner", text->owner);
}

static void look_at_answers(struct grain_item *item, struct grain_event_text *text,
                            const struct grain_record *record, const uint8_t *bytes, size_t length)
{
    size_t at = record->message_offset;

    if (!text->room || at >= length || grain_answers_parse(text->room, bytes + at, length - at))
        return;
    text->answered = true;
    answer_tags(item, text);
}

/* Separated by commas, as far as there is room. */
static void alpn_tag(struct grain_item *item, struct grain_event_text *text,
                     const struct grain_tls_message *tls)
{
    char one[GRAIN_NAME_TEXT_MAX];
    size_t length = 0;

    for (size_t i = 0; i < tls->alpn_count; i++) {
        int size =
            grain_host_name_text(one, sizeof(one), tls->alpn[i].name, tls->alpn[i].length, false);

        if (size < 0 || length + (size_t)size + 2 > sizeof(text->alpn))
            break;
        length += (size_t)snprintf(text->alpn + length, sizeof(text->alpn) - length, "%s%s",
                                   length ? "," : "", one);
    }
    if (length)
        tag(item, "alpn", text->alpn);
}

static void tls_tags(struct grain_item *item, struct grain_event_text *text,
                     const struct grain_tls_message *tls)
{
    if (tls->sni_length &&
        grain_host_name_text(text->name, sizeof(text->name), tls->sni, tls->sni_length, true) >= 0)
        tag(item, "sni", text->name);
    tag(item, "version", grain_tls_version_text(tls->version, text->version));
    alpn_tag(item, text, tls);
}

static enum grain_measure measure_of(const struct grain_message *message)
{
    if (message->kind == GRAIN_MESSAGE_TLS)
        return GRAIN_MEASURE_TLS_CLIENTHELLO;
    if (message->kind == GRAIN_MESSAGE_QUIC)
        return GRAIN_MEASURE_QUIC_INITIAL;
    return message->dns.response ? GRAIN_MEASURE_DNS_RESPONSE : GRAIN_MEASURE_DNS_QUERY;
}

int grain_event_item(struct grain_item *item, struct grain_event_text *text,
                     struct grain_message *message, const struct grain_record *record,
                     const uint8_t *bytes, size_t length, const char *interface, uint64_t time_ns)
{
    int error = grain_message_parse(message, record, bytes, length);

    if (error)
        return error;
    grain_measure_item(item, measure_of(message), time_ns);
    item->count = 1;
    item->record = record;
    item->bytes = bytes;
    item->length = length;
    flow_tags(item, text, record, interface);
    if (message->kind == GRAIN_MESSAGE_DNS)
        dns_tags(item, text, record, &message->dns);
    else if (message->kind == GRAIN_MESSAGE_TLS)
        tls_tags(item, text, &message->tls);
    else
        tag(item, "version", grain_eve_quic_version(message->quic.version, text->version));
    vlan_tag(item, text, record);
    text->answered = false;
    if (message->kind == GRAIN_MESSAGE_DNS && message->dns.response)
        look_at_answers(item, text, record, bytes, length);
    return 0;
}
