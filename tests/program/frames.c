// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frames.h"

void put(struct bytes *b, const void *data, size_t length)
{
    assert_true(b->length + length <= sizeof(b->data));
    if (length)
        memcpy(b->data + b->length, data, length);
    b->length += length;
}

void put8(struct bytes *b, uint8_t value)
{
    put(b, &value, 1);
}

void put16(struct bytes *b, uint16_t value)
{
    put8(b, value >> 8);
    put8(b, value & 0xff);
}

void put24(struct bytes *b, uint32_t value)
{
    put8(b, value >> 16 & 0xff);
    put16(b, value & 0xffff);
}

void put32(struct bytes *b, uint32_t value)
{
    put16(b, value >> 16);
    put16(b, value & 0xffff);
}

void put_fill(struct bytes *b, uint8_t value, size_t count)
{
    assert_true(b->length + count <= sizeof(b->data));
    memset(b->data + b->length, value, count);
    b->length += count;
}

size_t vector_open(struct bytes *b, int width)
{
    put_fill(b, 0, width);
    return b->length;
}

void vector_close(struct bytes *b, size_t mark, int width)
{
    size_t length = b->length - mark;

    for (int i = 1; i <= width; i++) {
        b->data[mark - i] = length & 0xff;
        length >>= 8;
    }
    assert_int_equal(length, 0);
}

