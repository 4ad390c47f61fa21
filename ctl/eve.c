// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eve.h"
#include "json.h"
#include "json_write.h"
#include "say.h"

static void put_true(struct json_writer *w, const char *key, bool value)
{
    if (value)
        json_write_bool(w, key, true);
}

const char *eve_address(const struct grain_record *record, const uint8_t address[16],
                        char buffer[64])
{
    if (record->family == 4)
        return inet_ntop(AF_INET, address + 12, buffer, 64);
    return inet_ntop(AF_INET6, address, buffer, 64);
}

static void put_address(struct json_writer *w, const char *key, const struct grain_record *record,
                        const uint8_t address[16])
{
    char text[64];

    json_write_text(w, key, eve_address(record, address, text));
}

static void put_vlan(struct json_writer *w, const struct grain_record *record)
{
    if (!record->vlan_count)
        return;
    json_write_list(w, "vlan");
    for (int i = 0; i < record->vlan_count && i < 2; i++)
        json_write_number(w, NULL, record->vlan[i] & 0xfff);
    json_write_end_list(w);
}

static void put_flow(struct json_writer *w, const struct grain_record *record)
{
    put_address(w, "src_ip", record, record->source);
    json_write_number(w, "src_port", record->source_port);
    put_address(w, "dest_ip", record, record->destination);
    json_write_number(w, "dest_port", record->destination_port);
    json_write_text(w, "proto", record->protocol == IPPROTO_TCP ? "TCP" : "UDP");
}

/* File names may hold any bytes, JSON may not. */
static void put_path(struct json_writer *w, const char *path)
{
    char *escaped = utf8_valid(path) ? must(strdup(path)) : escape_text(path);

    json_write_text(w, "pcap_filename", escaped);
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
static void put_dns_question(struct json_writer *w, const struct grain_record *record,
                             const struct grain_dns_message *message)
{
    uint16_t class_ = message->class;
    char text[GRAIN_NAME_TEXT_MAX], buffer[16];

    if (strcmp(eve_dns_protocol(record), "dns"))
        class_ &= 0x7fff;
    if (grain_dns_name_text(text, sizeof(text), message->name, message->name_length, true) >= 0)
        json_write_text(w, "rrname", text);
    json_write_hex(w, "rrname_hex", message->name, message->name_length);
    json_write_text(w, "rrtype", grain_dns_type_text(message->type, buffer));
    json_write_number(w, "rrtype_id", message->type);
    json_write_text(w, "rrclass", grain_dns_class_text(class_, buffer));
    json_write_number(w, "rrclass_id", message->class);
}

static void put_dns_flags(struct json_writer *w, const struct grain_dns_message *message)
{
    json_write_hex_number(w, "flags", "", message->flags, 4);
    put_true(w, "qr", message->flags & 0x8000);
    put_true(w, "aa", message->flags & 0x0400);
    put_true(w, "tc", message->flags & 0x0200);
    put_true(w, "rd", message->flags & 0x0100);
    put_true(w, "ra", message->flags & 0x0080);
    json_write_number(w, "opcode", message->opcode);
}

static void put_edns(struct json_writer *w, const struct grain_edns *edns)
{
    if (!edns->present)
        return;
    json_write_object(w, "edns");
    json_write_number(w, "version", edns->version);
    json_write_number(w, "udp_size", edns->udp_size);
    json_write_bool(w, "do", edns->dnssec_ok);
    json_write_end_object(w);
}

static void put_dns(struct json_writer *w, const struct grain_record *record,
                    const struct grain_dns_message *message)
{
    char buffer[16];

    json_write_object(w, "dns");
    json_write_number(w, "version", 2);
    json_write_text(w, "type", message->response ? "answer" : "query");
    json_write_number(w, "id", message->id);
    put_dns_flags(w, message);
    if (message->has_question)
        put_dns_question(w, record, message);
    if (message->response)
        json_write_text(w, "rcode", grain_dns_rcode_text(message->rcode, buffer));
    if (message->has_question)
        json_write_number(w, "question", message->question);
    json_write_object(w, "counts");
    json_write_number(w, "qd", message->questions);
    json_write_number(w, "an", message->answers);
    json_write_number(w, "ns", message->authorities);
    json_write_number(w, "ar", message->additionals);
    json_write_end_object(w);
    put_edns(w, &message->edns);
    json_write_text(w, "protocol", eve_dns_protocol(record));
    json_write_end_object(w);
}

static void put_tls_lists(struct json_writer *w, const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];

    if (message->versions_count) {
        json_write_list(w, "supported_versions");
        for (size_t i = 0; i < message->versions_count; i++)
            json_write_hex_number(w, NULL, "0x", message->versions[i], 4);
        json_write_end_list(w);
    }
    if (!message->alpn_count)
        return;
    json_write_list(w, "alpn");
    for (size_t i = 0; i < message->alpn_count; i++)
        if (grain_host_name_text(text, sizeof(text), message->alpn[i].name, message->alpn[i].length,
                                 false) >= 0)
            json_write_text(w, NULL, text);
    json_write_end_list(w);
}

