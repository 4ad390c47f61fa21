// SPDX-License-Identifier: GPL-2.0-only
/* ClientHellos that are whole in one segment, and what only looks like one. */
#include <string.h>

#include "cases.h"

static struct bytes stream;

static void send_to(struct script *s, uint16_t port)
{
    struct envelope e = {.destination_port = port};

    script_segment(s, &e, stream.data, stream.length);
}

static void build(struct hello hello)
{
    stream.length = 0;
    tls_hello_record(&stream, &hello);
}

static void any_port(struct script *s)
{
    build((struct hello){.sni = "www.example.test", .alpn = true, .session = 32});
    send_to(s, 443);
    send_to(s, 8443);
    send_to(s, 53);
    send_to(s, 25);
}

static void families_and_options(struct script *s)
{
    struct envelope e = {.family = 6, .destination_port = 443, .tcp_options = 40};

    build((struct hello){.sni = "www.example.test"});
    script_segment(s, &e, stream.data, stream.length);
    e.family = 4;
    e.ip_options = 40;
    e.tags = 2;
    script_segment(s, &e, stream.data, stream.length);
}

static void case_is_folded(struct script *s)
{
    build((struct hello){.sni = "WWW.Example.TEST"});
    send_to(s, 443);
    build((struct hello){.sni = "www.example.test"});
    send_to(s, 443);
}

static void last_extension(struct script *s)
{
    build((struct hello){.sni = "last.example.test", .pad = 1000});
    send_to(s, 443);
    build((struct hello){.sni = "first.example.test", .pad_behind = 1000});
    send_to(s, 443);
}

static void nameless(struct script *s)
{
    build((struct hello){0});
    send_to(s, 443);
    build((struct hello){.no_extensions = true});
    send_to(s, 443);
    build((struct hello){.no_extensions = true, .session = 32});
    stream.data[2] = 0; /* SSL 3.0 */
    stream.data[10] = 0;
    send_to(s, 443);
}

/* An empty server_name extension is what a server sends; a client that does names nobody. */
static void empty_name_extension(struct script *s)
{
    static const uint8_t empty[] = {0, 0, 0, 0};

    build((struct hello){0});
    put(&stream, empty, sizeof(empty));
    stream.data[4] += 4;
    stream.data[8] += 4;
    stream.data[5 + 4 + 34 + 1 + 6 + 2 + 1] += 4;
    send_to(s, 443);
}

static void ech(struct script *s)
{
    build((struct hello){.sni = "outer.example.test", .ech = true});
    send_to(s, 443);
}

/* RFC 8446 D.4: after a HelloRetryRequest the second hello comes behind a dummy record. */
static void behind_change_cipher_spec(struct script *s)
{
    stream.length = 0;
    tls_change_cipher_spec(&stream);
    tls_hello_record(&stream, &(struct hello){.sni = "again.example.test"});
    send_to(s, 443);
    send_to(s, 8443);
}

static void several_records(struct script *s)
{
    struct bytes message = {0};

    stream.length = 0;
    tls_hello(&message, &(struct hello){.sni = "records.example.test", .pad = 200});
    tls_records(&stream, &message, 100);
    send_to(s, 443);
}

static void longest_names(struct script *s)
{
    build((struct hello){.sni_repeat = 63});
    send_to(s, 443);
    build((struct hello){.sni_repeat = 1});
    send_to(s, 443);
}

static void name_of_255(struct script *s)
{
    build((struct hello){.sni_repeat = 255});
    send_to(s, 443);
}

static void name_of_256(struct script *s)
{
    build((struct hello){.sni_repeat = 256});
    send_to(s, 443);
    build((struct hello){.sni_repeat = 1000});
    send_to(s, 443);
}

/* Offsets of the hello that build() makes without padding. */
#define SESSION    (5 + 4 + 2 + 32)
#define CIPHERS    (SESSION + 1)
#define COMPRESS   (CIPHERS + 2 + 4)
#define EXTENSIONS (COMPRESS + 2)
#define SNI        (EXTENSIONS + 2 + 9)

static void spoil(struct script *s, size_t offset, uint8_t value)
{
    build((struct hello){.sni = "www.example.test"});
    stream.data[offset] = value;
    send_to(s, 443);
}

