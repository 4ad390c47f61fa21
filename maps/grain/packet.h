/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dissecting a packet once has found; the per-CPU scratch that stages, also a user's own, read
 * instead of parsing headers again. Offsets count from the first byte of the frame. Ports, sequence
 * number and VLAN ids are in host byte order.
 */
#ifndef GRAIN_PACKET_H
#define GRAIN_PACKET_H

#include <linux/types.h>

#define GRAIN_PACKET_CUT        0x01 /* bytes that the headers promise are not readable in place */
#define GRAIN_PACKET_FRAGMENT   0x02 /* first fragment: more follow */
#define GRAIN_PACKET_DNS_PORT   0x04 /* UDP or TCP port 53 on either side */
#define GRAIN_PACKET_MDNS_PORT  0x08 /* UDP 5353 on either side */
#define GRAIN_PACKET_LLMNR_PORT 0x10 /* UDP or TCP 5355 on either side */
#define GRAIN_PACKET_NBNS_PORT \
    0x20 /* UDP 137 on either side: NetBIOS names look like DNS and are not */

struct grain_packet {
    __u32 wire_length;    /* of the frame on the wire */
    __u32 linear_length;  /* of the frame as readable in place */
    __u32 payload_length; /* bytes after the transport header, as the headers say */
    __u32 tcp_sequence;   /* of the first payload byte */
    __u16 l3_offset;
    __u16 l4_offset;
    __u16 payload_offset;
    __u16 ethertype; /* the innermost, host byte order */
    __u16 vlan[2];   /* TCI, outer first */
    __u16 destination_port;
    __u16 source_port;
    __u8 family;   /* 4, 6, or 0: not IP */
    __u8 protocol; /* IP protocol number of the transport header */
    __u8 tcp_flags;
    __u8 vlan_count;
    __u8 flags; /* GRAIN_PACKET_* */
    __u8 disposition;
    __u16 zero; /* always 0, which the verifier does not know: see grain_blur() */
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct grain_packet) == 40, "ABI");

#endif
