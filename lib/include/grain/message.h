/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as messages: what a DNS message, a ClientHello or a QUIC Initial says, read with the same
 * parsers that run in the kernel from the raw bytes of a record.
 *
 * Integers are in host byte order. Pointers lead into the record's bytes and live as long as they
 * do.
 */
#ifndef GRAIN_MESSAGE_H
#define GRAIN_MESSAGE_H

#include <grain/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRAIN_MESSAGE_LIST_MAX 64

enum grain_message_kind {
    GRAIN_MESSAGE_DNS,
    GRAIN_MESSAGE_TLS,
    GRAIN_MESSAGE_QUIC,
};

struct grain_edns {
    bool present;
    uint8_t version;
    uint8_t extended_rcode;
    uint16_t udp_size;
    bool dnssec_ok;
};

struct grain_dns_message {
    uint16_t id;
    uint16_t flags;
    uint16_t questions, answers, authorities, additionals;
    uint16_t rcode; /* with EDNS' upper bits when EDNS is present */
    uint8_t opcode;
    bool response;
    bool has_question;
    uint32_t question; /* its index */
    uint16_t type, class;
    uint8_t name[GRAIN_NAME_LENGTH_MAX + 1]; /* wire form, case as on the wire, decompressed */
    size_t name_length;
    struct grain_edns edns;
};

struct grain_tls_message {
    uint16_t record_version, legacy_version;
    uint16_t version; /* the highest offered, GREASE left aside */
    uint32_t hello_length;
    const uint8_t *random; /* 32 bytes, or NULL when cut */
    const uint8_t *sni;
    size_t sni_length; /* 0: none */
    uint16_t versions[GRAIN_MESSAGE_LIST_MAX];
    size_t versions_count;
    struct {
        const uint8_t *name;
        size_t length;
    } alpn[GRAIN_MESSAGE_LIST_MAX];
    size_t alpn_count;
    bool ech;
    bool partial;
};

struct grain_quic_message {
    uint32_t version;
    const uint8_t *dcid, *scid;
    size_t dcid_length, scid_length;
};

struct grain_message {
    enum grain_message_kind kind;
    union {
        struct grain_dns_message dns;
        struct grain_tls_message tls;
        struct grain_quic_message quic;
    };
};

/* Read a record. -EBADMSG: the bytes do not hold what the record says, e.g. because they were cut.
 */
GRAIN_API int grain_message_parse(struct grain_message *out, const struct grain_record *record,
                                  const uint8_t *bytes, size_t length);

/*
 * A DNS name in presentation form (RFC 1035 5.1): lower case when `fold`, bytes outside [!-~] and
 * the special ones as \DDD or \c; the root is ".". Writes at most `size` bytes and a NUL; returns
 * the length, or -EINVAL for bytes that are not a name, or -ENOSPC. 1,024 bytes always suffice.
 */
#define GRAIN_NAME_TEXT_MAX 1024
GRAIN_API int grain_dns_name_text(char *out, size_t size, const uint8_t *name, size_t length,
                                  bool fold);
/* The same escapes for a server name, which has no labels. */
GRAIN_API int grain_host_name_text(char *out, size_t size, const uint8_t *name, size_t length,
                                   bool fold);

/* Mnemonics, or TYPE123 / CLASS123 (RFC 3597) / RCODE123 written into `buffer` (16 bytes). */
GRAIN_API const char *grain_dns_type_text(uint16_t type, char buffer[16]);
GRAIN_API const char *grain_dns_class_text(uint16_t class_, char buffer[16]);
GRAIN_API const char *grain_dns_rcode_text(uint16_t rcode, char buffer[16]);
/* "TLS 1.3", or 0x1234 for versions without a name. */
GRAIN_API const char *grain_tls_version_text(uint16_t version, char buffer[16]);

#ifdef __cplusplus
}
#endif

#endif
