/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet II, VLAN tags (IEEE 802.1Q, 802.1ad and the older 0x9100), IPv4 with options (RFC 791),
 * IPv6 with extension headers (RFC 8200), UDP (RFC 768) and TCP (RFC 9293): once per packet, into
 * struct grain_packet.
 *
 * Helper-free. Returns the packet's disposition as far as headers tell; *_OTHER and *_EMPTY where a
 * transport header was reached. Length fields are checked against each other; a frame shorter than
 * they say is marked GRAIN_PACKET_CUT.
 */
#ifndef GRAIN_PARSE_DISSECT_H
#define GRAIN_PARSE_DISSECT_H

#include <grain/dispositions.h>
#include <grain/packet.h>
#include "window.h"

#define GRAIN_HEADERS_MAX        1023 /* bytes in front of the transport header */
#define GRAIN_IPV6_EXTENSION_MAX 8

#define GRAIN_ETHERTYPE_IPV4        0x0800
#define GRAIN_ETHERTYPE_VLAN        0x8100
#define GRAIN_ETHERTYPE_IPV6        0x86dd
#define GRAIN_ETHERTYPE_MPLS        0x8847
#define GRAIN_ETHERTYPE_MPLS_UPPER  0x8848
#define GRAIN_ETHERTYPE_PPPOE_DISC  0x8863
#define GRAIN_ETHERTYPE_PPPOE       0x8864
#define GRAIN_ETHERTYPE_QINQ        0x88a8
#define GRAIN_ETHERTYPE_QINQ_OLD    0x9100
#define GRAIN_ETHERTYPE_TRANSPARENT 0x6558

#define GRAIN_PROTOCOL_HOP_BY_HOP  0
#define GRAIN_PROTOCOL_ICMP        1
#define GRAIN_PROTOCOL_IPIP        4
#define GRAIN_PROTOCOL_TCP         6
#define GRAIN_PROTOCOL_UDP         17
#define GRAIN_PROTOCOL_IPV6        41
#define GRAIN_PROTOCOL_ROUTING     43
#define GRAIN_PROTOCOL_FRAGMENT    44
#define GRAIN_PROTOCOL_GRE         47
#define GRAIN_PROTOCOL_AH          51
#define GRAIN_PROTOCOL_ICMPV6      58
#define GRAIN_PROTOCOL_DESTINATION 60

#define GRAIN_TCP_FIN 0x01
#define GRAIN_TCP_SYN 0x02
#define GRAIN_TCP_RST 0x04

#define GRAIN_PORT_DNS       53
#define GRAIN_PORT_NBNS      137
#define GRAIN_PORT_MDNS      5353
#define GRAIN_PORT_LLMNR     5355
#define GRAIN_PORT_VXLAN     4789
#define GRAIN_PORT_VXLAN_OLD 8472
#define GRAIN_PORT_GENEVE    6081

static __always_inline bool grain_ethertype_is_vlan(__u16 type)
{
    return type == GRAIN_ETHERTYPE_VLAN || type == GRAIN_ETHERTYPE_QINQ ||
           type == GRAIN_ETHERTYPE_QINQ_OLD;
}

/* Where the network layer begins and what it is. */
struct grain_link {
    __u64 offset;
    __u32 ethertype;
};

/* A VLAN tag that stands at link->offset: into the packet, and past it. False: the frame ends. */
static __always_inline bool grain_dissect_tag(const __u8 *base, const __u8 *end, __u32 place,
                                              struct grain_link *link, struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, link->offset, 4);

    if (!p)
        return false;
    packet->vlan[place & 1] = grain_load16(p);
    link->ethertype = grain_load16(p + 2);
    link->offset += 4;
    return true;
}

/* The Ethernet header and up to two tags. 0, or a final disposition. */
static __always_inline __u32 grain_dissect_ethernet(const __u8 *base, const __u8 *end,
                                                    struct grain_link *link,
                                                    struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, 0, 14);
    __u32 tags;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    link->offset = 14;
    link->ethertype = grain_load16(p + 12);
    if (!grain_ethertype_is_vlan(link->ethertype))
        return GRAIN_DISPOSITION_NON_IP;
    /* A tag that the card took out of the frame counts as the outer one. */
    tags = packet->vlan_count & 1;
    if (!grain_dissect_tag(base, end, tags++, link, packet))
        return GRAIN_DISPOSITION_TRUNCATED;
    if (tags < 2 && grain_ethertype_is_vlan(link->ethertype) &&
        !grain_dissect_tag(base, end, tags++, link, packet))
        return GRAIN_DISPOSITION_TRUNCATED;
    packet->vlan_count = tags;
    return grain_ethertype_is_vlan(link->ethertype) ? GRAIN_DISPOSITION_VLAN_LIMIT
                                                    : GRAIN_DISPOSITION_NON_IP;
}

