/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2; SNI RFC 6066; ALPN RFC 7301;
 * ECH RFC 9849), found by content on any TCP port. Helper-free.
 *
 * The window starts with a TLS record header. Where a hello spans several records, the caller has
 * taken the later record headers out and says so (`joined`).
 */
#ifndef GRAIN_PARSE_TLS_H
#define GRAIN_PARSE_TLS_H

#include "window.h"

#define GRAIN_TLS_RECORD_BYTES    5
#define GRAIN_TLS_HANDSHAKE_BYTES 4
#define GRAIN_TLS_RECORD_MAX      (16384 + 256)
#define GRAIN_TLS_HELLO_MAX       65535
#define GRAIN_TLS_EXTENSIONS_MAX  64
#define GRAIN_TLS_VERSIONS_MAX    32

#define GRAIN_TLS_EXTENSION_SNI      0
#define GRAIN_TLS_EXTENSION_ALPN     16
#define GRAIN_TLS_EXTENSION_VERSIONS 43
#define GRAIN_TLS_EXTENSION_ECH      0xfe0d

/* What a caller wants besides the server name; each costs time. */
#define GRAIN_TLS_WANT_SNI 0x0
#define GRAIN_TLS_WANT_ALL 0x1

/* Offsets count from the window's start; a length of 0 means "not there". */
struct grain_tls_hello {
    __u16 record_version;
    __u16 legacy_version;
    __u32 hello_length; /* the handshake message with its 4-byte header */
    __u32 random_offset;
    __u32 session_offset;
    __u32 session_length;
    __u32 ciphers_offset;
    __u32 ciphers_length;
    __u32 extensions_offset;
    __u32 extensions_length;
    __u32 sni_offset;
    __u32 sni_length;
    __u32 alpn_offset; /* the protocol list behind its length */
    __u32 alpn_length;
    __u32 versions_offset; /* the version list behind its length */
    __u32 versions_length;
    __u8 ech;
};

/* The first bytes of a record with a handshake message in it. */
static __always_inline bool grain_tls_record_plausible(const __u8 *p)
{
    __u32 length = grain_load16(p + 3);

    return p[0] == 0x16 && p[1] == 3 && p[2] <= 4 && length > 0 && length <= GRAIN_TLS_RECORD_MAX;
}

/*
 * Record header, handshake header and client version: the eleven bytes that every ClientHello
 * starts with. Sets hello_length, record_version and legacy_version.
 */
static __always_inline enum grain_parse_status
grain_tls_start_parse(const struct grain_window *w, __u32 *record, struct grain_tls_hello *out)
{
    const __u8 *p = grain_window_at(w, 0, 11);
    __u32 length;

    if (!p)
        return GRAIN_PARSE_CUT;
    if (!grain_tls_record_plausible(p) || p[5] != 1 || p[9] != 3 || p[10] > 4)
        return GRAIN_PARSE_OTHER;
    length = grain_load24(p + 6);
    /* Version, random, and three empty vectors, one of which must not be empty. */
    if (length < 2 + 32 + 1 + 2 + 2 + 1 + 1 || length > GRAIN_TLS_HELLO_MAX)
        return GRAIN_PARSE_OTHER;
    *record = grain_load16(p + 3);
    out->record_version = grain_load16(p + 1);
    out->legacy_version = grain_load16(p + 9);
    out->hello_length = length + GRAIN_TLS_HANDSHAKE_BYTES;
    return GRAIN_PARSE_OK;
}

/* Session id, cipher suites and compression methods; sets `at` behind them. */
static __always_inline enum grain_parse_status grain_tls_vectors_parse(const struct grain_window *w,
                                                                       __u64 end, __u64 *at,
                                                                       struct grain_tls_hello *out)
{
    __u64 offset = GRAIN_TLS_RECORD_BYTES + GRAIN_TLS_HANDSHAKE_BYTES + 2, session;
    const __u8 *p;

