// SPDX-License-Identifier: GPL-2.0-only
#include "eve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void put_true(struct grain_json *w, const char *key, bool value)
{
    if (value)
        grain_json_bool(w, key, true);
}

/* As inet_ntop, without its printf. */
static const char *dotted(const uint8_t address[4], char *buffer)
{
    char *at = buffer;

    for (int i = 0; i < 4; i++) {
        uint8_t byte = address[i];

        if (byte >= 100)
            *at++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *at++ = (char)('0' + byte / 10 % 10);
        *at++ = (char)('0' + byte % 10);
        *at++ = i < 3 ? '.' : '\0';
    }
    return buffer;
}

const char *grain_eve_address(const struct grain_record *record, const uint8_t address[16],
                              char buffer[64])
{
    if (record->family == 4)
        return dotted(address + 12, buffer);
    return inet_ntop(AF_INET6, address, buffer, 64);
}

static void put_address(struct grain_json *w, const char *key, const struct grain_record *record,
                        const uint8_t address[16])
{
    char text[64];

    grain_json_text(w, key, grain_eve_address(record, address, text));
}

static void put_vlan(struct grain_json *w, const struct grain_record *record)
{
    if (!record->vlan_count)
        return;
    grain_json_list(w, "vlan");
    for (int i = 0; i < record->vlan_count && i < 2; i++)
        grain_json_number(w, NULL, record->vlan[i] & 0xfff);
    grain_json_end_list(w);
}

static void put_flow(struct grain_json *w, const struct grain_record *record)
{
    put_address(w, "src_ip", record, record->source);
    grain_json_number(w, "src_port", record->source_port);
    put_address(w, "dest_ip", record, record->destination);
    grain_json_number(w, "dest_port", record->destination_port);
    grain_json_text(w, "proto", record->protocol == IPPROTO_TCP ? "TCP" : "UDP");
}

const char *grain_eve_dns_protocol(unsigned int kind)
{
    switch (kind) {
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
static void put_dns_question(struct grain_json *w, const struct grain_record *record,
                             const struct grain_dns_message *message)
{
    uint16_t class_ = message->class;
    char text[GRAIN_NAME_TEXT_MAX], buffer[16];

    if (strcmp(grain_eve_dns_protocol(record->kind), "dns"))
        class_ &= 0x7fff;
    if (grain_dns_name_text(text, sizeof(text), message->name, message->name_length, true) >= 0)
        grain_json_text(w, "rrname", text);
    grain_json_hex(w, "rrname_hex", message->name, message->name_length);
    grain_json_text(w, "rrtype", grain_dns_type_text(message->type, buffer));
    grain_json_number(w, "rrtype_id", message->type);
    grain_json_text(w, "rrclass", grain_dns_class_text(class_, buffer));
    grain_json_number(w, "rrclass_id", message->class);
}

static void put_dns_flags(struct grain_json *w, const struct grain_dns_message *message)
{
    grain_json_hex_number(w, "flags", "", message->flags, 4);
    put_true(w, "qr", message->flags & 0x8000);
    put_true(w, "aa", message->flags & 0x0400);
    put_true(w, "tc", message->flags & 0x0200);
    put_true(w, "rd", message->flags & 0x0100);
    put_true(w, "ra", message->flags & 0x0080);
    grain_json_number(w, "opcode", message->opcode);
}

static void put_edns(struct grain_json *w, const struct grain_edns *edns)
{
    if (!edns->present)
        return;
    grain_json_object(w, "edns");
    grain_json_number(w, "version", edns->version);
    grain_json_number(w, "udp_size", edns->udp_size);
    grain_json_bool(w, "do", edns->dnssec_ok);
    grain_json_end_object(w);
}

static void put_dns(struct grain_json *w, const struct grain_record *record,
                    const struct grain_dns_message *message)
{
    char buffer[16];

    grain_json_object(w, "dns");
    grain_json_number(w, "version", 2);
    grain_json_text(w, "type", message->response ? "answer" : "query");
    grain_json_number(w, "id", message->id);
    put_dns_flags(w, message);
    if (message->has_question)
        put_dns_question(w, record, message);
    if (message->response)
        grain_json_text(w, "rcode", grain_dns_rcode_text(message->rcode, buffer));
    if (message->has_question)
        grain_json_number(w, "question", message->question);
    grain_json_object(w, "counts");
    grain_json_number(w, "qd", message->questions);
    grain_json_number(w, "an", message->answers);
    grain_json_number(w, "ns", message->authorities);
    grain_json_number(w, "ar", message->additionals);
    grain_json_end_object(w);
    put_edns(w, &message->edns);
    grain_json_text(w, "protocol", grain_eve_dns_protocol(record->kind));
    grain_json_end_object(w);
}

static void put_tls_lists(struct grain_json *w, const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];

    if (message->versions_count) {
        grain_json_list(w, "supported_versions");
        for (size_t i = 0; i < message->versions_count; i++)
            grain_json_hex_number(w, NULL, "0x", message->versions[i], 4);
        grain_json_end_list(w);
    }
    if (!message->alpn_count)
        return;
    grain_json_list(w, "alpn");
    for (size_t i = 0; i < message->alpn_count; i++)
        if (grain_host_name_text(text, sizeof(text), message->alpn[i].name, message->alpn[i].length,
                                 false) >= 0)
            grain_json_text(w, NULL, text);
    grain_json_end_list(w);
}

static void put_tls(struct grain_json *w, const struct grain_record *record,
                    const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];

    grain_json_object(w, "tls");
    if (message->sni_length &&
        grain_host_name_text(text, sizeof(text), message->sni, message->sni_length, true) >= 0)
        grain_json_text(w, "sni", text);
    grain_json_text(w, "version", grain_tls_version_text(message->version, text));
    grain_json_hex_number(w, "legacy_version", "0x", message->legacy_version, 4);
    put_tls_lists(w, message);
    if (message->random)
        grain_json_hex(w, "client_random", message->random, 32);
    grain_json_number(w, "hello_length", message->hello_length);
    put_true(w, "ech", message->ech);
    put_true(w, "partial", message->partial);
    grain_json_number(w, "segments", record->segments);
    grain_json_end_object(w);
}

