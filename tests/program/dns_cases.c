// SPDX-License-Identifier: GPL-2.0-only
/* DNS, mDNS and LLMNR in datagrams. */
#include <string.h>

#include "cases.h"

static struct bytes message;

static struct bytes *fresh(void)
{
    message.length = 0;
    return &message;
}

static void send_to(struct script *s, uint16_t port)
{
    struct envelope e = {.destination_port = port};

    script_udp(s, &e, &message);
}

static void send_from(struct script *s, uint16_t port)
{
    struct envelope e = {.source_port = port, .destination_port = 40000};

    script_udp(s, &e, &message);
}

static void query_and_response(struct script *s)
{
    dns_query(fresh(), "www.example.test", DNS_A);
    send_to(s, 53);
    dns_header(fresh(), DNS_RESPONSE, 1, 2, 0, 0);
    dns_question(&message, "www.example.test", DNS_A, DNS_IN);
    dns_record(&message, DNS_A, 4);
    dns_record(&message, DNS_A, 4);
    send_from(s, 53);
}

static void any_port(struct script *s)
{
    dns_header(fresh(), DNS_QUERY, 1, 0, 0, 1);
    dns_question(&message, "odd.example.test", DNS_AAAA, DNS_IN);
    dns_edns(&message);
    send_to(s, 10053);
    send_to(s, 443);
    message.data[2] |= 0x80;
    send_from(s, 10053);
}

static void case_is_folded(struct script *s)
{
    dns_query(fresh(), "wWw.ExAmPlE.TeSt", DNS_A);
    send_to(s, 53);
    dns_query(fresh(), "www.example.test", DNS_A);
    send_to(s, 53);
}

/* One name, four types: four entries. */
static void types_are_apart(struct script *s)
{
    static const uint16_t types[] = {1, 28, 65, 65535};

    for (int i = 0; i < 4; i++) {
        dns_query(fresh(), "www.example.test", types[i]);
        send_to(s, 53);
    }
}

static void odd_bytes(struct script *s)
{
    static const uint8_t name[] = {5,    'a', 0,   '.', ' ', 'Z', 2, 0xc3,
                                   0xa9, 4,   't', 'e', 's', 't', 0};

    dns_header(fresh(), DNS_QUERY, 1, 0, 0, 0);
    put(&message, name, sizeof(name));
    put16(&message, DNS_A);
    put16(&message, DNS_IN);
    send_to(s, 53);
}

static void root(struct script *s)
{
    dns_query(fresh(), "", 2);
    send_to(s, 53);
    send_to(s, 10053);
}

/* Four labels whose wire form has `last` + 193 bytes with the final zero byte. */
static void put_long_name(size_t last)
{
    for (int i = 0; i < 3; i++) {
        put8(&message, 63);
        put_fill(&message, 'a' + i, 63);
    }
    put8(&message, last);
    put_fill(&message, 'd', last);
    put8(&message, 0);
}

static void name_of(struct script *s, size_t last)
{
    dns_header(fresh(), DNS_QUERY, 1, 0, 0, 0);
    put_long_name(last);
    put16(&message, DNS_A);
    put16(&message, DNS_IN);
    send_to(s, 53);
}

static void longest_name(struct script *s)
{
    name_of(s, 255 - 194);
}

static void names_that_cannot_be(struct script *s)
{
    name_of(s, 256 - 194);
    dns_query(fresh(), "www.example.test", DNS_A);
    message.data[12] = 0x40; /* a label type of the past */
    send_to(s, 53);
    message.data[12] = 0xc0; /* the first name cannot point anywhere */
    send_to(s, 53);
    message.data[12] = 60; /* a label past the end */
    send_to(s, 53);
}

/* The datagram ends inside the name, the type, the class. */
static void cut_short(struct script *s)
{
    dns_query(fresh(), "www.example.test", DNS_A);
    for (size_t whole = message.length, n = 12; n < whole; n++) {
        message.length = n;
        send_to(s, 53);
        message.length = whole;
    }
}

static void too_short_for_a_header(struct script *s)
{
    dns_query(fresh(), "www.example.test", DNS_A);
    for (message.length = 1; message.length < 12; message.length++)
        send_to(s, 53);
}