/* What the network layer says of the transport layer. */
struct grain_network {
    __u64 offset; /* of the transport header */
    __u32 end;    /* offset behind the last byte that the IP header promises */
    __u32 protocol;
};

static __always_inline __u32 grain_dissect_ipv4(const __u8 *base, const __u8 *end, __u64 offset,
                                                struct grain_network *network,
                                                struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, offset, 20);
    __u32 header, total, fragment;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    header = (p[0] & 0xf) * 4;
    total = grain_load16(p + 2);
    fragment = grain_load16_raw(p + 6);
    /* A frame that the sender's card will cut into segments may carry a total length of 0. */
    if (total == 0)
        total = packet->wire_length - offset;
    if (p[0] >> 4 != 4 || header < 20 || total < header)
        return GRAIN_DISPOSITION_MALFORMED;
    packet->family = 4;
    if (fragment & 0xff3f) { /* offset or "more follow", as they lie in memory */
        if (fragment & 0xff1f)
            return GRAIN_DISPOSITION_IP_FRAGMENT;
        packet->flags = GRAIN_PACKET_FRAGMENT;
    }
    network->offset = offset + header;
    network->end = offset + total;
    network->protocol = p[9];
    return GRAIN_DISPOSITION_NON_IP;
}

static __always_inline bool grain_protocol_is_extension(__u32 protocol)
{
    return protocol == GRAIN_PROTOCOL_HOP_BY_HOP || protocol == GRAIN_PROTOCOL_ROUTING ||
           protocol == GRAIN_PROTOCOL_DESTINATION || protocol == GRAIN_PROTOCOL_FRAGMENT ||
           protocol == GRAIN_PROTOCOL_AH;
}

/* Out of line, with its state in the packet's memory: inlined, every mix of headers would be a path
 * of its own to verify. */
#ifdef __bpf__
#define GRAIN_DISSECT_STEP static __attribute__((noinline))
#else
#define GRAIN_DISSECT_STEP static inline
#endif

#define GRAIN_EXTENSION_NEXT 0xff

/*
 * One extension header (RFC 8200 section 4, RFC 4302) at packet->l4_offset, of type
 * packet->protocol: steps over it. Returns GRAIN_EXTENSION_NEXT, GRAIN_DISPOSITION_NON_IP when
 * there is none, or the packet's disposition.
 */
GRAIN_DISSECT_STEP __u32 grain_dissect_extension(const __u8 *base, const __u8 *end,
                                                 struct grain_packet *packet)
{
    __u64 offset = packet->l4_offset;
    __u32 protocol = packet->protocol, length;
    const __u8 *p;

    if (!grain_protocol_is_extension(protocol))
        return GRAIN_DISPOSITION_NON_IP;
    if (offset > GRAIN_HEADERS_MAX)
        return GRAIN_DISPOSITION_HEADER_LIMIT;
    p = grain_frame_at(base, end, offset, 8);
    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    length = protocol == GRAIN_PROTOCOL_AH ? (p[1] + 2) * 4 : (p[1] + 1) * 8;
    if (protocol == GRAIN_PROTOCOL_FRAGMENT) {
        __u16 fragment = grain_load16(p + 2);

        length = 8;
        if (fragment & 0xfff8)
            return GRAIN_DISPOSITION_IP_FRAGMENT;
        if (fragment & 1)
            packet->flags |= GRAIN_PACKET_FRAGMENT;
    }
    packet->protocol = p[0];
    packet->l4_offset = offset + length;
    return GRAIN_EXTENSION_NEXT;
}

/* Walk the extension headers behind the fixed one, with the state in the packet. */
static __always_inline __u32 grain_dissect_extensions(const __u8 *base, const __u8 *end,
                                                      struct grain_network *network,
                                                      struct grain_packet *packet)
{
    __u32 result = GRAIN_EXTENSION_NEXT;

    packet->l4_offset = network->offset;
    packet->protocol = network->protocol;
    for (__u32 i = 0; i <= GRAIN_IPV6_EXTENSION_MAX; i++) {
        result = grain_dissect_extension(base, end, packet);
        if (result != GRAIN_EXTENSION_NEXT)
            break;
    }
    grain_forget();
    network->offset = packet->l4_offset;
    network->protocol = packet->protocol;
    packet->protocol = 0;
    if (result == GRAIN_EXTENSION_NEXT || network->offset > GRAIN_HEADERS_MAX)
        return GRAIN_DISPOSITION_HEADER_LIMIT;
    if (result == GRAIN_DISPOSITION_NON_IP && network->offset > network->end)
        return GRAIN_DISPOSITION_MALFORMED;
    return result;
}