/* One length at a time says something else than the others. */
static void nested_lengths(struct script *s)
{
    spoil(s, SESSION, 33);            /* longer than a session id may be */
    spoil(s, CIPHERS + 1, 0);         /* no cipher suites */
    spoil(s, CIPHERS + 1, 3);         /* an odd number of bytes */
    spoil(s, CIPHERS, 0x40);          /* beyond the message */
    spoil(s, COMPRESS, 0);            /* no compression method */
    spoil(s, COMPRESS, 200);          /* beyond the message */
    spoil(s, EXTENSIONS + 1, 33);     /* one byte less than there is */
    spoil(s, EXTENSIONS, 1);          /* beyond the message */
    spoil(s, EXTENSIONS + 2 + 3, 90); /* an extension beyond the others' end */
    spoil(s, SNI + 3, 22);            /* the extension longer than what is left */
}

/* The hello is sound, its server name is not. */
static void unsound_names(struct script *s)
{
    spoil(s, SNI + 5, 18); /* the list shorter than its extension */
    spoil(s, SNI + 6, 1);  /* a name type that nobody has defined */
    spoil(s, SNI + 8, 17); /* the name longer than its list */
    spoil(s, SNI + 8, 0);  /* an empty name */
}

/* Nearly a hello: the first eleven bytes decide. */
static void not_a_hello(struct script *s)
{
    spoil(s, 0, 0x17); /* application data */
    spoil(s, 1, 2);    /* no TLS version */
    spoil(s, 5, 2);    /* ServerHello */
}

static void nearly_a_hello(struct script *s)
{
    spoil(s, 2, 9); /* record version 3.9 */
    spoil(s, 9, 4); /* client version 4.x */
    spoil(s, 6, 1); /* a hello of 65,536 bytes and more */
}

/* A capture that keeps the first bytes of each frame. */
static void cut_capture(struct script *s)
{
    static struct bytes frame;
    struct envelope e = {.destination_port = 443, .flow = s->flow};

    build((struct hello){.sni = "kept.example.test", .pad_behind = 400});
    frame_tcp(&frame, &e, stream.data, stream.length);
    script_frame_cut(s, &frame, 256);
    build((struct hello){.sni = "lost.example.test", .pad = 400});
    frame_tcp(&frame, &e, stream.data, stream.length);
    script_frame_cut(s, &frame, 256);
}

#define A51  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A255 A51 A51 A51 A51 A51

static const struct test_case cases[] = {
    {"any port", any_port, "tls_hello=4", "tls_sni/0/www.example.test=4", NULL, "name=4"},
    {"IPv6, TCP options, IPv4 options, QinQ", families_and_options, "tls_hello=2",
     "tls_sni/0/www.example.test=2", NULL, "name=2"},
    {"case is folded", case_is_folded, "tls_hello=2", "tls_sni/0/www.example.test=2", NULL,
     "name=2"},
    {"the server name first and last", last_extension, "tls_hello=2",
     "tls_sni/0/first.example.test=1 tls_sni/0/last.example.test=1", NULL, "name=2"},
    {"no server name, no extensions, SSL 3.0", nameless, "tls_hello_no_sni=3", NULL, NULL,
     "hello=3"},
    {"an empty server_name extension", empty_name_extension, "tls_hello_no_sni=1", NULL, NULL,
     "hello=1"},
    {"encrypted ClientHello: the outer name", ech, "tls_hello=1", "tls_sni/0/outer.example.test=1",
     NULL, "name=1"},
    {"behind a ChangeCipherSpec", behind_change_cipher_spec, "tls_hello=2",
     "tls_sni/0/again.example.test=2", NULL, "name=2"},
    {"several records in a segment", several_records, "tls_hello=1",
     "tls_sni/0/records.example.test=1", "flow_started=1 flow_completed=1", "name=1"},
    {"names of 63 bytes and of one", longest_names, "tls_hello=2",
     "tls_sni/0/a=1 tls_sni/0/" A51 "aaaaaaaaaaaa=1", NULL, "name=2"},
    {"a name of 255 bytes", name_of_255, "tls_hello=1", "tls_sni/0/" A255 "=1", NULL, "name=1"},
    {"longer names are none", name_of_256, "tls_hello_no_sni=2", NULL, NULL, "hello=2"},
    {"nested lengths that disagree", nested_lengths, "tls_candidate=10"},
    {"server names that contradict themselves", unsound_names, "tls_hello_no_sni=4", NULL, NULL,
     "hello=4"},
    {"records that are no hello", not_a_hello, "tcp_other=3"},
    {"records that are nearly one", nearly_a_hello, "tls_candidate=3"},
    {"a capture that kept the name, and one that did not", cut_capture,
     "tls_hello=1 tls_hello_part=1", "tls_sni/0/kept.example.test=1", "flow_cut=1", "name=1"},
};

CASE_LIST(tls_cases, cases);