const char *grain_eve_quic_version(uint32_t version, char buffer[16])
{
    if (version == 1)
        return "v1";
    if (version == 0x6b3343cf)
        return "v2";
    (void)snprintf(buffer, 16, "0x%08x", version);
    return buffer;
}

static void put_quic(struct grain_json *w, const struct grain_quic_message *message)
{
    char buffer[16];

    grain_json_object(w, "quic");
    grain_json_hex_number(w, "version", "0x", message->version, 8);
    grain_json_text(w, "version_name", grain_eve_quic_version(message->version, buffer));
    grain_json_hex(w, "dcid", message->dcid, message->dcid_length);
    grain_json_hex(w, "scid", message->scid, message->scid_length);
    grain_json_end_object(w);
}

static void put_message(struct grain_json *w, const struct grain_record *record,
                        const struct grain_message *message)
{
    if (message->kind == GRAIN_MESSAGE_DNS)
        put_dns(w, record, &message->dns);
    else if (message->kind == GRAIN_MESSAGE_TLS)
        put_tls(w, record, &message->tls);
    else
        put_quic(w, &message->quic);
}

/* What grain says beyond Suricata; live, also what the kernel knows of a packet beside its bytes.
 */
static void put_grain(struct grain_json *w, const struct grain_record *record, bool live)
{
    const char *disposition = grain_disposition_name(record->disposition);

    grain_json_object(w, "grain");
    grain_json_text(w, "disposition", disposition ? disposition : "unknown");
    if (live) {
        grain_json_text(w, "hook", record->header.hook == GRAIN_HOOK_XDP ? "xdp" : "tc");
        grain_json_text(w, "direction",
                        record->header.direction == GRAIN_DIRECTION_OUT ? "out" : "in");
    }
    grain_json_end_object(w);
}

static void put_tags(struct grain_json *w, const struct grain_eve_origin *origin)
{
    if (!origin->tag_count)
        return;
    grain_json_object(w, "tags");
    for (uint32_t i = 0; i < origin->tag_count; i++)
        grain_json_pair(w, origin->tags[i].key, origin->tags[i].value);
    grain_json_end_object(w);
}

void grain_eve_write(struct grain_json *w, const struct grain_record *record,
                     const struct grain_message *message, const struct grain_eve_origin *origin)
{
    static const char *const types[] = {"dns", "tls", "quic"};

    grain_json_object(w, NULL);
    grain_json_time(w, "timestamp", origin->time_ns);
    if (origin->path)
        grain_json_number(w, "pcap_cnt", record->frame);
    else
        grain_json_text(w, "in_iface", origin->interface);
    grain_json_text(w, "event_type", types[message->kind]);
    put_vlan(w, record);
    put_flow(w, record);
    if (origin->path)
        grain_json_text(w, "pcap_filename", origin->path);
    put_message(w, record, message);
    put_grain(w, record, !origin->path);
    if (origin->count > 1)
        grain_json_number(w, "count", origin->count);
    put_tags(w, origin);
    grain_json_end_object(w);
}
