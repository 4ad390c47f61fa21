/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames written by hand, one for every form of every header, and what becomes of them. */
#ifndef GRAIN_TESTS_DISSECT_FRAMES_H
#define GRAIN_TESTS_DISSECT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <grain/dispositions.h>
#include <grain/packet.h>

struct dissect_frame {
    const char *name;
    bool bare; /* starts at layer 3 */
    const char *bytes;
    size_t length;
    unsigned disposition;
    unsigned l4;      /* 0: no transport header was reached */
    unsigned payload; /* offset; 0: none */
    unsigned payload_length;
    unsigned flags;
    unsigned tags;
    size_t wire; /* 0: as long as the frame */
};

#define F(s)    s, sizeof(s) - 1
#define D(name) GRAIN_DISPOSITION_##name

#define MACS          "\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
#define ETH(type)     MACS type
#define T4            "\x08\0"
#define T6            "\x86\xdd"
#define TAG(id, type) "\0" id type
/* Version and header length, total length, fragment, protocol. */
#define V4(first, total, fragment, protocol) \
    first "\0" total "\0\x01" fragment "\x40" protocol "\0\0\xc0\0\x02\x01\xc6\x33\x64\x02"
#define ADDRESSES6 \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define V6(length, next)     "\x60\0\0\0" length next "\x40" ADDRESSES6
#define UDP(length)          "\x9c\x40\x9c\x41" length "\0\0"
#define UDP_TO(port, length) "\x9c\x40" port length "\0\0"
#define TCP(offset, flags)   "\x9c\x40\x9c\x41\0\0\0\x07\0\0\0\0" offset flags "\x20\0\0\0\0\0"
#define EIGHT                "payload!"
#define PAD8                 "\0\0\0\0\0\0\0\0"
#define NOFRAG               "\x40\0"
#define OPTIONS40            "\x07\x27\x04" PAD8 PAD8 PAD8 PAD8 "\0\0\0\0\0"

/* UDP in IPv4 with eight bytes of payload: 20 + 8 + 8. */
#define PLAIN4 V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT
#define PLAIN6 V6("\0\x10", "\x11") UDP("\0\x10") EIGHT
/* An IPv6 extension header of eight bytes; the second argument is its length field. */
#define EXT(next, length)      next length "\x01\x04\0\0\0\0"
#define FRAGMENT(next, offset) next "\0" offset "\0\0\0\x2a"
#define VXLAN8                 "\x08\0\0\0\0\0\x2a\0"
#define GENEVE8                "\0\0\x65\x58\0\0\x2a\0"

