// SPDX-License-Identifier: GPL-2.0-only
#include "traffic.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES  8
#define TCP_BYTES  32 /* with timestamps */

#define SEGMENT_BYTES 1448
#define HELLO_BYTES   517
#define LONG_HELLO    1550

/* A stream of numbers of its own for each frame (splitmix64). */
struct dice {
    uint64_t state;
};

static uint64_t dice_roll(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static uint32_t dice_below(struct dice *dice, uint32_t bound)
{
    return (dice_roll(dice) >> 32) * bound >> 32;
}

static struct dice dice_for(uint32_t number, uint32_t kind)
{
    struct dice dice = {(uint64_t)kind << 32 | number};

    return dice;
}

static void dice_fill(struct dice *dice, uint8_t *to, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = dice_roll(dice) >> 56;
}

static uint8_t *put8(uint8_t *p, uint8_t value)
{
    *p = value;
    return p + 1;
}

static uint8_t *put16(uint8_t *p, uint16_t value)
{
    return put8(put8(p, value >> 8), value);
}

static uint8_t *put24(uint8_t *p, uint32_t value)
{
    return put16(put8(p, value >> 16), value);
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
    return put16(put16(p, value >> 16), value);
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t length)
{
    memcpy(p, bytes, length);
    return p + length;
}

struct headers {
    bool ipv6;
    bool tcp;
    uint16_t vlan; /* 0: none */
    uint16_t source, destination;
    uint32_t sequence;
};

static uint8_t *put_ethernet(uint8_t *p, const struct headers *h)
{
    p = put_bytes(p, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
    if (h->vlan)
        p = put16(put16(p, 0x8100), h->vlan);
    return put16(p, h->ipv6 ? 0x86dd : 0x0800);
}

static uint8_t *put_ip(uint8_t *p, const struct headers *h, size_t length, struct dice *dice)
{
    if (h->ipv6) {
        p = put32(p, 0x60000000);
        p = put16(p, length);
        p = put16(p, (h->tcp ? 6 : 17) << 8 | 64);
        for (int i = 0; i < 2; i++) {
            p = put32(p, 0x20010db8);
            dice_fill(dice, p, 12);
            p += 12;
        }
        return p;
    }
    p = put16(put16(p, 0x4500), IPV4_BYTES + length);
    p = put16(put16(p, dice_roll(dice)), 0x4000);
    p = put16(put16(p, 64 << 8 | (h->tcp ? 6 : 17)), 0);
    p = put32(p, 0x0a000000 | dice_below(dice, 1 << 24));
    return put32(p, 0xc0000000 | dice_below(dice, 1 << 24));
}

static uint8_t *put_transport(uint8_t *p, const struct headers *h, size_t length, struct dice *dice)
{
    p = put16(put16(p, h->source), h->destination);
    if (!h->tcp)
        return put16(put16(p, UDP_BYTES + length), 0);
    p = put32(put32(p, h->sequence), dice_roll(dice));
    p = put16(put16(p, 0x8018), 501);
    p = put32(p, 0);
    p = put32(p, 0x0101080a);
    return put32(put32(p, dice_roll(dice)), dice_roll(dice));
}

/* All headers; returns where the payload starts. */
static uint8_t *put_headers(uint8_t *frame, const struct headers *h, size_t payload,
                            struct dice *dice)
{
    size_t transport = h->tcp ? TCP_BYTES : UDP_BYTES;
    uint8_t *p = put_ethernet(frame, h);

    p = put_ip(p, h, transport + payload, dice);
    return put_transport(p, h, payload, dice);
}

static uint16_t any_port(struct dice *dice)
{
    return 10000 + dice_below(dice, 50000);
}

/* Bulk over TCP: application data of TLS, or bytes of any kind. */
static size_t bulk_tcp(uint8_t *frame, struct headers *h, struct dice *dice)
{
    size_t length = 1500 - TCP_BYTES - (h->ipv6 ? IPV6_BYTES : IPV4_BYTES);
    uint8_t *p;

    h->tcp = true;
    h->sequence = dice_roll(dice);
    h->source = dice_roll(dice) & 1 ? 443 : any_port(dice);
    h->destination = any_port(dice);
    p = put_headers(frame, h, length, dice);
    dice_fill(dice, p, length);
    if (dice_roll(dice) & 1)
        put_bytes(p, "\x17\x03\x03\x40\x11", 5);
    return p + length - frame;
}

/* UDP with a short QUIC header (RFC 9000 17.3.1), or of any kind and on any port. */
static size_t bulk_udp(uint8_t *frame, struct headers *h, bool quic, struct dice *dice)
{
    size_t length = quic ? 1200 : 20 + dice_below(dice, 1200);
    uint8_t *p;

    h->source = quic ? 443 : any_port(dice);
    h->destination = any_port(dice);
    p = put_headers(frame, h, length, dice);
    dice_fill(dice, p, length);
    if (quic)
        *p = 0x40 | (*p & 0x3f);
    return p + length - frame;
}

size_t traffic_tcp(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 1);
    struct headers h = {0};

    return bulk_tcp(frame, &h, &dice);
}

size_t traffic_quic_short(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 2);
    struct headers h = {0};

    return bulk_udp(frame, &h, true, &dice);
}

