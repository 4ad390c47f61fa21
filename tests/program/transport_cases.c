// SPDX-License-Identifier: GPL-2.0-only
/* UDP and TCP payloads that are none of what grain looks for, and QUIC. */
#include <string.h>

#include "cases.h"

static void text(struct script *s, uint16_t port, const char *payload)
{
    struct envelope e = {.destination_port = port};

    script_tcp(s, &e, payload, strlen(payload));
}

static void empty(struct script *s)
{
    struct envelope e = {.destination_port = 53},
                    syn = {.destination_port = 443, .tcp_flags = TCP_SYN, .tcp_options = 20};
    struct bytes none = {0};

    script_udp(s, &e, &none);
    script_tcp(s, &e, NULL, 0);
    script_tcp(s, &syn, NULL, 0);
}

static void plain_text(struct script *s)
{
    text(s, 80, "GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n");
    text(s, 25, "220 mail.example.test ESMTP\r\n");
    text(s, 22, "SSH-2.0-OpenSSH_9.2\r\n");
}

static void tls_but_no_hello(struct script *s)
{
    static const uint8_t data[] = {0x17, 3, 3, 0, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, 40};
    static const uint8_t server[] = {0x16, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3, 9, 9, 9, 9, 9, 9, 9};
    struct envelope e = {.destination_port = 443};

    script_tcp(s, &e, data, sizeof(data));
    script_tcp(s, &e, alert, sizeof(alert));
    script_tcp(s, &e, server, sizeof(server));
}

/* 14 bytes or more: a shorter segment may be the beginning of anything. */
static void random_payload(struct bytes *payload, uint64_t *seed)
{
    payload->length = 0;
    put_fill(payload, 0, 14 + random_below(seed, 400));
    for (size_t n = 0; n < payload->length; n++)
        payload->data[n] = random_next(seed) >> 56;
}

static void random_datagrams(struct script *s)
{
    struct envelope e = {.destination_port = 10053};
    struct bytes payload;
    uint64_t seed = 7;

    for (e.flow = 0; e.flow < 4000; e.flow++) {
        random_payload(&payload, &seed);
        script_udp(s, &e, &payload);
    }
}

static void random_segments(struct script *s)
{
    struct envelope e = {.destination_port = 10053};
    struct bytes payload;
    uint64_t seed = 3;

    for (e.flow = 0; e.flow < 4000; e.flow++) {
        random_payload(&payload, &seed);
        script_tcp(s, &e, payload.data, payload.length);
    }
}

static void dtls(struct script *s)
{
    static const uint8_t head[] = {0x16, 0xfe, 0xfd, 0,  0, 0, 0, 0, 0, 0, 0,  0,    100,
                                   1,    0,    0,    88, 0, 0, 0, 0, 0, 0, 88, 0xfe, 0xfd};
    struct envelope e = {.destination_port = 443};
    struct bytes payload = {0};

    put(&payload, head, sizeof(head));
    put_fill(&payload, 0x21, 86);
    script_udp(s, &e, &payload);
}

static void netbios(struct script *s)
{
    struct envelope e = {.source_port = 137, .destination_port = 137};
    struct bytes message = {0};

    dns_header(&message, 0x0110, 1, 0, 0, 0);
    dns_question(&message, "EJFDEBFEEBFACACACACACACACACACAAA", 32, DNS_IN);
    script_udp(s, &e, &message);
    message.length = 0;
    dns_query(&message, "www.example.test", DNS_A);
    script_udp(s, &e, &message);
}

static void quic_port(struct script *s, uint32_t version, uint16_t port)
{
    struct envelope e = {.destination_port = port};
    struct bytes payload = {0};

    quic_initial(&payload, version, 1200);
    script_udp(s, &e, &payload);
}

static void quic(struct script *s)
{
    quic_port(s, 1, 443);
    quic_port(s, 1, 853);
    quic_port(s, 0x6b3343cf, 4433);
    quic_port(s, 1, 53);
}

static void quic_other(struct script *s)
{
    struct envelope e = {.destination_port = 443};
    struct bytes payload = {0};

    quic_initial(&payload, 1, 1200);
    payload.data[0] = 0xe0; /* Handshake */
    script_udp(s, &e, &payload);
    payload.data[0] = 0xc0;
    payload.data[4] = 0x1d; /* a draft's version */
    script_udp(s, &e, &payload);
    payload.data[0] = 0x43; /* short header */
    script_udp(s, &e, &payload);
}

static void quic_malformed(struct script *s)
{
    struct envelope e = {.destination_port = 443};
    struct bytes payload = {0};

    quic_initial(&payload, 1, 1200);
    payload.data[5] = 21; /* RFC 9000: at most 20 bytes of connection id */
    script_udp(s, &e, &payload);
    payload.length = 0;
    quic_initial(&payload, 1, 1200);
    payload.data[14] = 21;
    script_udp(s, &e, &payload);
    payload.length = 0;
    quic_initial(&payload, 1, 1200);
    payload.length = 19; /* the datagram ends behind the connection ids */
    script_udp(s, &e, &payload);
}

static const struct test_case cases[] = {
    {"no payload", empty, "tcp_empty=2 udp_empty=1"},
    {"text protocols", plain_text, "tcp_other=3"},
    {"TLS records that are no ClientHello", tls_but_no_hello, "tcp_other=3"},
    {"random datagrams are not DNS", random_datagrams, "udp_other=4000"},
    {"random segments are not DNS or TLS", random_segments, "tcp_other=4000"},
    {"DTLS is not looked into", dtls, "udp_other=1"},
    {"NetBIOS names look like DNS and are not", netbios, "udp_other=2"},
    {"QUIC Initials of both versions on any port", quic, "quic_initial=4", NULL, NULL, "quic=4"},
    {"other QUIC packets", quic_other, "udp_other=3"},
    {"QUIC with lengths that cannot be", quic_malformed, "quic_candidate=3"},
};

CASE_LIST(transport_cases, cases);