/* RFC 6762: later names point at earlier ones, and into the middle of them. */
static void mdns_compressed(struct script *s)
{
    dns_header(fresh(), 0, 4, 0, 0, 0);
    dns_question(&message, "_ipp._tcp.local", 12, DNS_IN);
    put8(&message, 7);
    put(&message, "Printer", 7);
    put16(&message, 0xc00c);
    put16(&message, 33);
    put16(&message, 0x8001); /* a unicast answer is welcome */
    dns_labels(&message, "host");
    put16(&message, 0xc000 + 12 + 10); /* "local" of the first */
    put16(&message, 28);
    put16(&message, 0x8001);
    put16(&message, 0xc000 + 12 + 21 + 14); /* the third, which points on */
    put16(&message, 16);
    put16(&message, 1);
    send_to(s, 5353);
}

/* Forward, to itself, into the header, and a loop of two: the names before stay counted. */
static void bad_pointers(struct script *s)
{
    static const uint16_t pointers[] = {0xc0ff, 0xc000 + 34, 0xc000 + 4, 0xc000 + 36};

    for (int i = 0; i < 4; i++) {
        dns_header(fresh(), 0, 2, 0, 0, 0);
        dns_question(&message, "www.example.test", DNS_A, DNS_IN);
        put16(&message, pointers[i]);
        put16(&message, 0xc000 + 34);
        put16(&message, 1);
        send_to(s, 5353);
    }
}

static void mdns_other(struct script *s)
{
    dns_header(fresh(), 0x8400, 0, 1, 0, 0); /* an announcement */
    dns_name(&message, "host.local");
    put16(&message, DNS_A);
    put16(&message, 0x8001);
    put32(&message, 120);
    put16(&message, 4);
    put32(&message, 0x0a000001);
    send_to(s, 5353);
    dns_header(fresh(), 0x8400, 1, 0, 0, 0); /* repeats its question: RFC 6762 6.7 */
    dns_question(&message, "host.local", DNS_A, DNS_IN);
    send_from(s, 5353);
}

/* What other protocols look like on DNS's port: a length, a small number and zeros (Kafka's
 * ApiVersions request has this shape), a BOOTP request's first bytes, and a record without a type.
 */
static void foreign_on_the_port(struct script *s)
{
    static const uint8_t bootp[12] = {1, 1, 6, 0, 0, 0, 0, 1, 0, 2, 0, 0};

    fresh();
    put32(&message, 40);
    put16(&message, 0);
    put16(&message, 2);
    put32(&message, 7);
    put16(&message, 10);
    put_fill(&message, 0, 30);
    send_to(s, 53);
    put(fresh(), bootp, sizeof(bootp));
    put_fill(&message, 0, 288);
    send_to(s, 53);
}

static void record_without_a_type(struct script *s)
{
    dns_header(fresh(), 0x8400, 0, 1, 0, 0);
    dns_record_named(&message, "host.local", 0, 4);
    send_to(s, 53);
}

static void llmnr(struct script *s)
{
    dns_header(fresh(), 0, 1, 0, 0, 0);
    dns_question(&message, "printer", DNS_AAAA, DNS_IN);
    send_to(s, 5355);
    message.data[2] = 0x80;
    send_from(s, 5355);
}

/* Where the port does not suggest DNS, one oddity is enough. */
static void strict_rules(struct script *s)
{
    static const struct {
        uint16_t flags, questions, answers, authorities, additionals, type, class;
    } odd[] = {
        {0x1100, 1, 0, 0, 0, 1, 1},   /* opcode 2 */
        {0x0140, 1, 0, 0, 0, 1, 1},   /* the reserved bit */
        {0x0103, 1, 0, 0, 0, 1, 1},   /* a query with a response code */
        {0x0100, 1, 1, 0, 0, 1, 1},   /* more records than there is room for */
        {0x0100, 1, 0, 0, 0, 700, 1}, /* no such type */
        {0x0100, 1, 0, 0, 0, 1, 77},  /* no such class */
        {0x8180, 1, 9, 0, 0, 1, 1},   /* a response without room for its answers */
        {0x0100, 1, 0, 0, 9, 1, 1},
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        dns_header(fresh(), odd[i].flags, odd[i].questions, odd[i].answers, odd[i].authorities,
                   odd[i].additionals);
        dns_question(&message, "www.example.test", odd[i].type, odd[i].class);
        send_to(s, 10053);
    }
}

/* Two questions, none, or an opcode that does not exist: not even a candidate. */
static void strict_gate(struct script *s)
{
    dns_query(fresh(), "www.example.test", DNS_A);
    message.data[5] = 2;
    send_to(s, 10053);
    message.data[5] = 0;
    send_to(s, 10053);
    message.data[5] = 1;
    message.data[2] = 0x79;
    send_to(s, 10053);
}