/* clang-format off */
static const struct dissect_frame dissect_frames[] = {
    /* Ethernet and tags */
    {"no byte", false, F(""), D(TRUNCATED), 0, 0, 0, 0, 0, 0},
    {"13 bytes", false, F(MACS "\x08"), D(TRUNCATED), 0, 0, 0, 0, 0, 0},
    {"ARP", false, F(ETH("\x08\x06") "\0\x01\x08\0\x06\x04\0\x01"), D(NON_IP), 0, 0, 0, 0, 0, 0},
    {"LLDP", false, F(ETH("\x88\xcc") EIGHT), D(NON_IP), 0, 0, 0, 0, 0, 0},
    {"LLC: a length where the type would be", false, F(ETH("\0\x26") "\x42\x42\x03" EIGHT), D(NON_IP), 0, 0, 0, 0, 0, 0},
    {"LLC with SNAP around IPv4", false, F(ETH("\0\x2c") "\xaa\xaa\x03\0\0\0\x08\0" PLAIN4), D(NON_IP), 0, 0, 0, 0, 0, 0},
    {"UDP in IPv4", false, F(ETH(T4) PLAIN4), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},
    {"UDP in IPv6", false, F(ETH(T6) PLAIN6), D(UDP_OTHER), 54, 62, 8, 0, 0, 0},
    {"one 802.1Q tag", false, F(ETH("\x81\0") TAG("\x2a", T4) PLAIN4), D(UDP_OTHER), 38, 46, 8, 0, 1, 0},
    {"802.1Q, IPv6", false, F(ETH("\x81\0") TAG("\x2a", T6) PLAIN6), D(UDP_OTHER), 58, 66, 8, 0, 1, 0},
    {"one 802.1ad tag", false, F(ETH("\x88\xa8") TAG("\x2a", T4) PLAIN4), D(UDP_OTHER), 38, 46, 8, 0, 1, 0},
    {"one 0x9100 tag", false, F(ETH("\x91\0") TAG("\x2a", T4) PLAIN4), D(UDP_OTHER), 38, 46, 8, 0, 1, 0},
    {"802.1Q in 802.1Q", false, F(ETH("\x81\0") TAG("\x2a", "\x81\0") TAG("\x2b", T4) PLAIN4), D(UDP_OTHER), 42, 50, 8, 0, 2, 0},
    {"802.1Q in 802.1ad", false, F(ETH("\x88\xa8") TAG("\x2a", "\x81\0") TAG("\x2b", T4) PLAIN4), D(UDP_OTHER), 42, 50, 8, 0, 2, 0},
    {"802.1Q in 0x9100", false, F(ETH("\x91\0") TAG("\x2a", "\x81\0") TAG("\x2b", T4) PLAIN4), D(UDP_OTHER), 42, 50, 8, 0, 2, 0},
    {"802.1ad in 802.1ad, IPv6", false, F(ETH("\x88\xa8") TAG("\x2a", "\x88\xa8") TAG("\x2b", T6) PLAIN6), D(UDP_OTHER), 62, 70, 8, 0, 2, 0},
    {"three tags", false, F(ETH("\x88\xa8") TAG("\x2a", "\x81\0") TAG("\x2b", "\x81\0") TAG("\x2c", T4) PLAIN4), D(VLAN_LIMIT), 0, 0, 0, 0, 2, 0},
    {"tagged ARP", false, F(ETH("\x81\0") TAG("\x2a", "\x08\x06") EIGHT), D(NON_IP), 0, 0, 0, 0, 1, 0},
    {"PPPoE discovery", false, F(ETH("\x88\x63") "\x11\x09\0\0\0\0"), D(PPPOE), 0, 0, 0, 0, 0, 0},
    {"PPPoE session", false, F(ETH("\x88\x64") "\x11\0\0\x01\0\x26\0\x21" PLAIN4), D(PPPOE), 0, 0, 0, 0, 0, 0},
    {"tagged PPPoE", false, F(ETH("\x81\0") TAG("\x07", "\x88\x64") "\x11\0\0\x01\0\x26\0\x21" PLAIN4), D(PPPOE), 0, 0, 0, 0, 1, 0},
    {"MPLS", false, F(ETH("\x88\x47") "\0\x01\x01\x40" PLAIN4), D(MPLS), 0, 0, 0, 0, 0, 0},
    {"MPLS, upstream label", false, F(ETH("\x88\x48") "\0\x01\x01\x40" PLAIN4), D(MPLS), 0, 0, 0, 0, 0, 0},

    /* IPv4 */
    {"IPv4 with 4 bytes of options", false, F(ETH(T4) V4("\x46", "\0\x28", NOFRAG, "\x11") "\x94\x04\0\0" UDP("\0\x10") EIGHT), D(UDP_OTHER), 38, 46, 8, 0, 0, 0},
    {"IPv4 with 40 bytes of options", false, F(ETH(T4) V4("\x4f", "\0\x4c", NOFRAG, "\x11") OPTIONS40 UDP("\0\x10") EIGHT), D(UDP_OTHER), 74, 82, 8, 0, 0, 0},
    {"header length 4", false, F(ETH(T4) V4("\x44", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"header length 0", false, F(ETH(T4) V4("\x40", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"version 5 in an IPv4 frame", false, F(ETH(T4) V4("\x55", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"version 6 in an IPv4 frame", false, F(ETH(T4) V4("\x65", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"header longer than the total length", false, F(ETH(T4) V4("\x4f", "\0\x24", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"total length 0: segmentation offload", false, F(ETH(T4) V4("\x45", "\0\0", NOFRAG, "\x06") TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 34, 54, 8, 0, 0, 0},
    {"total length 0, captured in part", false, F(ETH(T4) V4("\x45", "\0\0", NOFRAG, "\x06") TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 34, 54, 65518, GRAIN_PACKET_CUT, 0, 65572},
    {"total length 19", false, F(ETH(T4) V4("\x45", "\0\x13", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"total length ends in the UDP header", false, F(ETH(T4) V4("\x45", "\0\x1b", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"total length 20: no room for UDP", false, F(ETH(T4) V4("\x45", "\0\x14", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"total length shorter than the UDP length", false, F(ETH(T4) V4("\x45", "\0\x20", NOFRAG, "\x11") UDP("\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 4, 0, 0, 0},
    {"total length longer than the frame", false, F(ETH(T4) V4("\x45", "\0\x64", NOFRAG, "\x11") UDP("\0\x50") EIGHT), D(UDP_OTHER), 34, 42, 72, GRAIN_PACKET_CUT, 0, 0},
    {"Ethernet padding behind the packet", false, F(ETH(T4) V4("\x45", "\0\x1d", NOFRAG, "\x11") UDP("\0\x09") "p" PAD8 PAD8), D(UDP_OTHER), 34, 42, 1, 0, 0, 0},
    {"first fragment", false, F(ETH(T4) V4("\x45", "\0\x24", "\x20\0", "\x11") UDP("\x05\xdc") EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_FRAGMENT, 0, 0},
    {"middle fragment", false, F(ETH(T4) V4("\x45", "\0\x24", "\x20\x01", "\x11") UDP("\0\x10") EIGHT), D(IP_FRAGMENT), 0, 0, 0, 0, 0, 0},
    {"last fragment", false, F(ETH(T4) V4("\x45", "\0\x24", "\0\xb9", "\x11") UDP("\0\x10") EIGHT), D(IP_FRAGMENT), 0, 0, 0, 0, 0, 0},
    {"largest fragment offset", false, F(ETH(T4) V4("\x45", "\0\x24", "\x1f\xff", "\x06") UDP("\0\x10") EIGHT), D(IP_FRAGMENT), 0, 0, 0, 0, 0, 0},
    {"reserved fragment bit", false, F(ETH(T4) V4("\x45", "\0\x24", "\x80\0", "\x11") UDP("\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},
    {"ICMP", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x01") "\x08\0\0\0\0\x01\0\x01"), D(ICMP), 34, 0, 0, 0, 0, 0},
    {"ICMP error that quotes DNS", false, F(ETH(T4) V4("\x45", "\0\x40", NOFRAG, "\x01") "\x03\x03\0\0\0\0\0\0" PLAIN4), D(ICMP), 34, 0, 0, 0, 0, 0},
    {"ESP", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x32") EIGHT), D(IP_OTHER), 34, 0, 0, 0, 0, 0},
    {"SCTP", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x84") EIGHT), D(IP_OTHER), 34, 0, 0, 0, 0, 0},
    {"AH in IPv4", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x33") EIGHT), D(IP_OTHER), 34, 0, 0, 0, 0, 0},
    {"UDP-Lite", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x88") UDP("\0\x10") EIGHT), D(IP_OTHER), 34, 0, 0, 0, 0, 0},
    {"GRE in IPv4", false, F(ETH(T4) V4("\x45", "\0\x3c", NOFRAG, "\x2f") "\0\0\x08\0" PLAIN4), D(GRE), 34, 0, 0, 0, 0, 0},
    {"IPv4 in IPv4", false, F(ETH(T4) V4("\x45", "\0\x38", NOFRAG, "\x04") PLAIN4), D(IPIP), 34, 0, 0, 0, 0, 0},
    {"IPv6 in IPv4", false, F(ETH(T4) V4("\x45", "\0\x4c", NOFRAG, "\x29") PLAIN6), D(IPIP), 34, 0, 0, 0, 0, 0},

    /* IPv6 */
    {"version 4 in an IPv6 frame", false, F(ETH(T6) "\x40\0\0\0\0\x10\x11\x40" ADDRESSES6 UDP("\0\x10") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"hop-by-hop options", false, F(ETH(T6) V6("\0\x18", "\0") EXT("\x11", "\0") UDP("\0\x10") EIGHT), D(UDP_OTHER), 62, 70, 8, 0, 0, 0},
    {"destination options of 16 bytes", false, F(ETH(T6) V6("\0\x20", "\x3c") EXT("\x11", "\x01") PAD8 UDP("\0\x10") EIGHT), D(UDP_OTHER), 70, 78, 8, 0, 0, 0},
    {"routing header", false, F(ETH(T6) V6("\0\x18", "\x2b") EXT("\x11", "\0") UDP("\0\x10") EIGHT), D(UDP_OTHER), 62, 70, 8, 0, 0, 0},
    {"AH of 24 bytes", false, F(ETH(T6) V6("\0\x28", "\x33") "\x11\x04\0\0\0\0\0\x01" PAD8 PAD8 UDP("\0\x10") EIGHT), D(UDP_OTHER), 78, 86, 8, 0, 0, 0},
    {"AH of 8 bytes", false, F(ETH(T6) V6("\0\x18", "\x33") "\x11\0\0\0\0\0\0\x01" UDP("\0\x10") EIGHT), D(UDP_OTHER), 62, 70, 8, 0, 0, 0},
    {"atomic fragment", false, F(ETH(T6) V6("\0\x18", "\x2c") FRAGMENT("\x11", "\0\0") UDP("\0\x10") EIGHT), D(UDP_OTHER), 62, 70, 8, 0, 0, 0},
    {"first IPv6 fragment", false, F(ETH(T6) V6("\0\x18", "\x2c") FRAGMENT("\x11", "\0\x01") UDP("\x05\xdc") EIGHT), D(UDP_OTHER), 62, 70, 8, GRAIN_PACKET_FRAGMENT, 0, 0},
    {"later IPv6 fragment", false, F(ETH(T6) V6("\0\x18", "\x2c") FRAGMENT("\x11", "\0\x08") UDP("\0\x10") EIGHT), D(IP_FRAGMENT), 0, 0, 0, 0, 0, 0},
    {"last IPv6 fragment", false, F(ETH(T6) V6("\0\x18", "\x2c") FRAGMENT("\x11", "\x05\xb0") UDP("\0\x10") EIGHT), D(IP_FRAGMENT), 0, 0, 0, 0, 0, 0},
    {"fragment header whose reserved byte is not 0", false, F(ETH(T6) V6("\0\x18", "\x2c") "\x11\xff\0\0\0\0\0\x2a" UDP("\0\x10") EIGHT), D(UDP_OTHER), 62, 70, 8, 0, 0, 0},
    {"hop-by-hop, destination, routing, fragment, destination", false, F(ETH(T6) V6("\0\x3c", "\0") EXT("\x3c", "\0") EXT("\x2b", "\0") EXT("\x2c", "\0") FRAGMENT("\x3c", "\0\0") EXT("\x06", "\0") TCP("\x50", "\x02") ), D(TCP_EMPTY), 94, 114, 0, 0, 0, 0},
    {"eight extension headers", false, F(ETH(T6) V6("\0\x50", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x11", "\0") UDP("\0\x10") EIGHT), D(UDP_OTHER), 118, 126, 8, 0, 0, 0},
    {"nine extension headers", false, F(ETH(T6) V6("\0\x58", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x3c", "\0") EXT("\x11", "\0") UDP("\0\x10") EIGHT), D(HEADER_LIMIT), 0, 0, 0, 0, 0, 0},
    {"extension header of 2,048 bytes", false, F(ETH(T6) V6("\x08\x10", "\0") EXT("\x11", "\xff") UDP("\0\x10") EIGHT), D(HEADER_LIMIT), 0, 0, 0, 0, 0, 0},
    {"extension header longer than the packet", false, F(ETH(T6) V6("\0\x10", "\0") EXT("\x11", "\x04") EIGHT), D(MALFORMED), 0, 0, 0, 0, 0, 0},
    {"no next header", false, F(ETH(T6) V6("\0\0", "\x3b")), D(IP_OTHER), 54, 0, 0, 0, 0, 0},
    {"no next header behind hop-by-hop", false, F(ETH(T6) V6("\0\x08", "\0") EXT("\x3b", "\0")), D(IP_OTHER), 62, 0, 0, 0, 0, 0},
    {"payload length 0: jumbogram or offload", false, F(ETH(T6) V6("\0\0", "\x06") TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 54, 74, 8, 0, 0, 0},
    {"payload length 0 with hop-by-hop", false, F(ETH(T6) V6("\0\0", "\0") "\x06\0\xc2\x04\0\x01\0\0" TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 62, 82, 8, 0, 0, 0},
    {"payload length too short for UDP", false, F(ETH(T6) V6("\0\x07", "\x11") UDP("\0\x10") EIGHT), D(MALFORMED), 54, 0, 0, 0, 0, 0},
    {"payload length longer than the frame", false, F(ETH(T6) V6("\0\x40", "\x11") UDP("\0\x40") EIGHT), D(UDP_OTHER), 54, 62, 56, GRAIN_PACKET_CUT, 0, 0},
    {"ICMPv6", false, F(ETH(T6) V6("\0\x08", "\x3a") "\x80\0\0\0\0\x01\0\x01"), D(ICMP), 54, 0, 0, 0, 0, 0},
    {"MLD behind hop-by-hop", false, F(ETH(T6) V6("\0\x10", "\0") EXT("\x3a", "\0") "\x8f\0\0\0\0\0\0\0"), D(ICMP), 62, 0, 0, 0, 0, 0},
    {"GRE in IPv6", false, F(ETH(T6) V6("\0\x28", "\x2f") "\0\0\x08\0" PLAIN4), D(GRE), 54, 0, 0, 0, 0, 0},
    {"IPv4 in IPv6", false, F(ETH(T6) V6("\0\x24", "\x04") PLAIN4), D(IPIP), 54, 0, 0, 0, 0, 0},
    {"IPv6 in IPv6", false, F(ETH(T6) V6("\0\x38", "\x29") PLAIN6), D(IPIP), 54, 0, 0, 0, 0, 0},
    {"IPv6 in IPv6 behind a routing header", false, F(ETH(T6) V6("\0\x40", "\x2b") EXT("\x29", "\0") PLAIN6), D(IPIP), 62, 0, 0, 0, 0, 0},
    {"mobility header", false, F(ETH(T6) V6("\0\x08", "\x87") "\x3b\0\0\0\0\0\0\0"), D(IP_OTHER), 54, 0, 0, 0, 0, 0},

    /* UDP */
    {"UDP without payload", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x11") UDP("\0\x08")), D(UDP_EMPTY), 34, 42, 0, 0, 0, 0},
    {"UDP length 0", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\0\0") EIGHT), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},
    {"UDP length 0 without payload", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x11") UDP("\0\0")), D(UDP_EMPTY), 34, 42, 0, 0, 0, 0},
    {"UDP length 7", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\0\x07") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"UDP length 1", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\0\x01") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"UDP length shorter than the packet", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\0\x0b") EIGHT), D(UDP_OTHER), 34, 42, 3, 0, 0, 0},
    {"UDP length longer than the packet", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP("\xff\xff") EIGHT), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},
    {"UDP from port 53", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") "\0\x35\x9c\x40\0\x10\0\0" EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_DNS_PORT, 0, 0},
    {"UDP to port 53", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP_TO("\0\x35", "\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_DNS_PORT, 0, 0},
    {"UDP to port 5353", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP_TO("\x14\xe9", "\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_MDNS_PORT, 0, 0},
    {"UDP from 5353 to 53", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") "\x14\xe9\0\x35\0\x10\0\0" EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_MDNS_PORT | GRAIN_PACKET_DNS_PORT, 0, 0},
    {"UDP to port 5355", false, F(ETH(T6) V6("\0\x10", "\x11") UDP_TO("\x14\xeb", "\0\x10") EIGHT), D(UDP_OTHER), 54, 62, 8, GRAIN_PACKET_LLMNR_PORT, 0, 0},
    {"UDP to port 137", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP_TO("\0\x89", "\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, GRAIN_PACKET_NBNS_PORT, 0, 0},
    {"VXLAN", false, F(ETH(T4) V4("\x45", "\0\x56", NOFRAG, "\x11") UDP_TO("\x12\xb5", "\0\x42") VXLAN8 ETH(T4) PLAIN4), D(VXLAN), 34, 42, 58, 0, 0, 0},
    {"VXLAN on its old port", false, F(ETH(T6) V6("\0\x42", "\x11") UDP_TO("\x21\x18", "\0\x42") VXLAN8 ETH(T4) PLAIN4), D(VXLAN), 54, 62, 58, 0, 0, 0},
    {"VXLAN's port, something else", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP_TO("\x12\xb5", "\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},
    {"VXLAN's port, without payload", false, F(ETH(T4) V4("\x45", "\0\x1c", NOFRAG, "\x11") UDP_TO("\x12\xb5", "\0\x08")), D(UDP_EMPTY), 34, 42, 0, 0, 0, 0},
    {"GENEVE around Ethernet", false, F(ETH(T4) V4("\x45", "\0\x56", NOFRAG, "\x11") UDP_TO("\x17\xc1", "\0\x42") GENEVE8 ETH(T4) PLAIN4), D(GENEVE), 34, 42, 58, 0, 0, 0},
    {"GENEVE around IPv4", false, F(ETH(T4) V4("\x45", "\0\x48", NOFRAG, "\x11") UDP_TO("\x17\xc1", "\0\x34") "\0\0\x08\0\0\0\x2a\0" PLAIN4), D(GENEVE), 34, 42, 44, 0, 0, 0},
    {"GENEVE's port, something else", false, F(ETH(T4) V4("\x45", "\0\x24", NOFRAG, "\x11") UDP_TO("\x17\xc1", "\0\x10") EIGHT), D(UDP_OTHER), 34, 42, 8, 0, 0, 0},

    /* TCP */
    {"TCP without payload", false, F(ETH(T4) V4("\x45", "\0\x28", NOFRAG, "\x06") TCP("\x50", "\x10")), D(TCP_EMPTY), 34, 54, 0, 0, 0, 0},
    {"TCP with padding behind the packet", false, F(ETH(T4) V4("\x45", "\0\x28", NOFRAG, "\x06") TCP("\x50", "\x10") "\0\0\0\0\0\0"), D(TCP_EMPTY), 34, 54, 0, 0, 0, 0},
    {"TCP with payload", false, F(ETH(T4) V4("\x45", "\0\x30", NOFRAG, "\x06") TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 34, 54, 8, 0, 0, 0},
    {"TCP with 12 bytes of options", false, F(ETH(T4) V4("\x45", "\0\x3c", NOFRAG, "\x06") TCP("\x80", "\x18") "\x01\x01\x08\x0a" PAD8 EIGHT), D(TCP_OTHER), 34, 66, 8, 0, 0, 0},
    {"TCP with 40 bytes of options", false, F(ETH(T6) V6("\0\x44", "\x06") TCP("\xf0", "\x18") OPTIONS40 EIGHT), D(TCP_OTHER), 54, 114, 8, 0, 0, 0},
    {"data offset 4", false, F(ETH(T4) V4("\x45", "\0\x30", NOFRAG, "\x06") TCP("\x40", "\x18") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"data offset 0", false, F(ETH(T4) V4("\x45", "\0\x30", NOFRAG, "\x06") TCP("\0", "\x18") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"data offset behind the packet's end", false, F(ETH(T4) V4("\x45", "\0\x30", NOFRAG, "\x06") TCP("\xf0", "\x18") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"packet ends in the TCP header", false, F(ETH(T4) V4("\x45", "\0\x27", NOFRAG, "\x06") TCP("\x50", "\x18") EIGHT), D(MALFORMED), 34, 0, 0, 0, 0, 0},
    {"SYN with data", false, F(ETH(T4) V4("\x45", "\0\x30", NOFRAG, "\x06") TCP("\x50", "\x02") EIGHT), D(TCP_OTHER), 34, 54, 8, 0, 0, 0},
    {"first fragment of TCP", false, F(ETH(T4) V4("\x45", "\0\x30", "\x20\0", "\x06") TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 34, 54, 8, GRAIN_PACKET_FRAGMENT, 0, 0},

    /* Without a link header */
    {"bare IPv4", true, F(PLAIN4), D(UDP_OTHER), 20, 28, 8, 0, 0, 0},
    {"bare IPv6", true, F(PLAIN6), D(UDP_OTHER), 40, 48, 8, 0, 0, 0},
    {"bare IPv4 with options, TCP", true, F(V4("\x46", "\0\x34", NOFRAG, "\x06") "\x94\x04\0\0" TCP("\x50", "\x18") EIGHT), D(TCP_OTHER), 24, 44, 8, 0, 0, 0},
    {"bare, neither", true, F("\x20\0\0\0" PAD8 PAD8), D(NON_IP), 0, 0, 0, 0, 0, 0},
    {"bare, no byte", true, F(""), D(TRUNCATED), 0, 0, 0, 0, 0, 0},
};
/* clang-format on */

#endif