    out->random_offset = offset;
    offset += 32;
    p = grain_window_at(w, offset, 1);
    if (!p)
        return GRAIN_PARSE_CUT;
    if (*p > 32)
        return GRAIN_PARSE_MALFORMED;
    session = *p;
    /* Nearly all have 32 bytes: a branch is guessed, where a sum would wait for the byte. */
    if (session == 32) {
        session = 32;
        grain_opaque(session);
    }
    out->session_offset = offset + 1;
    out->session_length = session;
    offset += 1 + session;
    p = grain_window_at(w, offset, 2);
    if (!p)
        return GRAIN_PARSE_CUT;
    out->ciphers_offset = offset + 2;
    out->ciphers_length = grain_load16(p);
    if (out->ciphers_length < 2 || (out->ciphers_length & 1) ||
        offset + 2 + out->ciphers_length + 2 > end)
        return GRAIN_PARSE_MALFORMED;
    offset += 2 + out->ciphers_length;
    p = grain_window_at(w, offset, 1);
    if (!p)
        return GRAIN_PARSE_CUT;
    if (*p < 1 || offset + 1 + *p > end)
        return GRAIN_PARSE_MALFORMED;
    *at = grain_blur(offset + 1 + *p, w->zero, 0x3ffff);
    return GRAIN_PARSE_OK;
}

/* Take note of one extension, the first of its type, whose data of `length` bytes is at `offset`.
 */
static __always_inline void grain_tls_extension_note(__u32 type, __u32 offset, __u32 length,
                                                     struct grain_tls_hello *out)
{
    if (type == GRAIN_TLS_EXTENSION_SNI && !out->sni_offset) {
        out->sni_offset = offset;
        out->sni_length = length;
    } else if (type == GRAIN_TLS_EXTENSION_ALPN && !out->alpn_offset) {
        out->alpn_offset = offset;
        out->alpn_length = length;
    } else if (type == GRAIN_TLS_EXTENSION_VERSIONS && !out->versions_offset) {
        out->versions_offset = offset;
        out->versions_length = length;
    } else if (type == GRAIN_TLS_EXTENSION_ECH) {
        out->ech = 1;
    }
}

/* Walk the extensions up to `end`; for the server name alone, no further than to it. What the walk
 * came to is judged behind it. */
static __always_inline enum grain_parse_status
grain_tls_extensions_parse(const struct grain_window *w, __u64 offset, __u64 end, __u32 want,
                           struct grain_tls_hello *out)
{
    __u64 limit = end < w->length ? end : w->length, sni = 0;
    __u32 sni_length = 0;

    for (__u32 i = 0; i < GRAIN_TLS_EXTENSIONS_MAX; i++) {
        const __u8 *p;
        __u32 type, length;

        if (offset + 4 > limit)
            break;
        p = grain_window_at(w, offset, 4);
        if (!p)
            break;
        type = grain_load16_raw(p);
        length = grain_load16(p + 2);
        /* Only the length is waited for: the chain of lengths is what a hello costs. */
        offset += 4;
        grain_opaque(offset);
        offset += length;
        if (want == GRAIN_TLS_WANT_ALL) {
            if (offset > end)
                break;
            grain_tls_extension_note(__builtin_bswap16(type), offset - length, length, out);
        } else if (type == GRAIN_TLS_EXTENSION_SNI) {
            sni = offset - length;
            sni_length = length;
            break;
        }
    }
    if (want != GRAIN_TLS_WANT_ALL && sni) {
        out->sni_offset = grain_blur(sni, w->zero, 0x3ffff);
        out->sni_length = sni_length;
        return offset > end ? GRAIN_PARSE_MALFORMED : GRAIN_PARSE_OK;
    }
    if (offset == end)
        return GRAIN_PARSE_OK;
    if (offset + 4 > end)
        return GRAIN_PARSE_MALFORMED;
    /* More extensions than are walked: what there is stands; or the window ends. */
    return offset + 4 > limit ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK;
}

