// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "shapes.h"

#define POOL (1 << 16)

void shape_prepare(struct random *r, uint8_t *p)
{
    static uint8_t pool[POOL + SHAPE_MAX];

    if (!pool[0] && !pool[1] && !pool[2] && !pool[3])
        random_fill(r, pool, sizeof(pool));
    memcpy(p + 64, pool + random_below(r, POOL), SHAPE_MAX - 64);
    random_fill(r, p, 64);
}

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

static uint32_t between(struct random *r, uint32_t least, uint32_t most)
{
    return least + random_below(r, most - least + 1);
}

static uint32_t text(uint8_t *p, const char *line)
{
    size_t length = strlen(line);

    memcpy(p, line, length);
    return (uint32_t)length;
}

/* Letters, digits and spaces up to a length. */
static uint32_t words(struct random *r, uint8_t *p, uint32_t at, uint32_t most)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789 /.:;=-\r\n";
    uint32_t end = between(r, at + 4, at + most);

    for (; at < end; at++)
        p[at] = (uint8_t)alphabet[p[at] % (sizeof(alphabet) - 1)];
    return at;
}

static uint32_t make_random(struct random *r, uint8_t *p)
{
    (void)p;
    return between(r, 12, random_below(r, 4) ? 128 : SHAPE_MAX);
}

/* A record of any type and version, its length right or cut into segments. */
static uint32_t make_tls(struct random *r, uint8_t *p)
{
    static const uint8_t types[] = {20, 21, 22, 22, 23, 23, 23, 24};
    uint32_t length = between(r, 1, 1395);

    p[0] = types[random_below(r, sizeof(types))];
    p[1] = 3;
    p[2] = (uint8_t)random_below(r, 5);
    put16(p + 3, random_below(r, 4) ? length : between(r, 1, 16640));
    if (p[0] == 22) {
        p[5] = (uint8_t)random_below(r, 21);
        put16(p + 6, random_below(r, 4));
    }
    return 5 + length;
}

static uint32_t make_quic(struct random *r, uint8_t *p)
{
    static const uint32_t versions[] = {0, 1, 1, 0x6b3343cf, 0x709a50c4, 0xff00001d, 0x51303530};

    if (random_below(r, 2)) {
        p[0] = (uint8_t)((p[0] & 0x3f) | 0x40);
        return between(r, 21, 1350);
    }
    p[0] |= 0xc0;
    put32(p + 1, versions[random_below(r, 7)]);
    p[5] = (uint8_t)random_below(r, 21);
    return between(r, 40, 1350);
}

static uint32_t make_ntp(struct random *r, uint8_t *p)
{
    static const uint8_t first[] = {0x1b, 0x23, 0x24, 0x1c, 0xe3, 0xd9};

    p[0] = first[random_below(r, sizeof(first))];
    p[1] = (uint8_t)random_below(r, 17);
    p[2] = (uint8_t)random_below(r, 18);
    p[3] = (uint8_t)(0xe0 + random_below(r, 27));
    put16(p + 4, random_below(r, 3)); /* seconds of root delay and dispersion: few */
    put16(p + 8, random_below(r, 3));
    if (random_below(r, 2)) /* what a client leaves empty */
        memset(p + 1 + random_below(r, 4), 0, 39);
    return random_below(r, 8) ? 48 : 68;
}

/* With the cookie, or the 16 random bytes of the older one. */
static uint32_t make_stun(struct random *r, uint8_t *p)
{
    static const uint16_t types[] = {0x0001, 0x0101, 0x0111, 0x0003, 0x0004, 0x0008, 0x0017};
    uint32_t length = 4 * random_below(r, 40);

    put16(p, types[random_below(r, 7)]);
    put16(p + 2, length);
    if (random_below(r, 2))
        put32(p + 4, 0x2112a442);
    return 20 + length;
}

static uint32_t make_rtp(struct random *r, uint8_t *p)
{
    p[0] = (uint8_t)(0x80 + random_below(r, 4) * 0x10);
    p[1] = (uint8_t)(p[1] % 2 ? 96 + random_below(r, 32) : 200 + random_below(r, 5));
    if (random_below(r, 2)) /* a stream that has just begun */
        put16(p + 4, random_below(r, 3));
    return between(r, 12, 1200);
}

static uint32_t make_sip(struct random *r, uint8_t *p)
{
    static const char *const starts[] = {"INVITE sip:", "REGISTER sip:", "SIP/2.0 200 OK\r\n",
                                         "OPTIONS sip:", "ACK sip:"};

    return words(r, p, text(p, starts[random_below(r, 5)]), 700);
}

