// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "line.h"

static void print_time(uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    char text[32];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%H:%M:%S", &tm);
    printf("%s.%06u ", text, (unsigned int)(time_ns % 1000000000 / 1000));
}

static void print_end(const struct grain_record *record, const uint8_t address[16], uint16_t port)
{
    char text[64];

    printf(record->family == 4 ? "%s:%u" : "[%s]:%u", grain_eve_address(record, address, text),
           port);
}

static void print_vlan(const struct grain_record *record)
{
    for (int i = 0; i < record->vlan_count && i < 2; i++)
        printf(" vlan %u", record->vlan[i] & 0xfff);
}

static void print_dns(const struct grain_record *record, const struct grain_dns_message *dns)
{
    char name[GRAIN_NAME_TEXT_MAX], type[16], rcode[16];

    printf(" %s %s", grain_eve_dns_protocol(record->kind), dns->response ? "answer" : "query");
    if (dns->response)
        printf(" %s", grain_dns_rcode_text(dns->rcode, rcode));
    if (dns->has_question &&
        grain_dns_name_text(name, sizeof(name), dns->name, dns->name_length, true) >= 0)
        printf(" %s %s", grain_dns_type_text(dns->type, type), name);
}

static void print_tls(const struct grain_tls_message *tls)
{
    char text[GRAIN_NAME_TEXT_MAX];

    printf(" tls hello %s", grain_tls_version_text(tls->version, text));
    if (tls->sni_length &&
        grain_host_name_text(text, sizeof(text), tls->sni, tls->sni_length, true) >= 0)
        printf(" %s", text);
    for (size_t i = 0; i < tls->alpn_count; i++)
        if (grain_host_name_text(text, sizeof(text), tls->alpn[i].name, tls->alpn[i].length,
                                 false) >= 0)
            printf("%s%s", i ? "," : " alpn ", text);
    if (tls->ech)
        printf(" ech");
}

static void print_quic(const struct grain_quic_message *quic)
{
    char text[16];

    printf(" quic initial %s", grain_eve_quic_version(quic->version, text));
}

int line_print(const struct grain_record *record, const struct grain_message *message,
               const struct grain_eve_origin *origin)
{
    print_time(origin->time_ns);
    printf("%s %s ", origin->interface,
           record->header.direction == GRAIN_DIRECTION_OUT ? "out" : "in");
    print_end(record, record->source, record->source_port);
    printf(" > ");
    print_end(record, record->destination, record->destination_port);
    printf(" %s", record->protocol == IPPROTO_TCP ? "tcp" : "udp");
    print_vlan(record);
    if (message->kind == GRAIN_MESSAGE_DNS)
        print_dns(record, &message->dns);
    else if (message->kind == GRAIN_MESSAGE_TLS)
        print_tls(&message->tls);
    else
        print_quic(&message->quic);
    errno = 0;
    if (putchar('\n') == EOF || ferror(stdout))
        return errno ? -errno : -EIO;
    return 0;
}
