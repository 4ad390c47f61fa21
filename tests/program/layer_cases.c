// SPDX-License-Identifier: GPL-2.0-only
/* What headers alone decide. */
#include "cases.h"

static struct bytes frame;

/* A DNS query inside whatever the envelope describes. */
static void query(struct script *s, struct envelope e)
{
    struct bytes message = {0};

    dns_query(&message, "www.example.test", DNS_A);
    e.destination_port = 53;
    script_udp(s, &e, &message);
}

static void ether(struct script *s, uint16_t ethertype, size_t length)
{
    struct envelope e = {0};

    frame_ethernet(&frame, &e, ethertype);
    put_fill(&frame, 0, length);
    script_frame(s, &frame);
}

static void ip(struct script *s, int family, uint8_t protocol)
{
    static const uint8_t payload[32];
    struct envelope e = {.family = family};

    frame_ip(&frame, &e, protocol, payload, sizeof(payload));
    script_frame(s, &frame);
}

static void no_ip(struct script *s)
{
    ether(s, 0x0806, 28); /* ARP */
    ether(s, 0x88cc, 46); /* LLDP */
    ether(s, 0x002e, 46); /* a length: IEEE 802.3 */
}

/* Every length shorter than Ethernet + IPv4 + UDP, and the same with IPv6. */
static void cut_headers(struct script *s)
{
    for (int family = 4; family <= 6; family += 2) {
        struct envelope e = {.family = family, .destination_port = 9};
        size_t headers = family == 4 ? 14 + 20 + 8 : 14 + 40 + 8;

        frame_udp(&frame, &e, "payload", 7);
        for (size_t length = 0; length < headers; length++)
            script_frame_cut(s, &frame, length);
    }
}

static void cut_tags_and_extensions(struct script *s)
{
    static const uint8_t extensions[] = {0, 60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0};
    struct envelope tagged = {.tags = 2, .destination_port = 9};
    struct envelope extended = {.family = 6,
                                .destination_port = 9,
                                .extensions = extensions,
                                .extensions_length = sizeof(extensions) - 1};

    frame_udp(&frame, &tagged, "payload", 7);
    for (size_t length = 14; length < 22; length++)
        script_frame_cut(s, &frame, length);
    frame_udp(&frame, &extended, "payload", 7);
    for (size_t length = 54; length < 54 + 16 + 8; length++)
        script_frame_cut(s, &frame, length);
}

static void change(struct script *s, const struct bytes *whole, size_t offset, uint8_t value)
{
    struct bytes changed = *whole;

    changed.data[offset] = value;
    script_frame(s, &changed);
}

static void contradictions(struct script *s)
{
    struct envelope e = {.destination_port = 9}, e6 = {.family = 6, .destination_port = 9};

    frame_udp(&frame, &e, "payload", 7);
    change(s, &frame, 14, 0x55);   /* version 5 */
    change(s, &frame, 14, 0x44);   /* header of 16 bytes */
    change(s, &frame, 17, 19);     /* total length below the header's */
    change(s, &frame, 14 + 25, 7); /* UDP length below its header */
    frame_udp(&frame, &e6, "payload", 7);
    change(s, &frame, 14, 0x40);
    frame_tcp(&frame, &e, "payload", 7);
    change(s, &frame, 34 + 12, 0x40); /* data offset of 16 bytes */
    change(s, &frame, 34 + 12, 0xf0); /* options beyond the packet's end */
}

static void tags(struct script *s)
{
    query(s, (struct envelope){.tags = 1, .tag = {7}});
    query(s, (struct envelope){.tags = 2, .tag_type = {0x88a8, 0x8100}, .tag = {7, 8}});
    query(s, (struct envelope){.tags = 2, .tag_type = {0x9100, 0x8100}, .tag = {7, 8}});
    query(s, (struct envelope){.tags = 1, .tag = {0xe000}}); /* priority only */
    query(s, (struct envelope){.tags = 2, .tag = {7, 8}, .family = 6});
}

static void three_tags(struct script *s)
{
    query(s, (struct envelope){.tags = 3, .tag = {7, 8, 9}});
}

static void options(struct script *s)
{
    query(s, (struct envelope){.ip_options = 4});
    query(s, (struct envelope){.ip_options = 40});
}