void frame_ethernet(struct bytes *out, const struct envelope *e, uint16_t ethertype)
{
    static const uint8_t addresses[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

    out->length = 0;
    if (e->bare)
        return;
    put(out, addresses, sizeof(addresses));
    for (int i = 0; i < e->tags; i++) {
        put16(out, e->tag_type[i] ? e->tag_type[i] : 0x8100);
        put16(out, e->tag[i]);
    }
    put16(out, ethertype);
}

static void put_ipv4(struct bytes *out, const struct envelope *e, uint8_t protocol, size_t length)
{
    put8(out, 0x45 + e->ip_options / 4);
    put8(out, 0);
    put16(out, 20 + e->ip_options + length);
    put16(out, 0x1234);
    put16(out, e->fragment);
    put8(out, 64);
    put8(out, protocol);
    put16(out, 0);
    put32(out, 0x0a000000 + (e->flow & 0xffffff)); /* 10/8 */
    put32(out, 0xc6336401);                        /* 198.51.100.1 */
    put_fill(out, 1, e->ip_options);               /* no-operation */
}

static void put_ipv6(struct bytes *out, const struct envelope *e, uint8_t protocol, size_t length)
{
    put32(out, 0x60000000);
    put16(out, e->extensions_length + length);
    put8(out, e->extensions_length ? e->extensions[0] : protocol);
    put8(out, 64);
    put32(out, 0x20010db8);
    put_fill(out, 0, 8);
    put32(out, e->flow);
    put32(out, 0x20010db8);
    put_fill(out, 0, 10);
    put16(out, 0x0053);
    /* The first byte was the type of the first header; each header names the next itself. */
    if (e->extensions_length)
        put(out, e->extensions + 1, e->extensions_length);
}

void frame_ip(struct bytes *out, const struct envelope *e, uint8_t protocol, const void *payload,
              size_t length)
{
    frame_ethernet(out, e, e->family == 6 ? 0x86dd : 0x0800);
    if (e->family == 6)
        put_ipv6(out, e, protocol, length);
    else
        put_ipv4(out, e, protocol, length);
    put(out, payload, length);
}

static void put_ports(struct bytes *b, const struct envelope *e)
{
    put16(b, e->source_port ? e->source_port : 40000);
    put16(b, e->destination_port);
}

void frame_udp(struct bytes *out, const struct envelope *e, const void *payload, size_t length)
{
    static _Thread_local struct bytes udp;

    udp.length = 0;
    put_ports(&udp, e);
    put16(&udp, 8 + length);
    put16(&udp, 0);
    put(&udp, payload, length);
    frame_ip(out, e, 17, udp.data, udp.length);
}

void frame_tcp(struct bytes *out, const struct envelope *e, const void *payload, size_t length)
{
    static _Thread_local struct bytes tcp;

    tcp.length = 0;
    put_ports(&tcp, e);
    put32(&tcp, e->sequence);
    put32(&tcp, 1);
    put8(&tcp, (20 + e->tcp_options) / 4 << 4);
    put8(&tcp, e->tcp_flags ? e->tcp_flags : TCP_ACK);
    put16(&tcp, 512);
    put32(&tcp, 0);
    put_fill(&tcp, 1, e->tcp_options);
    put(&tcp, payload, length);
    frame_ip(out, e, 6, tcp.data, tcp.length);
}

void dns_header(struct bytes *b, uint16_t flags, uint16_t questions, uint16_t answers,
                uint16_t authorities, uint16_t additionals)
{
    put16(b, 0x4d2);
    put16(b, flags);
    put16(b, questions);
    put16(b, answers);
    put16(b, authorities);
    put16(b, additionals);
}

void dns_labels(struct bytes *b, const char *name)
{
    while (*name) {
        size_t length = strcspn(name, ".");

        put8(b, length);
        put(b, name, length);
        name += length + (name[length] == '.');
    }
}

void dns_name(struct bytes *b, const char *name)
{
    dns_labels(b, name);
    put8(b, 0);
}

void dns_question(struct bytes *b, const char *name, uint16_t type, uint16_t class)
{
    dns_name(b, name);
    put16(b, type);
    put16(b, class);
}

void dns_query(struct bytes *b, const char *name, uint16_t type)
{
    dns_header(b, DNS_QUERY, 1, 0, 0, 0);
    dns_question(b, name, type, DNS_IN);
}

static void record_rest(struct bytes *b, uint16_t type, size_t length)
{
    put16(b, type);
    put16(b, DNS_IN);
    put32(b, 300);
    put16(b, length);
    put_fill(b, 0xab, length);
}

void dns_record(struct bytes *b, uint16_t type, size_t length)
{
    put16(b, 0xc00c);
    record_rest(b, type, length);
}

void dns_record_named(struct bytes *b, const char *name, uint16_t type, size_t length)
{
    dns_name(b, name);
    record_rest(b, type, length);
}

void dns_edns(struct bytes *b)
{
    put8(b, 0);
    put16(b, 41);
    put16(b, 1232);
    put32(b, 0);
    put16(b, 0);
}

void dns_tcp(struct bytes *b, const struct bytes *message)
{
    put16(b, message->length);
    put(b, message->data, message->length);
}

static void put_padding(struct bytes *b, size_t length)
{
    if (!length)
        return;
    put16(b, 21);
    put16(b, length);
    put_fill(b, 0, length);
}

static void put_server_name(struct bytes *b, const struct hello *hello)
{
    size_t extension, list, name;

    put16(b, 0);
    extension = vector_open(b, 2);
    list = vector_open(b, 2);
    put8(b, 0);
    name = vector_open(b, 2);
    if (hello->sni_repeat)
        put_fill(b, 'a', hello->sni_repeat);
    else
        put(b, hello->sni, strlen(hello->sni));
    vector_close(b, name, 2);
    vector_close(b, list, 2);
    vector_close(b, extension, 2);
}

static void put_extensions(struct bytes *b, const struct hello *hello)
{
    static const uint8_t versions[] = {0, 43, 0, 5, 4, 3, 4, 3, 3};
    static const uint8_t alpn[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
    static const uint8_t ech[] = {0xfe, 0x0d, 0, 10, 0, 0, 1, 0, 1, 7, 0, 0, 0, 0};

    put(b, versions, sizeof(versions));
    if (hello->ech)
        put(b, ech, sizeof(ech));
    put_padding(b, hello->pad);
    if (hello->sni || hello->sni_repeat)
        put_server_name(b, hello);
    if (hello->alpn)
        put(b, alpn, sizeof(alpn));
    put_padding(b, hello->pad_behind);
}

void tls_hello(struct bytes *b, const struct hello *hello)
{
    static const uint8_t ciphers[] = {0, 4, 0x13, 1, 0x13, 2};
    size_t message, extensions;

    put8(b, 1);
    message = vector_open(b, 3);
    put16(b, 0x0303);
    for (int i = 0; i < 32; i++)
        put8(b, hello->seed + 7 * i);
    put8(b, hello->session);
    put_fill(b, 0x5e, hello->session);
    put(b, ciphers, sizeof(ciphers));
    put16(b, 0x0100); /* one compression method: none */
    if (!hello->no_extensions) {
        extensions = vector_open(b, 2);
        put_extensions(b, hello);
        vector_close(b, extensions, 2);
    }
    vector_close(b, message, 3);
}

void tls_records(struct bytes *b, const struct bytes *message, size_t most)
{
    if (!most)
        most = message->length;
    for (size_t at = 0; at < message->length; at += most) {
        size_t piece = message->length - at < most ? message->length - at : most;

        put8(b, 0x16);
        put16(b, 0x0301);
        put16(b, piece);
        put(b, message->data + at, piece);
    }
}

void tls_hello_record(struct bytes *b, const struct hello *hello)
{
    static struct bytes message;

    message.length = 0;
    tls_hello(&message, hello);
    tls_records(b, &message, 0);
}

void tls_change_cipher_spec(struct bytes *b)
{
    static const uint8_t record[] = {0x14, 3, 3, 0, 1, 1};

    put(b, record, sizeof(record));
}

void quic_initial(struct bytes *b, uint32_t version, size_t length)
{
    put8(b, version == 0x6b3343cf ? 0xd0 : 0xc0);
    put32(b, version);
    put8(b, 8);
    put_fill(b, 0x11, 8);
    put8(b, 4);
    put_fill(b, 0x22, 4);
    put8(b, 0);
    put16(b, 0x4000 + length - b->length - 2);
    put_fill(b, 0x33, length - b->length);
}

/* xorshift64*; a state of 0 stands for a fixed seed. */
uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state ? *state : 0x2545f4914f6cdd1dULL;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dULL;
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (random_next(state) >> 32) % limit;
}

uint32_t test_share(void)
{
    const char *text = getenv("GRAIN_TEST_SHARE");
    unsigned long share = text ? strtoul(text, NULL, 10) : 1;

    return share ? share : 1;
}
