/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State of messages that did not end in the segment they began in: a ClientHello or a DNS message
 * over TCP.
 *
 * One table for all CPUs, because the segments of a flow can arrive on different ones.
 * grain_flow_tags holds four 16-bit tags a bucket, so that a packet of no such flow costs one load;
 * grain_flows holds the slots, four a bucket. A slot belongs to whoever turned its state to BUSY
 * under its lock; only the owner touches the bytes.
 */
#ifndef GRAIN_FLOW_H
#define GRAIN_FLOW_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <grain/record.h>

#define GRAIN_FLOW_WAYS 4

#define GRAIN_FLOW_FREE    0
#define GRAIN_FLOW_PENDING 1
#define GRAIN_FLOW_BUSY    2

#define GRAIN_FLOW_TLS 1
#define GRAIN_FLOW_DNS 2

/* The longest message kept; a longer ClientHello is read as far as this goes. */
#define GRAIN_FLOW_BYTES 4096
/* One copy moves at most this much; the buffer has as much beyond its end, for the verifier's
 * arithmetic. */
#define GRAIN_FLOW_CHUNK 2048
/* A DNS message is kept until its question is complete, the rest is passed over: header, name,
 * type, class and length. */
#define GRAIN_FLOW_DNS_BYTES 512

struct grain_flow_tags {
    __u16 tags[GRAIN_FLOW_WAYS]; /* 0: empty */
};

struct grain_flow {
    struct bpf_spin_lock lock;
    __u32 state; /* GRAIN_FLOW_FREE, _PENDING, _BUSY */
    __u64 hash;  /* keyed, of addresses, ports, VLANs and source slot */
    __u32 next_sequence;
    __u32 deadline;     /* ticks, low 32 bits */
    __u32 skip;         /* DNS: bytes to pass over before the next message */
    __u32 filled;       /* bytes kept */
    __u32 wanted;       /* bytes that complete the message; 0: not known yet */
    __u32 record_left;  /* TLS: bytes left of the current record */
    __u32 header_bytes; /* TLS: bytes of the next record header that have come */
    __u32 way;          /* its place in the bucket */
    __u16 segments;
    __u8 kind; /* GRAIN_FLOW_TLS, _DNS */
    __u8 records;
    __u32 reserved;
    __u8 header[16]; /* TLS: the next record header */
    struct grain_record record;
    __u8 bytes[GRAIN_FLOW_BYTES + GRAIN_FLOW_CHUNK];
};

_Static_assert(sizeof(struct grain_flow_tags) == 8, "one load");
_Static_assert(__builtin_offsetof(struct grain_flow, bytes) ==
                   __builtin_offsetof(struct grain_flow, record) + sizeof(struct grain_record),
               "an event is the record with the bytes behind it");

#endif
