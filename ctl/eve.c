// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "eve.h"
#include "json.h"
#include "say.h"

#define HEX_MAX (2 * (GRAIN_NAME_LENGTH_MAX + 1) + 1)

static void put_true(json_t *object, const char *key, bool value)
{
    if (value)
        json_put(object, key, json_true());
}

/* Bytes beyond what HEX_MAX holds are left out; no caller has them. */
static void put_hex(json_t *object, const char *key, const uint8_t *bytes, size_t length)
{
    char text[HEX_MAX] = "";

    for (size_t i = 0; i < length && 2 * i + 2 < sizeof(text); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    json_put_text(object, key, text);
}

static json_t *hex16(uint16_t value)
{
    return json_sprintf("0x%04x", value);
}

const char *eve_address(const struct grain_record *record, const uint8_t address[16],
                        char buffer[64])
{
    if (record->family == 4)
        return inet_ntop(AF_INET, address + 12, buffer, 64);
    return inet_ntop(AF_INET6, address, buffer, 64);
}

static void put_address(json_t *event, const char *key, const struct grain_record *record,
                        const uint8_t address[16])
{
    char text[64];

    json_put_text(event, key, eve_address(record, address, text));
}

static void put_vlan(json_t *event, const struct grain_record *record)
{
    json_t *tags;

    if (!record->vlan_count)
        return;
    tags = must(json_array());
    for (int i = 0; i < record->vlan_count && i < 2; i++)
        json_append(tags, json_integer(record->vlan[i] & 0xfff));
    json_put(event, "vlan", tags);
}

static void put_flow(json_t *event, const struct grain_record *record)
{
    put_address(event, "src_ip", record, record->source);
    json_put_number(event, "src_port", record->source_port);
    put_address(event, "dest_ip", record, record->destination);
    json_put_number(event, "dest_port", record->destination_port);
    json_put_text(event, "proto", record->protocol == IPPROTO_TCP ? "TCP" : "UDP");
}

/* File names may hold any bytes, JSON may not. */
static void put_path(json_t *event, const char *path)
{
    char *escaped = utf8_valid(path) ? must(strdup(path)) : escape_text(path);

    json_put_text(event, "pcap_filename", escaped);
    free(escaped);
}

const char *eve_dns_protocol(const struct grain_record *record)
{
    switch (record->kind) {
    case GRAIN_NAME_MDNS_QUERY:
    case GRAIN_NAME_MDNS_RESPONSE:
        return "mdns";
    case GRAIN_NAME_LLMNR_QUERY:
    case GRAIN_NAME_LLMNR_RESPONSE:
        return "llmnr";
    default:
        return "dns";
    }
}

/* mDNS has a flag of its own in the class of a question (RFC 6762 5.4). */
static void put_dns_question(json_t *dns, const struct grain_record *record,
                             const struct grain_dns_message *message)
{
    uint16_t class_ = message->class;
    char text[GRAIN_NAME_TEXT_MAX], buffer[16];

    if (strcmp(eve_dns_protocol(record), "dns"))
        class_ &= 0x7fff;
    if (grain_dns_name_text(text, sizeof(text), message->name, message->name_length, true) >= 0)
        json_put_text(dns, "rrname", text);
    put_hex(dns, "rrname_hex", message->name, message->name_length);
    json_put_text(dns, "rrtype", grain_dns_type_text(message->type, buffer));
    json_put_number(dns, "rrtype_id", message->type);
    json_put_text(dns, "rrclass", grain_dns_class_text(class_, buffer));
    json_put_number(dns, "rrclass_id", message->class);
}

static void put_dns_flags(json_t *dns, const struct grain_dns_message *message)
{
    json_put(dns, "flags", json_sprintf("%04x", message->flags));
    put_true(dns, "qr", message->flags & 0x8000);
    put_true(dns, "aa", message->flags & 0x0400);
    put_true(dns, "tc", message->flags & 0x0200);
    put_true(dns, "rd", message->flags & 0x0100);
    put_true(dns, "ra", message->flags & 0x0080);
    json_put_number(dns, "opcode", message->opcode);
}

static void put_edns(json_t *dns, const struct grain_edns *edns)
{
    json_t *object;

    if (!edns->present)
        return;
    object = must(json_object());
    json_put_number(object, "version", edns->version);
    json_put_number(object, "udp_size", edns->udp_size);
    json_put(object, "do", json_boolean(edns->dnssec_ok));
    json_put(dns, "edns", object);
}

static json_t *dns_object(const struct grain_record *record,
                          const struct grain_dns_message *message)
{
    json_t *dns = must(json_object()), *counts = must(json_object());
    char buffer[16];

    json_put_number(dns, "version", 2);
    json_put_text(dns, "type", message->response ? "answer" : "query");
    json_put_number(dns, "id", message->id);
    put_dns_flags(dns, message);
    if (message->has_question)
        put_dns_question(dns, record, message);
    if (message->response)
        json_put_text(dns, "rcode", grain_dns_rcode_text(message->rcode, buffer));
    if (message->has_question)
        json_put_number(dns, "question", message->question);
    json_put_number(counts, "qd", message->questions);
    json_put_number(counts, "an", message->answers);
    json_put_number(counts, "ns", message->authorities);
    json_put_number(counts, "ar", message->additionals);
    json_put(dns, "counts", counts);
    put_edns(dns, &message->edns);
    json_put_text(dns, "protocol", eve_dns_protocol(record));
    return dns;
}

static void put_tls_lists(json_t *tls, const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];
    json_t *list;

    if (message->versions_count) {
        list = must(json_array());
        for (size_t i = 0; i < message->versions_count; i++)
            json_append(list, hex16(message->versions[i]));
        json_put(tls, "supported_versions", list);
    }
    if (!message->alpn_count)
        return;
    list = must(json_array());
    for (size_t i = 0; i < message->alpn_count; i++)
        if (grain_host_name_text(text, sizeof(text), message->alpn[i].name, message->alpn[i].length,
                                 false) >= 0)
            json_append(list, json_string(text));
    json_put(tls, "alpn", list);
}

