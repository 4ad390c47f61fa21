/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each CPU keeps for itself: counters, budgets, and the scratch of the packet in hand; and the
 * totals per source slot.
 */
#ifndef GRAIN_CPU_H
#define GRAIN_CPU_H

#include <linux/types.h>
#include <grain/counters.h>
#include <grain/dispositions.h>
#include <grain/names.h>
#include <grain/packet.h>
#include <grain/record.h>

/* The per-CPU copy that parsers read where packet bytes are not in one piece; readable beyond its
 * end by as much again. */
#define GRAIN_WINDOW_BYTES 4096

/* Questions of one message, and DNS messages of one TCP segment, that grain reads; the verifier's
 * patience sets the bound. */
#define GRAIN_QUESTIONS_PER_MESSAGE 16
#define GRAIN_MESSAGES_PER_SEGMENT  8

struct grain_totals {
    __u64 packets[GRAIN_DISPOSITION_MAX];
    __u64 bytes[GRAIN_DISPOSITION_MAX];
    __u64
        segments; /* of the network beyond one a packet: a GSO packet of n segments counts n - 1 */
    __u64 reserved;
};

struct grain_budget {
    __u64 refilled; /* ticks */
    __u64 tokens;
};

/* Where the DNS stage stands in a packet. Offsets count from the window's start. */
struct grain_dns_cursor {
    __u32 offset;
    __u32 message;     /* the DNS header */
    __u32 message_end; /* as the length prefix or the datagram says */
    __u32 length;      /* of the window */
    __u32 questions_left;
    __u32 question;
    __u32 messages; /* recognised so far in this packet */
    __u32 from; /* payload offset to set out from; GRAIN_FLOW_NOT_MINE: from the start, if a gate
                   says so */
    __u8 kind;
    __u8 tcp;
    __u8 rule; /* GRAIN_DNS_*: how much doubt is allowed */
    __u8 reserved;
};

/* One name on its way into the tables. */
struct grain_name_job {
    __u64 hash;
    __u32 offset; /* in the window; an expanded name has its own */
    __u32 message;
    __u32 question;
    __u16 length;
    __u16 type;
    __u8 kind;
    __u8 expanded;
    __u8 partial;  /* the message goes on beyond what is here */
    __u8 slot;     /* which of the four slots a new name takes */
    __u8 nameless; /* a message without a question */
    __u8 reserved[7];
};

/* Expanding a compressed name: see xdp/parse/dns.h. */
struct grain_dns_expansion {
    __u32 message; /* offset of the DNS header */
    __u32 at;      /* offset of the next label */
    __u32 lowest;  /* pointers lead before this */
    __u32 filled;  /* bytes of the name so far */
    __u32 after;   /* offset behind the name where it stands; 0: no pointer met yet */
    __u32 label;   /* bytes of the current label still to come */
};

/* What the hot path needs of a ClientHello; offsets count from the window's start. */
struct grain_hello_note {
    __u32 sni_offset;
    __u32 sni_length; /* 0: no server name */
};

struct grain_cpu {
    __u64 counters[GRAIN_COUNTER_MAX];
    __u64 names[GRAIN_NAME_KIND_MAX];        /* names counted, by kind */
    __u64 unattributed[GRAIN_NAME_KIND_MAX]; /* counts that left the tables without an event, by
                                                kind */
    struct grain_budget new_budget;
    struct grain_budget sample_budget;
    __u64 sequence;
    __u32 countdown;
    __u32 flow_slot; /* of grain_flows: the one in hand */
    __u64 flow_hash;
    struct grain_packet packet;
    struct grain_dns_cursor dns;
    struct grain_name_job job;
    struct grain_hello_note hello;
    struct grain_dns_expansion expansion;
    struct grain_record record;
    struct grain_name_slot evicted; /* what made room for the name in hand */
    __u8 folded[256];               /* the name in hand, folded, as it is hashed */
    __u8 name[512];                 /* an expanded name, from its ninth byte on */
    __u8 window[2 * GRAIN_WINDOW_BYTES];
};

_Static_assert(sizeof(struct grain_totals) == 784, "ABI");
_Static_assert(sizeof(struct grain_cpu) % 8 == 0, "per-CPU values are rounded to 8");

#endif
