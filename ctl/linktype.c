// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "linktype.h"
#include "say.h"

#define ETHERNET_BYTES 14
#define ETHERTYPE_FIRST \
    0x0600 /* IEEE 802.3: below this it is a length or another kind of protocol number */

enum form {
    FORM_PLAIN, /* as it is */
    FORM_COOKED,
    FORM_FAMILY,
};

/* `header`: bytes in front of layer 3 or of the protocol's payload. */
struct link_type {
    int number;
    enum form form;
    bool ethernet;
    uint8_t header;
};

/* Numbers as libpcap gives them: of raw IP it has three, by the system that wrote the file. */
static const struct link_type links[] = {
    {0, FORM_FAMILY, false, 4},   /* BSD loopback, the family in the byte order of the writer */
    {1, FORM_PLAIN, true, 14},    /* Ethernet */
    {12, FORM_PLAIN, false, 0},   /* raw IP */
    {14, FORM_PLAIN, false, 0},   /* raw IP */
    {101, FORM_PLAIN, false, 0},  /* raw IP */
    {108, FORM_FAMILY, false, 4}, /* OpenBSD loopback, the family in network byte order */
    {113, FORM_COOKED, true, 16}, /* Linux "cooked" */
    {228, FORM_PLAIN, false, 0},  /* IPv4 */
    {229, FORM_PLAIN, false, 0},  /* IPv6 */
    {276, FORM_COOKED, true, 20}, /* Linux "cooked", second version */
};

const struct link_type *link_type_find(int number)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i].number == number)
            return &links[i];
    return NULL;
}

bool link_type_ethernet(const struct link_type *link)
{
    return link->ethernet;
}

void link_buffer_free(struct link_buffer *buffer)
{
    free(buffer->bytes);
    buffer->bytes = NULL;
    buffer->size = 0;
}

static uint8_t *buffer_reserve(struct link_buffer *buffer, size_t size)
{
    if (size > buffer->size) {
        buffer->bytes = must(realloc(buffer->bytes, size));
        buffer->size = size;
    }
    return buffer->bytes;
}

static uint16_t load16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Address families of IPv4 and of IPv6 on Linux, Windows, OpenBSD and NetBSD, FreeBSD, Darwin. */
static bool family_is_ip(uint32_t family)
{
    return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 ||
           family == 30;
}

/* Layer 3 behind the family. What is not IP becomes zeros, which begin no IP header: as many as an
 * engine takes for a frame. */
static void family_frame(struct link_buffer *buffer, const struct capture_frame *in,
                         struct grain_frame *out)
{
    const uint8_t *p = in->data;
    uint32_t big = (uint32_t)load16(p) << 16 | load16(p + 2);

    out->data = p + 4;
    out->captured_length = in->captured_length - 4;
    out->wire_length = in->wire_length - 4;
    if (family_is_ip(big) || family_is_ip(__builtin_bswap32(big)))
        return;
    out->data = memset(buffer_reserve(buffer, ETHERNET_BYTES), 0, ETHERNET_BYTES);
    out->captured_length = ETHERNET_BYTES;
    if (out->wire_length < ETHERNET_BYTES)
        out->wire_length = ETHERNET_BYTES;
}

/* Both versions keep eight bytes for the source address; six of them fit. */
static void cooked_header(const struct link_type *link, const uint8_t *p, uint8_t *ethernet)
{
    bool first = link->header == 16;
    uint16_t protocol = load16(first ? p + 14 : p);
    uint32_t address = first ? load16(p + 4) : p[11];

    memset(ethernet, 0, ETHERNET_BYTES);
    memcpy(ethernet + 6, first ? p + 6 : p + 12, address < 6 ? address : 6);
    if (protocol < ETHERTYPE_FIRST)
        protocol = 0;
    ethernet[12] = protocol >> 8;
    ethernet[13] = protocol & 0xff;
}

static void cooked_frame(const struct link_type *link, struct link_buffer *buffer,
                         const struct capture_frame *in, struct grain_frame *out)
{
    uint32_t payload = in->captured_length - link->header;
    uint8_t *bytes = buffer_reserve(buffer, (size_t)ETHERNET_BYTES + payload);

    cooked_header(link, in->data, bytes);
    memcpy(bytes + ETHERNET_BYTES, in->data + link->header, payload);
    out->data = bytes;
    out->captured_length = ETHERNET_BYTES + payload;
    out->wire_length = in->wire_length - link->header + ETHERNET_BYTES;
}

void link_frame(const struct link_type *link, struct link_buffer *buffer,
                const struct capture_frame *in, struct grain_frame *out)
{
    out->data = in->data;
    out->captured_length = in->captured_length;
    out->wire_length = in->wire_length;
    out->time_ns = in->time_ns;
    out->number = in->number;
    if (link->form == FORM_PLAIN)
        return;
    if (in->captured_length < link->header)
        out->captured_length = 0;
    else if (link->form == FORM_FAMILY)
        family_frame(buffer, in, out);
    else
        cooked_frame(link, buffer, in, out);
}