static json_t *tls_object(const struct grain_record *record,
                          const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];
    json_t *tls = must(json_object());

    if (message->sni_length &&
        grain_host_name_text(text, sizeof(text), message->sni, message->sni_length, true) >= 0)
        json_put_text(tls, "sni", text);
    json_put_text(tls, "version", grain_tls_version_text(message->version, text));
    json_put(tls, "legacy_version", hex16(message->legacy_version));
    put_tls_lists(tls, message);
    if (message->random)
        put_hex(tls, "client_random", message->random, 32);
    json_put_number(tls, "hello_length", message->hello_length);
    put_true(tls, "ech", message->ech);
    put_true(tls, "partial", message->partial);
    json_put_number(tls, "segments", record->segments);
    return tls;
}

const char *eve_quic_version(uint32_t version, char buffer[16])
{
    if (version == 1)
        return "v1";
    if (version == 0x6b3343cf)
        return "v2";
    snprintf(buffer, 16, "0x%08x", version);
    return buffer;
}

static json_t *quic_object(const struct grain_quic_message *message)
{
    json_t *quic = must(json_object());
    char buffer[16];

    json_put(quic, "version", json_sprintf("0x%08x", message->version));
    json_put_text(quic, "version_name", eve_quic_version(message->version, buffer));
    put_hex(quic, "dcid", message->dcid, message->dcid_length);
    put_hex(quic, "scid", message->scid, message->scid_length);
    return quic;
}

static void put_message(json_t *event, const struct grain_record *record,
                        const struct grain_message *message)
{
    if (message->kind == GRAIN_MESSAGE_DNS)
        json_put(event, "dns", dns_object(record, &message->dns));
    else if (message->kind == GRAIN_MESSAGE_TLS)
        json_put(event, "tls", tls_object(record, &message->tls));
    else
        json_put(event, "quic", quic_object(&message->quic));
}

/* What the kernel knows of a live packet beside its bytes. */
static void put_live(json_t *grain, const struct grain_record *record)
{
    json_put_text(grain, "hook", record->header.hook == GRAIN_HOOK_XDP ? "xdp" : "tc");
    json_put_text(grain, "direction",
                  record->header.direction == GRAIN_DIRECTION_OUT ? "out" : "in");
}

static json_t *event_object(const struct grain_record *record, const struct grain_message *message,
                            const struct eve_origin *origin)
{
    static const char *const types[] = {"dns", "tls", "quic"};
    const char *disposition = grain_disposition_name(record->disposition);
    json_t *event = must(json_object()), *grain = must(json_object());

    json_put_time(event, "timestamp", origin->time_ns);
    if (origin->path)
        json_put_number(event, "pcap_cnt", record->frame);
    else
        json_put_text(event, "in_iface", origin->interface);
    json_put_text(event, "event_type", types[message->kind]);
    put_vlan(event, record);
    put_flow(event, record);
    if (origin->path)
        put_path(event, origin->path);
    put_message(event, record, message);
    json_put_text(grain, "disposition", disposition ? disposition : "unknown");
    if (!origin->path)
        put_live(grain, record);
    json_put(event, "grain", grain);
    return event;
}

int eve_print(const struct grain_record *record, const struct grain_message *message,
              const struct eve_origin *origin)
{
    return json_print(event_object(record, message, origin), false);
}

void eve_flush(int *error)
{
    if (!*error)
        *error = output_flush();
}
