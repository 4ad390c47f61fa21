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

/* The Ethernet header and up to two tags; sets l3_offset and ethertype. 0, or a final disposition.
 */
static __always_inline __u32 grain_dissect_ethernet(const __u8 *base, const __u8 *end,
                                                    struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, 0, 14);
    __u32 offset = 14;
    /* A tag that the card took out of the frame counts as the outer one. */
    __u32 tags = packet->vlan_count & 1;
    __u16 type;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    type = grain_load16(p + 12);
    if (grain_ethertype_is_vlan(type)) {
        p = grain_frame_at(base, end, 14, 4);
        if (!p)
            return GRAIN_DISPOSITION_TRUNCATED;
        packet->vlan[tags & 1] = grain_load16(p);
        tags++;
        type = grain_load16(p + 2);
        offset = 18;
        if (tags < 2 && grain_ethertype_is_vlan(type)) {
            p = grain_frame_at(base, end, 18, 4);
            if (!p)
                return GRAIN_DISPOSITION_TRUNCATED;
            packet->vlan[1] = grain_load16(p);
            tags++;
            type = grain_load16(p + 2);
            offset = 22;
        }
    }
    packet->vlan_count = tags;
    packet->l3_offset = offset;
    packet->ethertype = type;
    if (grain_ethertype_is_vlan(type))
        return GRAIN_DISPOSITION_VLAN_LIMIT;
    return GRAIN_DISPOSITION_NON_IP;
}

/*
 * The network layer leaves three things in the packet: protocol and l4_offset, and in
 * payload_length, for the transport layer to replace, the offset behind the last byte that the IP
 * header promises.
 */
static __always_inline __u32 grain_dissect_ipv4(const __u8 *base, const __u8 *end,
                                                struct grain_packet *packet)
{
    __u32 offset = packet->l3_offset & 0x1f;
    const __u8 *p = grain_frame_at(base, end, offset, 20);
    __u32 header, total, fragment;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    header = (p[0] & 0xf) * 4;
    total = grain_load16(p + 2);
    fragment = grain_load16(p + 6);
    /* A frame that the sender's card will cut into segments may carry a total length of 0. */
    if (total == 0)
        total = packet->wire_length - offset;
    if (p[0] >> 4 != 4 || header < 20 || total < header)
        return GRAIN_DISPOSITION_MALFORMED;
    packet->family = 4;
    if (fragment & 0x1fff)
        return GRAIN_DISPOSITION_IP_FRAGMENT;
    if (fragment & 0x2000)
        packet->flags |= GRAIN_PACKET_FRAGMENT;
    packet->l4_offset = offset + header;
    packet->payload_length = offset + total;
    packet->protocol = p[9];
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

/* Walk the extension headers from packet->l4_offset. */
static __always_inline __u32 grain_dissect_extensions(const __u8 *base, const __u8 *end,
                                                      struct grain_packet *packet)
{
    __u32 result = GRAIN_EXTENSION_NEXT;

