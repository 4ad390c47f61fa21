/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records that leave the kernel in a perf ring: a header common to all types, then the body of the
 * type, then raw bytes.
 *
 * Readers check type, version, header_length and length before they read on. Integers are in host
 * byte order, addresses in network byte order, 16 bytes always, IPv4 as v4-mapped (::ffff:a.b.c.d).
 * The raw bytes follow header_length bytes after the start: the frame from its first byte, or with
 * GRAIN_RECORD_STREAM the stream bytes of a message put together from segments.
 */
#ifndef GRAIN_RECORD_H
#define GRAIN_RECORD_H

#include <linux/types.h>
#include <grain/names.h>

#define GRAIN_RECORD_VERSION 1

#define GRAIN_RECORD_NAME  1 /* a name was counted */
#define GRAIN_RECORD_HELLO 2 /* a ClientHello without a server name */
#define GRAIN_RECORD_QUIC  3 /* a QUIC Initial */
#define GRAIN_RECORD_DNS   4 /* a DNS message without a question */

#define GRAIN_RECORD_FLAG_NEW     0x01 /* the name was not in this CPU's table */
#define GRAIN_RECORD_FLAG_SAMPLED 0x02 /* chosen by sampling */
#define GRAIN_RECORD_FLAG_EVICTED 0x04 /* `evicted` holds the count that made room */
#define GRAIN_RECORD_FLAG_STREAM  0x08 /* the bytes are a message put together, not a frame */
#define GRAIN_RECORD_FLAG_PARTIAL 0x10 /* the message goes on beyond what grain kept */

struct grain_record_header {
    __u8 type;
    __u8 version;
    __u8 hook;
    __u8 direction;
    __u16 header_length; /* of the whole record before the raw bytes */
    __u16 flags;         /* GRAIN_RECORD_FLAG_* */
    __u32 length;        /* header_length + raw bytes */
    __u32 cpu;
    __u64 time_ns;  /* CLOCK_BOOTTIME; under replay the capture's time */
    __u64 sequence; /* per CPU; a hole is a loss */
    __u32 source_slot;
    __u32 packet_length; /* on the wire */
};

struct grain_record {
    struct grain_record_header header;
    __u8 source[16];
    __u8 destination[16];
    __u16 source_port;
    __u16 destination_port;
    __u16 vlan[2];
    __u8 family;
    __u8 protocol;
    __u8 vlan_count;
    __u8 kind;            /* enum grain_name_kind */
    __u16 payload_offset; /* in the frame */
    __u16 type;           /* qtype */
    __u32 message_offset; /* where the DNS header or TLS record starts in the raw bytes */
    __u32 question;       /* which question of the DNS message, from 0 */
    __u64 name_hash;      /* 0: no name */
    __u16 segments;       /* TCP segments it took */
    __u16 disposition;
    __u32 tcp_sequence;
    __u64 frame; /* under replay: the number of the frame that completed the message; otherwise 0 */
    struct grain_name_slot evicted;
};

_Static_assert(sizeof(struct grain_record_header) == 40, "ABI");
_Static_assert(sizeof(struct grain_record) == 152, "ABI");

#endif