static void put_tls(struct json_writer *w, const struct grain_record *record,
                    const struct grain_tls_message *message)
{
    char text[GRAIN_NAME_TEXT_MAX];

    json_write_object(w, "tls");
    if (message->sni_length &&
        grain_host_name_text(text, sizeof(text), message->sni, message->sni_length, true) >= 0)
        json_write_text(w, "sni", text);
    json_write_text(w, "version", grain_tls_version_text(message->version, text));
    json_write_hex_number(w, "legacy_version", "0x", message->legacy_version, 4);
    put_tls_lists(w, message);
    if (message->random)
        json_write_hex(w, "client_random", message->random, 32);
    json_write_number(w, "hello_length", message->hello_length);
    put_true(w, "ech", message->ech);
    put_true(w, "partial", message->partial);
    json_write_number(w, "segments", record->segments);
    json_write_end_object(w);
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

static void put_quic(struct json_writer *w, const struct grain_quic_message *message)
{
    char buffer[16];

    json_write_object(w, "quic");
    json_write_hex_number(w, "version", "0x", message->version, 8);
    json_write_text(w, "version_name", eve_quic_version(message->version, buffer));
    json_write_hex(w, "dcid", message->dcid, message->dcid_length);
    json_write_hex(w, "scid", message->scid, message->scid_length);
    json_write_end_object(w);
}

static void put_message(struct json_writer *w, const struct grain_record *record,
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
static void put_grain(struct json_writer *w, const struct grain_record *record, bool live)
{
    const char *disposition = grain_disposition_name(record->disposition);

    json_write_object(w, "grain");
    json_write_text(w, "disposition", disposition ? disposition : "unknown");
    if (live) {
        json_write_text(w, "hook", record->header.hook == GRAIN_HOOK_XDP ? "xdp" : "tc");
        json_write_text(w, "direction",
                        record->header.direction == GRAIN_DIRECTION_OUT ? "out" : "in");
    }
    json_write_end_object(w);
}

int eve_print(const struct grain_record *record, const struct grain_message *message,
              const struct eve_origin *origin)
{
    static const char *const types[] = {"dns", "tls", "quic"};
    static struct json_writer writer;
    struct json_writer *w = &writer;

    json_write_object(w, NULL);
    json_write_time(w, "timestamp", origin->time_ns);
    if (origin->path)
        json_write_number(w, "pcap_cnt", record->frame);
    else
        json_write_text(w, "in_iface", origin->interface);
    json_write_text(w, "event_type", types[message->kind]);
    put_vlan(w, record);
    put_flow(w, record);
    if (origin->path)
        put_path(w, origin->path);
    put_message(w, record, message);
    put_grain(w, record, !origin->path);
    json_write_end_object(w);
    return json_write_line(w);
}

void eve_flush(int *error)
{
    if (!*error)
        *error = output_flush();
}