size_t traffic_udp(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 3);
    struct headers h = {0};

    return bulk_udp(frame, &h, false, &dice);
}

size_t traffic_ipv6(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 4);
    struct headers h = {.ipv6 = true};

    if (number & 1)
        return bulk_udp(frame, &h, true, &dice);
    return bulk_tcp(frame, &h, &dice);
}

size_t traffic_vlan(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 5);
    struct headers h = {.vlan = 1 + dice_below(&dice, 4000)};

    if (number & 1)
        return bulk_udp(frame, &h, true, &dice);
    return bulk_tcp(frame, &h, &dice);
}

size_t traffic_miss(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 6);

    switch (dice_below(&dice, 10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return traffic_tcp(frame, number);
    case 4:
    case 5:
        return traffic_quic_short(frame, number);
    case 6:
        return traffic_udp(frame, number);
    case 7:
    case 8:
        return traffic_ipv6(frame, number);
    default:
        return traffic_vlan(frame, number);
    }
}

static const char syllables[][4] = {"ra",  "lo",  "ken", "mi",  "tu",  "sor", "ve",
                                    "dan", "qui", "bel", "xo",  "pra", "ny",  "gal",
                                    "ew",  "fis", "cdn", "api", "www", "z"};

/* A label of two to five syllables, and sometimes digits. Returns its length. */
static size_t make_label(char *label, struct dice *dice)
{
    uint32_t count = 2 + dice_below(dice, 4);
    size_t length = 0;

    for (uint32_t i = 0; i < count; i++)
        length += sprintf(label + length, "%s",
                          syllables[dice_below(dice, sizeof(syllables) / sizeof(syllables[0]))]);
    if (dice_below(dice, 4) == 0)
        length += sprintf(label + length, "%u", dice_below(dice, 1000));
    return length;
}

/* A host name of two to four labels, dots between them; `number` is in it, so that no two agree. */
static size_t make_host(char *host, uint32_t number, struct dice *dice)
{
    static const char *const tops[] = {"com", "net", "org", "example", "io", "test"};
    uint32_t labels = 1 + dice_below(dice, 3);
    size_t length = sprintf(host, "%c%x", 'g' + number % 17, number);

    for (uint32_t i = 0; i < labels; i++) {
        if (i)
            host[length++] = '.';
        length += make_label(host + length, dice);
    }
    length += sprintf(host + length, ".%s", tops[dice_below(dice, 6)]);
    return length;
}

/* The wire form of a host name. */
static uint8_t *put_name(uint8_t *p, const char *host)
{
    while (*host) {
        size_t length = strcspn(host, ".");

        p = put_bytes(put8(p, length), host, length);
        host += length + (host[length] == '.');
    }
    return put8(p, 0);
}

static uint8_t *put_query(uint8_t *p, const char *host, uint16_t type, bool edns, struct dice *dice)
{
    p = put16(put16(p, dice_roll(dice)), 0x0100);
    p = put32(put32(p, 0x00010000), edns);
    p = put_name(p, host);
    p = put16(put16(p, type), 1);
    if (edns)
        p = put_bytes(p, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
    return p;
}

static size_t put_query_frame(uint8_t *frame, const char *host, bool ipv6, bool edns,
                              struct dice *dice)
{
    static const uint16_t types[] = {1, 28, 65, 1};
    struct headers h = {.ipv6 = ipv6, .source = any_port(dice), .destination = 53};
    uint8_t message[512];
    size_t length = put_query(message, host, types[dice_below(dice, 4)], edns, dice) - message;

    return put_bytes(put_headers(frame, &h, length, dice), message, length) - frame;
}

size_t traffic_dns(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 7);
    bool ipv6 = dice_below(&dice, 4) == 0, edns = dice_below(&dice, 4) != 0;
    char host[128];

    make_host(host, number, &dice);
    return put_query_frame(frame, host, ipv6, edns, &dice);
}