/* Hop-by-hop, destination options, routing, a first fragment, authentication. */
static void extension_headers(struct script *s)
{
    static const uint8_t chain[] = {0, /* the first one's type */
                                    60, 0, 1, 4, 0, 0,  0, 0, 43, 0, 1, 4, 0, 0,  0, 0, 44, 0, 0,
                                    0,  0, 0, 0, 0, 51, 0, 0, 0,  0, 0, 0, 9, 17, 4, 0, 0,  0, 0,
                                    0,  1, 0, 0, 0, 1,  1, 1, 1,  1, 2, 2, 2, 2,  3, 3, 3,  3};

    query(s, (struct envelope){
                 .family = 6, .extensions = chain, .extensions_length = sizeof(chain) - 1});
}

static void extension_chain(struct script *s, uint32_t headers)
{
    uint8_t chain[1 + 8 * 12] = {60};

    for (uint32_t i = 0; i < headers; i++) {
        chain[1 + 8 * i] = i + 1 < headers ? 60 : 17;
        chain[1 + 8 * i + 2] = 1;
        chain[1 + 8 * i + 3] = 4;
    }
    query(s, (struct envelope){.family = 6, .extensions = chain, .extensions_length = 8 * headers});
}

static void eight_extension_headers(struct script *s)
{
    extension_chain(s, 8);
}

static void nine_extension_headers(struct script *s)
{
    extension_chain(s, 9);
}

static void fragments(struct script *s)
{
    static const uint8_t later[] = {44, 17, 0, 0, 8, 0, 0, 0, 1};

    query(s, (struct envelope){.fragment = 0x2000}); /* the first one has the question */
    query(s, (struct envelope){.fragment = 0x2010});
    query(s, (struct envelope){.fragment = 0x0010});
    query(s, (struct envelope){
                 .family = 6, .extensions = later, .extensions_length = sizeof(later) - 1});
}

static void protocols(struct script *s)
{
    ip(s, 4, 1);   /* ICMP */
    ip(s, 6, 58);  /* ICMPv6 */
    ip(s, 4, 50);  /* ESP */
    ip(s, 4, 132); /* SCTP */
    ip(s, 6, 59);  /* no next header */
    ip(s, 4, 47);  /* GRE */
    ip(s, 6, 47);
    ip(s, 4, 4); /* IP in IP, all four ways */
    ip(s, 4, 41);
    ip(s, 6, 4);
    ip(s, 6, 41);
}

/* An inner DNS query in each tunnel must not be read. */
static void tunnels(struct script *s)
{
    struct envelope inner = {.destination_port = 53}, e = {.destination_port = 4789};
    struct bytes message = {0}, payload = {0};

    dns_query(&message, "inner.example.test", DNS_A);
    frame_udp(&frame, &inner, message.data, message.length);
    put32(&payload, 0x08000000);
    put32(&payload, 0x00002a00);
    put(&payload, frame.data, frame.length);
    script_udp(s, &e, &payload);
    e.destination_port = 8472;
    script_udp(s, &e, &payload);
    payload.length = 0;
    put32(&payload, 0x00006558);
    put32(&payload, 0x00002a00);
    put(&payload, frame.data, frame.length);
    e.destination_port = 6081;
    script_udp(s, &e, &payload);
    ether(s, 0x8863, 20);
    ether(s, 0x8864, 60);
    ether(s, 0x8847, 60);
    ether(s, 0x8848, 60);
}

/* The ports of tunnels, something else inside. */
static void not_tunnels(struct script *s)
{
    struct envelope e = {.destination_port = 4789};
    struct bytes payload = {0};

    put_fill(&payload, 0xee, 40);
    script_udp(s, &e, &payload);
    e.destination_port = 6081;
    script_udp(s, &e, &payload);
}

/* Short frames are padded to 60 bytes; the padding is not payload. */
static void padding(struct script *s)
{
    struct envelope e = {.destination_port = 80};

    frame_tcp(&frame, &e, NULL, 0);
    put_fill(&frame, 0, 60 - frame.length);
    script_frame(s, &frame);
    frame_udp(&frame, &e, NULL, 0);
    put_fill(&frame, 0, 60 - frame.length);
    script_frame(s, &frame);
}

