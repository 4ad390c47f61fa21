// SPDX-License-Identifier: GPL-2.0-only
/* DNS over TCP: messages behind length prefixes, in segments that do not care where they end. */
#include <stdio.h>
#include <string.h>

#include "cases.h"

static struct bytes stream;

static void add_query(const char *name)
{
    struct bytes message = {0};

    dns_query(&message, name, DNS_A);
    dns_tcp(&stream, &message);
}

/* A message with a question and `padding` bytes of another record behind it. */
static void add_long_query(const char *name, size_t padding)
{
    struct bytes message = {0};

    dns_header(&message, DNS_QUERY, 1, 0, 0, 1);
    dns_question(&message, name, 249, 255); /* TKEY, ANY */
    dns_record(&message, 249, padding);
    dns_tcp(&stream, &message);
}

/* A message of a zone transfer: only the first repeats the question. */
static void add_transfer(const char *question, int records)
{
    struct bytes message = {0};

    dns_header(&message, DNS_RESPONSE, question != NULL, records, 0, 0);
    if (question)
        dns_question(&message, question, 252, DNS_IN);
    else
        dns_record_named(&message, "zone.example.test", 16, 200);
    for (int i = question == NULL; i < records; i++)
        dns_record(&message, 16, 200);
    dns_tcp(&stream, &message);
}

static void send_pieces(struct script *s, uint16_t port, size_t piece)
{
    struct envelope e = {.destination_port = port};

    for (size_t at = 0; at < stream.length; at += piece) {
        size_t n = stream.length - at < piece ? stream.length - at : piece;

        script_segment(s, &e, stream.data + at, n);
    }
}

static void send_response_pieces(struct script *s, size_t piece)
{
    struct envelope e = {.source_port = 53, .destination_port = 40000};

    for (size_t at = 0; at < stream.length; at += piece) {
        size_t n = stream.length - at < piece ? stream.length - at : piece;

        script_segment(s, &e, stream.data + at, n);
    }
}

static void one_message(struct script *s)
{
    stream.length = 0;
    add_query("www.example.test");
    send_pieces(s, 53, 1000);
    send_pieces(s, 10053, 1000);
}

static void three_messages(struct script *s)
{
    stream.length = 0;
    add_query("a.example.test");
    add_query("b.example.test");
    add_query("c.example.test");
    send_pieces(s, 53, 1000);
}

static void prefix_alone(struct script *s)
{
    struct envelope e = {.destination_port = 53};

    stream.length = 0;
    add_query("www.example.test");
    script_segment(s, &e, stream.data, 2);
    script_segment(s, &e, stream.data + 2, stream.length - 2);
}

static void prefix_alone_odd_port(struct script *s)
{
    struct envelope e = {.destination_port = 10053};

    stream.length = 0;
    add_query("www.example.test");
    script_segment(s, &e, stream.data, 2);
    script_segment(s, &e, stream.data + 2, stream.length - 2);
}

static void byte_by_byte(struct script *s)
{
    stream.length = 0;
    add_query("www.example.test");
    send_pieces(s, 53, 1);
}

/* The question is in the first segment, the rest of the message in three more, and behind it
 * comes another. */
static void long_message(struct script *s)
{
    stream.length = 0;
    add_long_query("key.example.test", 3000);
    add_query("next.example.test");
    send_pieces(s, 53, 1000);
}

/* The long message ends where its segment ends; the next begins one. */
static void long_message_fits(struct script *s)
{
    stream.length = 0;
    add_long_query("key.example.test", 2000 - 2 - 12 - 22 - 12);
    add_query("next.example.test");
    send_pieces(s, 53, 1000);
}

/* The question itself is cut, and the message goes on for three segments behind it. */
static void long_message_cut_early(struct script *s)
{
    struct envelope e = {.destination_port = 53};

    stream.length = 0;
    add_long_query("key.example.test", 3000);
    add_query("next.example.test");
    script_segment(s, &e, stream.data, 20);
    for (size_t at = 20; at < stream.length; at += 1000)
        script_segment(s, &e, stream.data + at,
                       stream.length - at < 1000 ? stream.length - at : 1000);
}

static void transfer(struct script *s)
{
    stream.length = 0;
    add_transfer("zone.example.test", 15);
    add_transfer(NULL, 15);
    add_transfer(NULL, 15);
    add_transfer(NULL, 15);
    send_response_pieces(s, 1448);
}

/*
 * Rdata that would be a query of its own if the transfer's messages were lost track of: wherever a
 * segment begins inside a record.
 */