/* From the extension's data to the host name in it; leaves sni_length 0 where there is none. */
static __always_inline enum grain_parse_status grain_tls_sni_parse(const struct grain_window *w,
                                                                   struct grain_tls_hello *out)
{
    __u32 extension = out->sni_length;
    const __u8 *p;
    __u32 list, length;

    out->sni_length = 0;
    if (extension < 5)
        return extension == 0 ? GRAIN_PARSE_OK : GRAIN_PARSE_MALFORMED;
    p = grain_window_at(w, out->sni_offset, 5);
    if (!p)
        return GRAIN_PARSE_CUT;
    list = grain_load16(p);
    length = grain_load16(p + 3);
    if (list + 2 != extension || length + 3 > list)
        return GRAIN_PARSE_MALFORMED;
    if (p[2] != 0 || length == 0 || length > 255)
        return GRAIN_PARSE_MALFORMED;
    out->sni_offset += 5;
    if (!grain_window_at(w, out->sni_offset + length - 1, 1))
        return GRAIN_PARSE_CUT;
    out->sni_length = length;
    return GRAIN_PARSE_OK;
}

/* Lists that carry their own length: ALPN two bytes of it, supported_versions one. */
static __always_inline void grain_tls_lists_parse(const struct grain_window *w,
                                                  struct grain_tls_hello *out)
{
    const __u8 *p;

    p = out->alpn_length > 2 ? grain_window_at(w, out->alpn_offset, 2) : NULL;
    out->alpn_offset += 2;
    out->alpn_length = p && grain_load16(p) + 2u == out->alpn_length ? out->alpn_length - 2 : 0;
    p = out->versions_length > 2 ? grain_window_at(w, out->versions_offset, 1) : NULL;
    out->versions_offset += 1;
    out->versions_length = p && *p + 1u == out->versions_length ? out->versions_length - 1 : 0;
}

/*
 * Parse a ClientHello. CUT: more bytes are needed (or, unless `joined`, the hello goes on in
 * another record); what was found up to there is in `out`, a server name only when all its bytes
 * are there.
 */
static __always_inline enum grain_parse_status grain_tls_hello_parse(const struct grain_window *w,
                                                                     bool joined, __u32 want,
                                                                     struct grain_tls_hello *out)
{
    enum grain_parse_status status, sni = GRAIN_PARSE_OK;
    __u64 at, end;
    __u32 record;
    const __u8 *p;

    status = grain_tls_start_parse(w, &record, out);
    if (status != GRAIN_PARSE_OK)
        return status;
    end = GRAIN_TLS_RECORD_BYTES + out->hello_length;
    if (!joined && out->hello_length > record)
        return GRAIN_PARSE_CUT;
    status = grain_tls_vectors_parse(w, end, &at, out);
    if (status != GRAIN_PARSE_OK)
        return status;
    if (at == end)
        return w->length < end ? GRAIN_PARSE_CUT : GRAIN_PARSE_OK;
    p = grain_window_at(w, at, 2);
    if (!p)
        return GRAIN_PARSE_CUT;
    out->extensions_offset = at + 2;
    out->extensions_length = grain_load16(p);
    if (at + 2 + out->extensions_length != end)
        return GRAIN_PARSE_MALFORMED;
    status = grain_tls_extensions_parse(w, at + 2, end, want, out);
    if (out->sni_offset)
        sni = grain_tls_sni_parse(w, out);
    if (want & GRAIN_TLS_WANT_ALL)
        grain_tls_lists_parse(w, out);
    /* A server name that contradicts itself is none; the hello is still a hello. */
    if (status == GRAIN_PARSE_OK && sni == GRAIN_PARSE_CUT)
        status = sni;
    if (status == GRAIN_PARSE_OK && w->length < end)
        status = GRAIN_PARSE_CUT;
    return status;
}

/* GREASE values (RFC 8701) are ignored in lists. */
static __always_inline bool grain_tls_is_grease(__u16 value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

#endif