/* On port 53 a sane question makes up for an odd header. */
static void lenient_on_the_port(struct script *s)
{
    dns_query(fresh(), "www.example.test", DNS_A);
    message.data[2] = 0x79; /* opcode 15 */
    send_to(s, 53);
    message.data[2] = 0x01;
    message.data[6] = 0xff; /* 65,280 answers */
    send_to(s, 53);
    message.data[6] = 0;
    message.data[2 + 12 + 18 + 1] = 77; /* a class that does not exist, under a sane header */
    send_to(s, 53);
}

static void other_opcodes(struct script *s)
{
    dns_query(fresh(), "zone.example.test", 6);
    message.data[2] = 0x24; /* NOTIFY */
    send_to(s, 10053);
    message.data[2] = 0x28; /* UPDATE */
    send_to(s, 10053);
}

/* The capture kept the question, the headers promise more. */
static void cut_capture(struct script *s)
{
    static struct bytes frame;
    struct envelope e = {.destination_port = 53, .flow = s->flow};

    dns_header(fresh(), DNS_QUERY, 1, 0, 0, 1);
    dns_question(&message, "www.example.test", DNS_A, DNS_IN);
    dns_edns(&message);
    frame_udp(&frame, &e, message.data, message.length);
    script_frame_cut(s, &frame, frame.length - 11);
    script_frame_cut(s, &frame, frame.length - 12); /* one byte of the class is missing */
}

#define WWW "dns_query/1/www.example.test"
#define A62 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B62 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C62 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define D61 "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

static const struct test_case cases[] = {
    {"a query and its response", query_and_response, "dns_query=1 dns_response=1",
     WWW "=1 dns_response/1/www.example.test=1", NULL, "name=2"},
    {"any port", any_port, "dns_query=2 dns_response=1",
     "dns_query/28/odd.example.test=2 dns_response/28/odd.example.test=1", NULL, "name=3"},
    {"case is folded", case_is_folded, "dns_query=2", WWW "=2", NULL, "name=2"},
    {"types are counted apart", types_are_apart, "dns_query=4",
     WWW "=1 dns_query/28/www.example.test=1 dns_query/65/www.example.test=1 "
         "dns_query/65535/www.example.test=1",
     NULL, "name=4"},
    {"any byte may be in a name", odd_bytes, "dns_query=1",
     "dns_query/1/a\\000\\046\\032z.\\195\\169.test=1", NULL, "name=1"},
    {"the root", root, "dns_query=2", "dns_query/2/.=2", NULL, "name=2"},
    {"a name of 255 bytes", longest_name, "dns_query=1",
     "dns_query/1/" A62 "a." B62 "b." C62 "c." D61 "=1", NULL, "name=1"},
    {"names that cannot be", names_that_cannot_be, "dns_candidate=4"},
    {"datagrams cut short", cut_short, "dns_candidate=22"},
    {"datagrams too short for a header", too_short_for_a_header, "udp_other=11"},
    {"mDNS, four questions, three compressed", mdns_compressed, "mdns_query=1",
     "mdns_query/12/_ipp._tcp.local=1 mdns_query/16/host.local=1 "
     "mdns_query/28/host.local=1 mdns_query/33/printer._ipp._tcp.local=1",
     "names_extra=3", "name=4"},
    {"pointers that lead nowhere", bad_pointers, "mdns_query=4", "mdns_query/1/www.example.test=4",
     NULL, "name=4"},
    {"mDNS without and with a question", mdns_other, "mdns_response=1 dns_no_question=1",
     "mdns_response/1/host.local=1", NULL, "name=1 dns=1"},
    {"other protocols on port 53", foreign_on_the_port, "dns_candidate=2"},
    {"a record without a type", record_without_a_type, "dns_candidate=1"},
    {"LLMNR", llmnr, "llmnr_query=1 llmnr_response=1",
     "llmnr_query/28/printer=1 llmnr_response/28/printer=1", NULL, "name=2"},
    {"an odd port: one oddity is enough", strict_rules, "dns_candidate=8"},
    {"an odd port: what the gate turns away", strict_gate, "udp_other=3"},
    {"port 53: a sane question or a sane header", lenient_on_the_port, "dns_query=3", WWW "=3",
     NULL, "name=3"},
    {"NOTIFY and UPDATE", other_opcodes, "dns_query=2", "dns_query/6/zone.example.test=2", NULL,
     "name=2"},
    {"a capture that kept the question only", cut_capture, "dns_candidate=1 dns_query=1", WWW "=1",
     NULL, "name=1"},
};

CASE_LIST(dns_cases, cases);
