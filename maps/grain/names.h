/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The name tables.
 *
 * grain_counts: per-CPU array of buckets, two slots a bucket, found by the keyed hash of (kind,
 * type, length, folded name). A name may live in its first bucket (low hash bits) or its second
 * (high hash bits). grain_texts: one array shared by all CPUs, of buckets of eight texts with their
 * hashes in front, so that whether a text is there is seen in one place, or two. Two CPUs may write
 * a slot at once: a reader recomputes the hash from the text and discards what does not agree.
 *
 * All integers are in host byte order. A slot whose hash is 0 is empty.
 */
#ifndef GRAIN_NAMES_H
#define GRAIN_NAMES_H

#include <linux/types.h>

/* X(number, NAME, "name", disposition) */
#define GRAIN_NAME_KINDS(X)                                \
    X(0, NONE, "none", NON_IP)                             \
    X(1, DNS_QUERY, "dns_query", DNS_QUERY)                \
    X(2, DNS_RESPONSE, "dns_response", DNS_RESPONSE)       \
    X(3, MDNS_QUERY, "mdns_query", MDNS_QUERY)             \
    X(4, MDNS_RESPONSE, "mdns_response", MDNS_RESPONSE)    \
    X(5, LLMNR_QUERY, "llmnr_query", LLMNR_QUERY)          \
    X(6, LLMNR_RESPONSE, "llmnr_response", LLMNR_RESPONSE) \
    X(7, TLS_SNI, "tls_sni", TLS_HELLO)

enum grain_name_kind {
#define X(number, NAME, name, disposition) GRAIN_NAME_##NAME = number,
    GRAIN_NAME_KINDS(X)
#undef X
        GRAIN_NAME_KIND_COUNT
};

#define GRAIN_NAME_KIND_MAX 16

/* RFC 1035 2.3.4: a name is at most 255 bytes on the wire, the root's zero byte included. */
#define GRAIN_NAME_LENGTH_MAX 255

#define GRAIN_BUCKET_SLOTS 2

struct grain_name_slot {
    __u64 hash;       /* 0: empty */
    __u64 count;      /* packets, or messages where one packet carries several */
    __u32 first_seen; /* ticks, low 32 bits */
    __u32 last_seen;  /* ticks, low 32 bits */
    __u16 type;       /* DNS: qtype; TLS: 0 */
    __u8 kind;        /* enum grain_name_kind */
    __u8 length;      /* bytes of the name as hashed */
    __u32 reserved;
};

struct grain_name_bucket {
    struct grain_name_slot slots[GRAIN_BUCKET_SLOTS];
};

/* A folded name: DNS in wire form with its final zero byte, SNI as bytes without a length. */
struct grain_text_slot {
    __u32 first_seen;
    __u16 type;
    __u8 kind;
    __u8 length;
    __u8 text[GRAIN_NAME_LENGTH_MAX + 1];
};

#define GRAIN_TEXT_WAYS 8

struct grain_text_bucket {
    __u64 hash[GRAIN_TEXT_WAYS]; /* 0: empty; the text of the same number belongs to it */
    struct grain_text_slot slots[GRAIN_TEXT_WAYS];
};

/* The two buckets of a hash, to be masked with the number of buckets minus one. A text is in one of
 * them; in the second only if the first was half full when it came. */
static inline __u32 grain_text_bucket_of(__u64 hash)
{
    return (__u32)(hash >> 16);
}

static inline __u32 grain_text_second_of(__u64 hash)
{
    return (__u32)(hash >> 40);
}

_Static_assert(sizeof(struct grain_name_slot) == 32, "ABI");
_Static_assert(sizeof(struct grain_name_bucket) == 64, "one cache line");
_Static_assert(sizeof(struct grain_text_slot) == 264, "ABI");
_Static_assert(sizeof(struct grain_text_bucket) == 2176, "ABI");

#endif