static void transfer_with_bait(struct script *s)
{
    static const uint8_t plain[40] = {[0 ... 39] = 0xab};
    struct bytes bait = {0}, message = {0};

    dns_query(&message, "bait.example.test", DNS_A);
    dns_tcp(&bait, &message);
    stream.length = 0;
    add_transfer("zone.example.test", 6);
    for (int i = 0; i < 4; i++)
        add_transfer(NULL, 6);
    for (size_t at = 500; at + sizeof(plain) < stream.length; at += 500)
        if (!memcmp(stream.data + at, plain, sizeof(plain)))
            memcpy(stream.data + at, bait.data, bait.length);
    send_response_pieces(s, 500);
}

static void good_then_garbage(struct script *s)
{
    stream.length = 0;
    add_query("www.example.test");
    put_fill(&stream, 0xff, 60);
    send_pieces(s, 53, 1000);
}

static void llmnr(struct script *s)
{
    stream.length = 0;
    add_query("printer");
    send_pieces(s, 5355, 1000);
}

static void garbage(struct script *s)
{
    struct envelope e = {.destination_port = 53};

    script_segment(s, &e, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
}

/* TCP Fast Open (RFC 7413): the SYN carries data, and itself takes a sequence number. */
static void fast_open(struct script *s)
{
    struct envelope e = {.destination_port = 53, .tcp_flags = TCP_SYN};

    stream.length = 0;
    add_query("www.example.test");
    script_segment(s, &e, stream.data, 20);
    s->sequence++;
    e.tcp_flags = TCP_ACK;
    script_segment(s, &e, stream.data + 20, stream.length - 20);
}

/* A message of two questions, as nobody sends: the first is counted, the loss of the other too. */
static void two_questions(struct script *s)
{
    struct bytes message = {0};

    stream.length = 0;
    dns_header(&message, DNS_QUERY, 2, 0, 0, 0);
    dns_question(&message, "a.example.test", DNS_A, DNS_IN);
    dns_question(&message, "b.example.test", DNS_A, DNS_IN);
    dns_tcp(&stream, &message);
    add_query("c.example.test");
    send_pieces(s, 53, 1000);
}

#define WWW "dns_query/1/www.example.test"

static const struct test_case cases[] = {
    {"one message, two ports", one_message, "dns_query=2", WWW "=2", NULL, "name=2"},
    {"three messages in a segment", three_messages, "dns_query=1",
     "dns_query/1/a.example.test=1 dns_query/1/b.example.test=1 dns_query/1/c.example.test=1",
     "names_extra=2", "name=3"},
    {"the length prefix alone in a segment", prefix_alone, "dns_candidate=1 dns_query=1", WWW "=1",
     "flow_started=1 flow_completed=1", "name=1"},
    {"the same on an odd port", prefix_alone_odd_port, "dns_candidate=1 dns_query=1", WWW "=1",
     "flow_started=1 flow_completed=1", "name=1"},
    {"a byte a segment", byte_by_byte, "dns_candidate=1 dns_query=1 dns_part=34", WWW "=1",
     "flow_started=1 flow_completed=1", "name=1"},
    {"a message over four segments, another behind it", long_message, "dns_query=2 dns_part=2",
     "dns_query/1/next.example.test=1 dns_query/249/key.example.test=1", NULL, "name=2"},
    {"a long message that ends with its segment", long_message_fits, "dns_query=2 dns_part=1",
     "dns_query/1/next.example.test=1 dns_query/249/key.example.test=1", NULL, "name=2"},
    {"a long message whose question is cut", long_message_cut_early, "dns_query=2 dns_part=3",
     "dns_query/1/next.example.test=1 dns_query/249/key.example.test=1",
     "flow_started=1 flow_completed=1", "name=2"},
    {"a zone transfer of four messages", transfer, "dns_response=1 dns_no_question=3 dns_part=5",
     "dns_response/252/zone.example.test=1", NULL, "name=1 dns=3"},
    {"a zone transfer with bait in it", transfer_with_bait,
     "dns_response=1 dns_no_question=4 dns_part=9", "dns_response/252/zone.example.test=1", NULL,
     "name=1 dns=4"},
    {"a good message, then garbage", good_then_garbage, "dns_query=1", WWW "=1", NULL, "name=1"},
    {"LLMNR over TCP", llmnr, "llmnr_query=1", "llmnr_query/1/printer=1", NULL, "name=1"},
    {"something else on port 53", garbage, "dns_candidate=1"},
    {"a message that begins in the SYN", fast_open, "dns_query=1 dns_part=1", WWW "=1",
     "flow_started=1 flow_completed=1", "name=1"},
    {"two questions in a message", two_questions, "dns_query=1",
     "dns_query/1/a.example.test=1 dns_query/1/c.example.test=1", "names_extra=1 names_limit=1",
     "name=2"},
};

CASE_LIST(dns_tcp_cases, cases);