static uint32_t make_http(struct random *r, uint8_t *p)
{
    static const char *const starts[] = {
        "GET /",       "POST /",    "HTTP/1.1 200 OK\r\n",
        "M-SEARCH * ", "NOTIFY * ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};

    return words(r, p, text(p, starts[random_below(r, 6)]), 1000);
}

static uint32_t make_text(struct random *r, uint8_t *p)
{
    static const char *const starts[] = {
        "<34>Oct 11 ", "220 mail ", "* OK IMAP4rev1 ",           "EHLO ", "d1:ad2:id20:",
        "USER ",       "+OK ",      "\xff\xff\xff\xffgetstatus "};

    return words(r, p, text(p, starts[random_below(r, 8)]), 300);
}

static uint32_t make_ssh(struct random *r, uint8_t *p)
{
    uint32_t length = between(r, 12, 1200);

    if (random_below(r, 4) == 0)
        return words(r, p, text(p, "SSH-2.0-OpenSSH_"), 30);
    put32(p, length);
    p[4] = (uint8_t)between(r, 4, 16);
    p[5] = (uint8_t)between(r, 1, 100);
    return length + 4;
}

static uint32_t make_dhcp(struct random *r, uint8_t *p)
{
    p[0] = (uint8_t)between(r, 1, 2);
    p[1] = 1;
    p[2] = 6;
    p[3] = 0;
    if (random_below(r, 2)) /* counted transaction numbers */
        put16(p + 4, random_below(r, 3));
    put16(p + 8, random_below(r, 4));
    put16(p + 10, random_below(r, 2) ? 0x8000 : 0);
    memset(p + 12, 0, random_below(r, 2) ? 16 : 4);
    memset(p + 34, 0, 202);
    put32(p + 236, 0x63825363);
    return between(r, 244, 576);
}

static uint32_t make_snmp(struct random *r, uint8_t *p)
{
    p[0] = 0x30;
    p[1] = (uint8_t)between(r, 0x26, 0x7f);
    memcpy(p + 2, "\x02\x01", 2);
    p[4] = (uint8_t)random_below(r, 2);
    memcpy(p + 5, "\x04\x06public", 8);
    p[13] = (uint8_t)between(r, 0xa0, 0xa8);
    return p[1] + 2;
}

/* Over UDP: request, datagram 0 of 1, reserved 0; then a line or a binary request. */
static uint32_t make_memcached(struct random *r, uint8_t *p)
{
    static const char *const lines[] = {"get ", "set ", "VALUE ", "END\r\n", "stats "};

    put16(p + 2, 0);
    put16(p + 4, 1);
    put16(p + 6, 0);
    if (random_below(r, 2))
        return words(r, p, 8 + text(p + 8, lines[random_below(r, 5)]), 100);
    p[8] = random_below(r, 2) ? 0x80 : 0x81;
    return between(r, 32, 200);
}

static uint32_t make_wireguard(struct random *r, uint8_t *p)
{
    static const uint32_t lengths[] = {148, 92, 64};
    uint32_t type = random_below(r, 8);

    p[0] = (uint8_t)(type < 3 ? type + 1 : 4);
    memset(p + 1, 0, 3);
    if (type < 3)
        return lengths[type];
    memset(p + 9 + random_below(r, 4), 0, 4); /* a counter that is small, least byte first */
    memset(p + 12, 0, 4);
    return 32 + 16 * random_below(r, 80);
}

static uint32_t make_utp(struct random *r, uint8_t *p)
{
    p[0] = (uint8_t)(random_below(r, 5) << 4 | 1);
    p[1] = (uint8_t)random_below(r, 3);
    if (random_below(r, 2))
        put32(p + 8, 0);
    return between(r, 20, 1400);
}

static uint32_t make_radius(struct random *r, uint8_t *p)
{
    uint32_t length = between(r, 20, 300);

    p[0] = (uint8_t)between(r, 1, 5);
    put16(p + 2, length);
    return length;
}

static uint32_t make_modbus(struct random *r, uint8_t *p)
{
    put16(p, random_below(r, 300));
    put16(p + 2, 0);
    put16(p + 4, 6);
    p[6] = (uint8_t)random_below(r, 3);
    p[7] = (uint8_t)between(r, 1, 6);
    put16(p + 8, random_below(r, 100));
    put16(p + 10, between(r, 1, 16));
    return 12;
}

/* A 4-byte length, small numbers behind it: Kafka, PostgreSQL, SMB and their like. */
static uint32_t make_framed(struct random *r, uint8_t *p)
{
    uint32_t length = between(r, 10, 1300);

    put32(p, length);
    put16(p + 4, random_below(r, 60));
    put16(p + 6, random_below(r, 13));
    put32(p + 8, random_below(r, 5000));
    put16(p + 12, random_below(r, 20));
    return length + 4;
}

static uint32_t make_coap(struct random *r, uint8_t *p)
{
    p[0] = (uint8_t)(0x40 | random_below(r, 4) << 4 | random_below(r, 9));
    p[1] = (uint8_t)between(r, 0, 5);
    return between(r, 12, 120);
}

const struct shape shapes[] = {
    {"random", 19, make_random},
    {"tls", 1, make_tls},
    {"quic", 1, make_quic},
    {"ntp", 1, make_ntp},
    {"stun", 1, make_stun},
    {"rtp", 1, make_rtp},
    {"sip", 1, make_sip},
    {"http", 1, make_http},
    {"text", 1, make_text},
    {"ssh", 1, make_ssh},
    {"dhcp", 1, make_dhcp},
    {"snmp", 1, make_snmp},
    {"memcached", 1, make_memcached},
    {"wireguard", 1, make_wireguard},
    {"utp", 1, make_utp},
    {"radius", 1, make_radius},
    {"modbus", 1, make_modbus},
    {"framed", 1, make_framed},
    {"coap", 1, make_coap},
};
const size_t shape_count = sizeof(shapes) / sizeof(shapes[0]);
