/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames and messages, built byte by byte from the RFCs. Nothing here comes from grain's own
 * parsers, so what they say about these frames can be wrong.
 */
#ifndef GRAIN_TEST_FRAMES_H
#define GRAIN_TEST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_ROOM 66000

/* A growing message; running out of room is a failed test. */
struct bytes {
    size_t length;
    uint8_t data[BYTES_ROOM];
};

void put(struct bytes *b, const void *data, size_t length);
void put8(struct bytes *b, uint8_t value);
void put16(struct bytes *b, uint16_t value);
void put24(struct bytes *b, uint32_t value);
void put32(struct bytes *b, uint32_t value);
void put_fill(struct bytes *b, uint8_t value, size_t count);

/* A vector behind a length of `width` bytes: open it, put its contents, close it. */
size_t vector_open(struct bytes *b, int width);
void vector_close(struct bytes *b, size_t mark, int width);

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* Everything around a payload. Zero means the ordinary: IPv4, TCP or UDP as called, no tags. */
struct envelope {
    int family;    /* 4 (also 0) or 6 */
    uint32_t flow; /* picks the client's address */
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t sequence;
    uint8_t tcp_flags;
    uint8_t tcp_options; /* bytes, a multiple of 4 */
    uint8_t ip_options;  /* bytes, a multiple of 4 */
    uint16_t fragment;   /* IPv4: the flags and offset word */
    int tags;
    uint16_t tag_type[3];
    uint16_t tag[3];
    const uint8_t *extensions; /* IPv6: extension headers, the first one's type in front */
    size_t extensions_length;
    bool bare; /* no Ethernet header */
};

void frame_ethernet(struct bytes *out, const struct envelope *e, uint16_t ethertype);
/* An IP packet of any protocol around a payload. */
void frame_ip(struct bytes *out, const struct envelope *e, uint8_t protocol, const void *payload,
              size_t length);
void frame_udp(struct bytes *out, const struct envelope *e, const void *payload, size_t length);
void frame_tcp(struct bytes *out, const struct envelope *e, const void *payload, size_t length);

#define DNS_RESPONSE 0x8180
#define DNS_QUERY    0x0100
#define DNS_A        1
#define DNS_AAAA     28
#define DNS_IN       1

void dns_header(struct bytes *b, uint16_t flags, uint16_t questions, uint16_t answers,
                uint16_t authorities, uint16_t additionals);
/* "www.example.test" in wire form, without the final zero byte where `b` continues with a pointer.
 */
void dns_labels(struct bytes *b, const char *name);
void dns_name(struct bytes *b, const char *name);
void dns_question(struct bytes *b, const char *name, uint16_t type, uint16_t class);
void dns_query(struct bytes *b, const char *name, uint16_t type);
/* A record whose name is the question's, with `length` bytes of rdata. */
void dns_record(struct bytes *b, uint16_t type, size_t length);
/* The first record where there is no question. */
void dns_record_named(struct bytes *b, const char *name, uint16_t type, size_t length);
void dns_edns(struct bytes *b);
/* Length prefix and message. */
void dns_tcp(struct bytes *b, const struct bytes *message);

struct hello {
    const char *sni;    /* NULL: no server_name extension */
    size_t sni_repeat;  /* not 0: this many bytes of 'a' instead of `sni` */
    size_t pad;         /* bytes in a padding extension in front of the server name */
    size_t pad_behind;  /* the same behind it */
    bool no_extensions; /* SSL 3 style: the message ends behind the compression methods */
    bool ech;
    bool alpn;
    uint8_t session; /* bytes of session id */
    uint8_t seed;    /* of the random */
};

/* The handshake message, without record headers. */
void tls_hello(struct bytes *b, const struct hello *hello);
/* The message in records of at most `most` bytes each; 0: one record. */
void tls_records(struct bytes *b, const struct bytes *message, size_t most);
/* Both at once, in one record. */
void tls_hello_record(struct bytes *b, const struct hello *hello);
void tls_change_cipher_spec(struct bytes *b);

void quic_initial(struct bytes *b, uint32_t version, size_t length);

/* A deterministic generator for whatever needs to vary. */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t limit);

/* GRAIN_TEST_SHARE in the environment, or 1: floods and lists of cuts run one in this many of their
 * rounds. For emulated machines, where a frame takes forty times as long. */
uint32_t test_share(void);

#endif