size_t traffic_dns_stamped(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 8);
    char host[160] = "aaaaaaaa.";

    make_host(host + 9, number, &dice);
    return put_query_frame(frame, host, false, dice_below(&dice, 4) != 0, &dice);
}

/* Extensions beside the server name; a length of 0xffff is what is left for padding or a key. */
struct extension {
    uint16_t type, length;
};

#define EXTENSIONS 14
#define REST       0xffff

static uint8_t *put_extension(uint8_t *p, const struct extension *extension, size_t rest,
                              struct dice *dice)
{
    size_t length = extension->length == REST ? rest : extension->length;

    p = put16(put16(p, extension->type), length);
    dice_fill(dice, p, length);
    return p + length;
}

static uint8_t *put_server_name(uint8_t *p, const char *host)
{
    size_t length = strlen(host);

    p = put16(put16(p, 0), length + 5);
    p = put16(put8(put16(p, length + 3), 0), length);
    return put_bytes(p, host, length);
}

/*
 * A ClientHello of `total` bytes with its record header: 15 extensions, the server name last, the
 * others in any order, one of which takes up what is left.
 */
static void make_hello(uint8_t *hello, size_t total, uint32_t number, struct dice *dice)
{
    struct extension list[EXTENSIONS] = {
        {0x0a0a, 0}, {23, 0},  {0xff01, 1}, {10, 10}, {11, 2}, {35, 0}, {16, 14},
        {5, 5},      {13, 18}, {18, 0},     {51, 43}, {45, 2}, {43, 7}, {21, REST},
    };
    size_t rest = total;
    char host[128];
    uint8_t *p = hello, *extensions;

    make_host(host, number, dice);
    p = put16(put24(p, 0x160301), total - 5);
    p = put24(put8(p, 1), total - 9);
    p = put16(p, 0x0303);
    dice_fill(dice, p, 32);
    p = put8(p + 32, 32);
    dice_fill(dice, p, 32);
    p = put16(p + 32, 32);
    dice_fill(dice, p, 32);
    p = put16(p + 32, 0x0100);
    extensions = p;
    p += 2;
    for (int i = EXTENSIONS - 1; i > 0; i--) {
        uint32_t other = dice_below(dice, i + 1);
        struct extension swap = list[i];

        list[i] = list[other];
        list[other] = swap;
    }
    rest -= p - hello + 9 + strlen(host);
    for (int i = 0; i < EXTENSIONS; i++)
        rest -= 4 + (list[i].length == REST ? 0 : list[i].length);
    for (int i = 0; i < EXTENSIONS; i++)
        p = put_extension(p, &list[i], rest, dice);
    p = put_server_name(p, host);
    put16(extensions, p - extensions - 2);
}

static struct headers hello_headers(struct dice *dice)
{
    struct headers h = {
        .tcp = true, .source = any_port(dice), .destination = 443, .sequence = dice_roll(dice)};

    return h;
}

size_t traffic_hello(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 9);
    struct headers h = hello_headers(&dice);
    uint8_t *p = put_headers(frame, &h, HELLO_BYTES, &dice);

    make_hello(p, HELLO_BYTES, number, &dice);
    return p + HELLO_BYTES - frame;
}

/* One segment of the long hello of flow `flow`. */
static size_t put_half(uint8_t *frame, uint32_t flow, uint32_t kind, bool second)
{
    struct dice dice = dice_for(flow, kind);
    struct headers h = hello_headers(&dice);
    struct dice addresses = dice;
    size_t from = second ? SEGMENT_BYTES : 0;
    size_t length = second ? LONG_HELLO - SEGMENT_BYTES : SEGMENT_BYTES;
    uint8_t hello[LONG_HELLO];
    uint8_t *p;

    make_hello(hello, LONG_HELLO, flow, &dice);
    h.sequence += from;
    p = put_headers(frame, &h, length, &addresses);
    return put_bytes(p, hello + from, length) - frame;
}

size_t traffic_hello_split(uint8_t *frame, uint32_t number)
{
    return put_half(frame, number / 2, 10, number & 1);
}

size_t traffic_hello_half(uint8_t *frame, uint32_t number)
{
    return put_half(frame, number, 11, false);
}

size_t traffic_mixed(uint8_t *frame, uint32_t number)
{
    struct dice dice = dice_for(number, 12);
    uint32_t kind = dice_below(&dice, 100);

    if (kind < 40)
        return traffic_dns(frame, number % 4096);
    if (kind < 42)
        return traffic_hello(frame, number % 4096);
    return traffic_miss(frame, number);
}