    for (__u32 i = 0; i <= GRAIN_IPV6_EXTENSION_MAX; i++) {
        result = grain_dissect_extension(base, end, packet);
        if (result != GRAIN_EXTENSION_NEXT)
            break;
    }
    if (result == GRAIN_EXTENSION_NEXT || packet->l4_offset > GRAIN_HEADERS_MAX)
        return GRAIN_DISPOSITION_HEADER_LIMIT;
    if (result == GRAIN_DISPOSITION_NON_IP && packet->l4_offset > packet->payload_length)
        return GRAIN_DISPOSITION_MALFORMED;
    return result;
}

static __always_inline __u32 grain_dissect_ipv6(const __u8 *base, const __u8 *end,
                                                struct grain_packet *packet)
{
    __u32 offset = packet->l3_offset & 0x1f;
    const __u8 *p = grain_frame_at(base, end, offset, 40);
    __u32 length;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (p[0] >> 4 != 6)
        return GRAIN_DISPOSITION_MALFORMED;
    packet->family = 6;
    length = grain_load16(p + 4);
    packet->l4_offset = offset + 40;
    packet->protocol = p[6];
    /* 0: a jumbogram (RFC 2675), or a frame that the sender's card will cut into segments. */
    packet->payload_length = length ? offset + 40 + length : packet->wire_length;
    if (!grain_protocol_is_extension(p[6]))
        return GRAIN_DISPOSITION_NON_IP;
    return grain_dissect_extensions(base, end, packet);
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

static __always_inline __u8 grain_port_flags(__u16 source, __u16 destination)
{
    __u8 flags = 0;

    if (source == GRAIN_PORT_DNS || destination == GRAIN_PORT_DNS)
        flags |= GRAIN_PACKET_DNS_PORT;
    if (source == GRAIN_PORT_MDNS || destination == GRAIN_PORT_MDNS)
        flags |= GRAIN_PACKET_MDNS_PORT;
    if (source == GRAIN_PORT_LLMNR || destination == GRAIN_PORT_LLMNR)
        flags |= GRAIN_PACKET_LLMNR_PORT;
    if (source == GRAIN_PORT_NBNS || destination == GRAIN_PORT_NBNS)
        flags |= GRAIN_PACKET_NBNS_PORT;
    return flags;
}

static __always_inline __u32 grain_dissect_udp(const __u8 *base, const __u8 *end, __u64 offset,
                                               __u32 ip_end, struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, offset, 8);
    __u32 left = ip_end - offset;
    __u32 length, source, destination;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (ip_end < offset + 8)
        return GRAIN_DISPOSITION_MALFORMED;
    length = grain_load16(p + 4);
    if (length == 0)
        length = left;
    if (length < 8)
        return GRAIN_DISPOSITION_MALFORMED;
    if (length > left)
        length = left;
    source = grain_load16(p);
    destination = grain_load16(p + 2);
    packet->source_port = source;
    packet->destination_port = destination;
    packet->payload_offset = offset + 8;
    packet->payload_length = length - 8;
    packet->flags |= grain_port_flags(source, destination);
    if (length == 8)
        return GRAIN_DISPOSITION_UDP_EMPTY;
    if (destination == GRAIN_PORT_VXLAN || destination == GRAIN_PORT_VXLAN_OLD ||
        destination == GRAIN_PORT_GENEVE)
        return grain_udp_tunnel(base, end, offset + 8, destination);
    return GRAIN_DISPOSITION_UDP_OTHER;
}

static __always_inline __u32 grain_dissect_tcp(const __u8 *base, const __u8 *end, __u64 offset,
                                               __u32 ip_end, struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, offset, 20);
    __u32 header, left;

    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    header = (p[12] >> 4) * 4;
    if (header < 20 || ip_end < offset + header)
        return GRAIN_DISPOSITION_MALFORMED;
    left = ip_end - offset - header;
    packet->source_port = grain_load16(p);
    packet->destination_port = grain_load16(p + 2);
    packet->tcp_flags = p[13];
    /* A SYN takes a sequence number of its own; data behind it is TCP Fast Open (RFC 7413). */
    packet->tcp_sequence = grain_load32(p + 4) + (p[13] & GRAIN_TCP_SYN ? 1 : 0);
    packet->payload_offset = offset + header;
    packet->payload_length = left;
    packet->flags |= grain_port_flags(packet->source_port, packet->destination_port);
    return left ? GRAIN_DISPOSITION_TCP_OTHER : GRAIN_DISPOSITION_TCP_EMPTY;
}

static __always_inline __u32 grain_dissect_transport(const __u8 *base, const __u8 *end,
                                                     struct grain_packet *packet)
{
    __u64 offset = packet->l4_offset & 0x7ff;
    __u32 ip_end = packet->payload_length;

    packet->payload_length = 0;
    if (ip_end > packet->linear_length)
        packet->flags |= GRAIN_PACKET_CUT;
    switch (packet->protocol) {
    case GRAIN_PROTOCOL_TCP:
        return grain_dissect_tcp(base, end, offset, ip_end, packet);
    case GRAIN_PROTOCOL_UDP:
        return grain_dissect_udp(base, end, offset, ip_end, packet);
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
                                                   struct grain_packet *packet)
{
    __u32 result;

    switch (packet->ethertype) {
    case GRAIN_ETHERTYPE_IPV4:
        result = grain_dissect_ipv4(base, end, packet);
        break;
    case GRAIN_ETHERTYPE_IPV6:
        result = grain_dissect_ipv6(base, end, packet);
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
    if (result != GRAIN_DISPOSITION_NON_IP) {
        packet->payload_length = 0;
        packet->protocol = 0;
        return result;
    }
    grain_forget();
    return grain_dissect_transport(base, end, packet);
}

/* A frame without a link header: the first four bits tell which IP it is. */
static __always_inline __u32 grain_dissect_bare(const __u8 *base, const __u8 *end,
                                                struct grain_packet *packet)
{
    const __u8 *p = grain_frame_at(base, end, 0, 1);

    packet->l3_offset = 0;
    packet->ethertype = 0;
    if (!p)
        return GRAIN_DISPOSITION_TRUNCATED;
    if (p[0] >> 4 == 4)
        packet->ethertype = GRAIN_ETHERTYPE_IPV4;
    else if (p[0] >> 4 == 6)
        packet->ethertype = GRAIN_ETHERTYPE_IPV6;
    return GRAIN_DISPOSITION_NON_IP;
}

/*
 * Dissect one frame. The caller has set packet->wire_length and packet->linear_length (what is
 * readable in [base, end)) and cleared the rest.
 */
static __always_inline __u32 grain_dissect(const __u8 *base, const __u8 *end, bool ethernet,
                                           struct grain_packet *packet)
{
    __u32 result = ethernet ? grain_dissect_ethernet(base, end, packet)
                            : grain_dissect_bare(base, end, packet);

    if (result != GRAIN_DISPOSITION_NON_IP)
        return result;
    grain_forget();
    return grain_dissect_network(base, end, packet);
}

#endif