/* Total length 0: the sender's card cuts the frame into segments. */
static void offloaded(struct script *s)
{
    struct envelope e = {.destination_port = 443};
    struct bytes hello = {0};

    tls_hello_record(&hello, &(struct hello){.sni = "offload.example.test"});
    frame_tcp(&frame, &e, hello.data, hello.length);
    frame.data[16] = frame.data[17] = 0;
    script_frame(s, &frame);
}

/* A frame longer than test-run takes in one piece: its head is run, with its true length. */
static void jumbo(struct script *s)
{
    struct envelope e = {.destination_port = 5001};
    struct bytes payload = {0};

    put_fill(&payload, 0x42, 8900);
    script_tcp(s, &e, payload.data, payload.length);
}

static const struct test_case cases[] = {
    {"frames without IP", no_ip, "non_ip=3"},
    {"frames cut inside their headers", cut_headers, "truncated=104"},
    {"frames cut inside tags and extension headers", cut_tags_and_extensions, "truncated=32"},
    {"headers that contradict themselves", contradictions, "malformed=7"},
    {"VLAN tags of three kinds", tags, "dns_query=5", "dns_query/1/www.example.test=5", NULL,
     "name=5"},
    {"three tags are one too many", three_tags, "vlan_limit=1"},
    {"IPv4 options", options, "dns_query=2", "dns_query/1/www.example.test=2", NULL, "name=2"},
    {"IPv6 extension headers", extension_headers, "dns_query=1", "dns_query/1/www.example.test=1",
     NULL, "name=1"},
    {"eight extension headers are walked", eight_extension_headers, "dns_query=1",
     "dns_query/1/www.example.test=1", NULL, "name=1"},
    {"nine are not", nine_extension_headers, "header_limit=1"},
    {"fragments", fragments, "ip_fragment=3 dns_query=1", "dns_query/1/www.example.test=1", NULL,
     "name=1"},
    {"other protocols", protocols, "icmp=2 ip_other=3 gre=2 ipip=4"},
    {"tunnels are not looked into", tunnels, "vxlan=2 geneve=1 pppoe=2 mpls=2"},
    {"ports of tunnels alone make none", not_tunnels, "udp_other=2"},
    {"padding is not payload", padding, "tcp_empty=1 udp_empty=1"},
    {"total length zero", offloaded, "tls_hello=1", "tls_sni/0/offload.example.test=1", NULL,
     "name=1"},
    {"a frame of 8,954 bytes", jumbo, "tcp_other=1"},
};

CASE_LIST(layer_cases, cases);

static void bare_query(struct script *s)
{
    query(s, (struct envelope){.bare = true});
    query(s, (struct envelope){.bare = true, .family = 6});
}

static void bare_hello(struct script *s)
{
    struct envelope e = {.bare = true, .destination_port = 443};
    struct bytes hello = {0};

    tls_hello_record(&hello, &(struct hello){.sni = "bare.example.test"});
    script_segment(s, &e, hello.data, 60);
    script_segment(s, &e, hello.data + 60, hello.length - 60);
}

/* The first four bits tell; an Ethernet header would be taken for something else. */
static void bare_other(struct script *s)
{
    static const uint8_t other[40] = {0x50, 1, 2, 3};
    struct bytes raw = {0};

    put(&raw, other, sizeof(other));
    script_frame(s, &raw);
    script_frame_cut(s, &raw, 0);
    raw.data[0] = 0x45;
    script_frame_cut(s, &raw, 19);
    raw.data[0] = 0x60;
    script_frame_cut(s, &raw, 39);
}

static const struct test_case bare[] = {
    {"layer 3: queries over both families", bare_query, "dns_query=2",
     "dns_query/1/www.example.test=2", NULL, "name=2"},
    {"layer 3: a split hello", bare_hello, "tls_hello=1 tls_hello_part=1",
     "tls_sni/0/bare.example.test=1", "flow_started=1 flow_completed=1", "name=1"},
    {"layer 3: neither IPv4 nor IPv6, and cut headers", bare_other, "non_ip=1 truncated=3"},
};

CASE_LIST(bare_cases, bare);