static __always_inline __u32 grain_dissect_ipv6(const __u8 *base, const __u8 *end, __u64 offset,
                                                struct grain_network *network,
                                                struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, offset, 40);
    __u32 length;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (p[0] >> 4 != 6)
        return GRAIN_DISPOSITION_MALFORMED;
    packet->family = 6;
    length = grain_load16(p + 4);
    network->offset = offset + 40;
    network->protocol = p[6];
    /* 0: a jumbogram (RFC 2675), or a frame that the sender's card will cut into segments. */
    network->end = length ? offset + 40 + length : packet->wire_length;
    if (!grain_protocol_is_extension(network->protocol))
        return GRAIN_DISPOSITION_NON_IP;
    return grain_dissect_extensions(base, end, network, packet);
}

static __always_inline __u32 grain_udp_tunnel(const __u8 *base, const __u8 *end, __u32 offset,
                                              __u16 port)
{
    const __u8 *p = grain_frame_at(base, end, offset, 8);
    __u16 type;

    if (!p)
        return GRAIN_DISPOSITION_UDP_OTHER;
    if (port == GRAIN_PORT_GENEVE) {
        type = grain_load16(p + 2);
        if (p[0] >> 6 == 0 && p[7] == 0 &&
            (type == GRAIN_ETHERTYPE_TRANSPARENT || type == GRAIN_ETHERTYPE_IPV4 ||
             type == GRAIN_ETHERTYPE_IPV6))
            return GRAIN_DISPOSITION_GENEVE;
    } else if ((grain_load32(p) & 0xff000000) == 0x08000000 && p[7] == 0) {
        return GRAIN_DISPOSITION_VXLAN;
    }
    return GRAIN_DISPOSITION_UDP_OTHER;
}

static __always_inline __u8 grain_port_flags(__u32 port)
{
    if (port == GRAIN_PORT_DNS)
        return GRAIN_PACKET_DNS_PORT;
    if (port == GRAIN_PORT_MDNS)
        return GRAIN_PACKET_MDNS_PORT;
    if (port == GRAIN_PORT_LLMNR)
        return GRAIN_PACKET_LLMNR_PORT;
    return port == GRAIN_PORT_NBNS ? GRAIN_PACKET_NBNS_PORT : 0;
}

/* Both ports at once: the source is the upper half. Returns the destination. */
static __always_inline __u32 grain_dissect_ports(const __u8 *p, struct grain_packet *packet)
{
    __u32 ports = grain_load32(p), source = ports >> 16, destination = ports & 0xffff;
    __u8 flags = grain_port_flags(source) | grain_port_flags(destination);

    packet->source_port = source;
    packet->destination_port = destination;
    if (flags)
        packet->flags |= flags;
    return destination;
}

static __always_inline __u32 grain_dissect_udp(const __u8 *base, const __u8 *end,
                                               const struct grain_network *network,
                                               struct grain_packet *packet)
{
    const __u64 offset = network->offset;
    const __u8 *p = grain_frame_at(base, end, offset, 8);
    __u32 left = network->end - offset;
    __u32 length, destination;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (network->end < offset + 8)
        return GRAIN_DISPOSITION_MALFORMED;
    length = grain_load16(p + 4);
    if (length == 0)
        length = left;
    if (length < 8)
        return GRAIN_DISPOSITION_MALFORMED;
    if (length > left)
        length = left;
    destination = grain_dissect_ports(p, packet);
    packet->payload_offset = offset + 8;
    packet->payload_length = length - 8;
    if (length == 8)
        return GRAIN_DISPOSITION_UDP_EMPTY;
    if (destination == GRAIN_PORT_VXLAN || destination == GRAIN_PORT_VXLAN_OLD ||
        destination == GRAIN_PORT_GENEVE)
        return grain_udp_tunnel(base, end, offset + 8, destination);
    return GRAIN_DISPOSITION_UDP_OTHER;
}

