/* SPDX-License-Identifier: GPL-2.0-only */
/* QUIC Initial packets of version 1 (RFC 9000 section 17.2.2) and 2 (RFC 9369), found by content.
 * Helper-free. */
#ifndef GRAIN_PARSE_QUIC_H
#define GRAIN_PARSE_QUIC_H

#include "window.h"

#define GRAIN_QUIC_VERSION_1 0x00000001
#define GRAIN_QUIC_VERSION_2 0x6b3343cf
#define GRAIN_QUIC_CID_MAX   20

struct grain_quic_initial {
    __u32 version;
    __u32 dcid_offset;
    __u32 dcid_length;
    __u32 scid_offset;
    __u32 scid_length;
};

/* Long header and packet type Initial; the fixed bit may be greased (RFC 9287). `first` is the
 * datagram's first byte. */
static __always_inline bool grain_quic_first_byte_plausible(__u8 first, __u32 version)
{
    __u8 initial = version == GRAIN_QUIC_VERSION_2 ? 0x90 : 0x80;

    return (first & 0xb0) == initial;
}

static __always_inline enum grain_parse_status
grain_quic_initial_parse(const struct grain_window *w, struct grain_quic_initial *out)
{
    const __u8 *p = grain_window_at(w, 0, 6);
    __u64 offset;

    if (!p)
        return GRAIN_PARSE_OTHER;
    out->version = grain_load32(p + 1);
    if (out->version != GRAIN_QUIC_VERSION_1 && out->version != GRAIN_QUIC_VERSION_2)
        return GRAIN_PARSE_OTHER;
    if (!grain_quic_first_byte_plausible(p[0], out->version))
        return GRAIN_PARSE_OTHER;
    out->dcid_offset = 6;
    out->dcid_length = p[5];
    if (out->dcid_length > GRAIN_QUIC_CID_MAX)
        return GRAIN_PARSE_MALFORMED;
    offset = 6 + out->dcid_length;
    p = grain_window_at(w, offset, 1);
    if (!p)
        return GRAIN_PARSE_CUT;
    out->scid_offset = offset + 1;
    out->scid_length = *p;
    if (out->scid_length > GRAIN_QUIC_CID_MAX)
        return GRAIN_PARSE_MALFORMED;
    /* Token length, packet length and packet number follow: at least one byte of token length must
     * be there. */
    if (!grain_window_at(w, offset + 1 + out->scid_length, 1))
        return GRAIN_PARSE_CUT;
    return GRAIN_PARSE_OK;
}

#endif