static __always_inline __u32 grain_dissect_tcp(const __u8 *base, const __u8 *end,
                                               const struct grain_network *network,
                                               struct grain_packet *packet)
{
    const __u64 offset = network->offset;
    const __u8 *p = grain_frame_at(base, end, offset, 20);
    __u32 header, left;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    header = (p[12] >> 4) * 4;
    if (header < 20 || network->end < offset + header)
        return GRAIN_DISPOSITION_MALFORMED;
    left = network->end - offset - header;
    grain_dissect_ports(p, packet);
    packet->tcp_flags = p[13];
    /* A SYN takes a sequence number of its own; data behind it is TCP Fast Open (RFC 7413). */
    packet->tcp_sequence = grain_load32(p + 4) + (p[13] >> 1 & 1);
    packet->payload_offset = offset + header;
    packet->payload_length = left;
    return left ? GRAIN_DISPOSITION_TCP_OTHER : GRAIN_DISPOSITION_TCP_EMPTY;
}

_Static_assert(GRAIN_TCP_SYN == 1 << 1, "the flag is added to the sequence number");

static __always_inline __u32 grain_dissect_transport(const __u8 *base, const __u8 *end,
                                                     const struct grain_network *network,
                                                     struct grain_packet *packet)
{
    packet->l4_offset = network->offset;
    packet->protocol = network->protocol;
    if (network->end > packet->linear_length)
        packet->flags |= GRAIN_PACKET_CUT;
    switch (network->protocol) {
    case GRAIN_PROTOCOL_TCP:
        return grain_dissect_tcp(base, end, network, packet);
    case GRAIN_PROTOCOL_UDP:
        return grain_dissect_udp(base, end, network, packet);
    case GRAIN_PROTOCOL_ICMP:
    case GRAIN_PROTOCOL_ICMPV6:
        return GRAIN_DISPOSITION_ICMP;
    case GRAIN_PROTOCOL_GRE:
        return GRAIN_DISPOSITION_GRE;
    case GRAIN_PROTOCOL_IPIP:
    case GRAIN_PROTOCOL_IPV6:
        return GRAIN_DISPOSITION_IPIP;
    default:
        return GRAIN_DISPOSITION_IP_OTHER;
    }
}

static __always_inline __u32 grain_dissect_network(const __u8 *base, const __u8 *end,
                                                   const struct grain_link *link, __u64 zero,
                                                   struct grain_packet *packet)
{
    struct grain_network network = {0};
    __u32 result;

    switch (link->ethertype) {
    case GRAIN_ETHERTYPE_IPV4:
        result = grain_dissect_ipv4(base, end, link->offset, &network, packet);
        break;
    case GRAIN_ETHERTYPE_IPV6:
        result = grain_dissect_ipv6(base, end, link->offset, &network, packet);
        break;
    case GRAIN_ETHERTYPE_PPPOE:
    case GRAIN_ETHERTYPE_PPPOE_DISC:
        return GRAIN_DISPOSITION_PPPOE;
    case GRAIN_ETHERTYPE_MPLS:
    case GRAIN_ETHERTYPE_MPLS_UPPER:
        return GRAIN_DISPOSITION_MPLS;
    default:
        return GRAIN_DISPOSITION_NON_IP;
    }
    if (result != GRAIN_DISPOSITION_NON_IP)
        return result;
    network.offset = grain_blur(network.offset, zero, 0x7ff);
    return grain_dissect_transport(base, end, &network, packet);
}

/* A frame without a link header: the first four bits tell which IP it is. */
static __always_inline __u32 grain_dissect_bare(const __u8 *base, const __u8 *end,
                                                struct grain_link *link)
{
    const __u8 *p = grain_frame_at(base, end, 0, 1);

    link->offset = 0;
    link->ethertype = 0;
    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (p[0] >> 4 == 4)
        link->ethertype = GRAIN_ETHERTYPE_IPV4;
    else if (p[0] >> 4 == 6)
        link->ethertype = GRAIN_ETHERTYPE_IPV6;
    return GRAIN_DISPOSITION_NON_IP;
}

/*
 * Dissect one frame. The caller has set packet->wire_length and packet->linear_length (what is
 * readable in [base, end)) and cleared the rest.
 */
static __always_inline __u32 grain_dissect(const __u8 *base, const __u8 *end, bool ethernet,
                                           struct grain_packet *packet)
{
    const __u64 zero = *(const volatile __u16 *)&packet->zero;
    struct grain_link link;
    __u32 result = ethernet ? grain_dissect_ethernet(base, end, &link, packet)
                            : grain_dissect_bare(base, end, &link);

    if (result != GRAIN_DISPOSITION_NON_IP)
        return result;
    link.offset = grain_blur(link.offset, zero, 0x1f);
    packet->l3_offset = link.offset;
    packet->ethertype = link.ethertype;
    return grain_dissect_network(base, end, &link, zero, packet);
}

#endif
