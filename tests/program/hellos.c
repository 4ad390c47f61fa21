// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hellos.h"

/* One direction of a TCP connection: a packet's view of it. */
struct segment {
    uint8_t key[36]; /* addresses and ports */
    uint32_t sequence;
    const uint8_t *data;
    size_t length;
};

static uint32_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

/* Where the IP header is; -1: there is none. */
static int ip_offset(int link, const uint8_t *p, size_t length)
{
    size_t at = 12;

    if (link != CAPTURE_ETHERNET)
        return capture_link_header(link);
    while (at + 4 <= length && (get16(p + at) == 0x8100 || get16(p + at) == 0x88a8))
        at += 4;
    if (at + 2 > length || (get16(p + at) != 0x0800 && get16(p + at) != 0x86dd))
        return -1;
    return (int)(at + 2);
}

/* Plain IPv4 and IPv6 only: what has extension headers or is a fragment is left alone. */
static bool read_segment(int link, const struct capture_packet *packet, struct segment *out)
{
    const uint8_t *p = packet->data, *tcp;
    int ip = ip_offset(link, p, packet->captured);
    size_t header, total, left;

    if (ip < 0 || (size_t)ip + 40 > packet->captured)
        return false;
    p += ip;
    left = packet->captured - ip;
    memset(out->key, 0, sizeof(out->key));
    if (p[0] >> 4 == 4) {
        header = (p[0] & 15) * 4;
        total = get16(p + 2);
        if (p[9] != 6 || get16(p + 6) & 0x3fff)
            return false;
        memcpy(out->key, p + 12, 8);
    } else {
        header = 40;
        total = 40 + get16(p + 4);
        if (p[0] >> 4 != 6 || p[6] != 6)
            return false;
        memcpy(out->key, p + 8, 32);
    }
    if (total > left)
        total = left;
    if (total < header + 20)
        return false;
    tcp = p + header;
    header += (tcp[12] >> 4) * 4;
    if (total < header || tcp[13] & 2)
        return false;
    memcpy(out->key + 32, tcp, 4);
    out->sequence = get32(tcp + 4);
    out->data = p + header;
    out->length = total - header;
    return true;
}

/* The stream from segment `first` on, as far as it comes without a hole. */
static size_t rebuild(const struct segment *segments, size_t count, size_t first, uint8_t *stream)
{
    static uint8_t have[HELLO_ROOM];
    uint32_t start = segments[first].sequence;
    size_t length = 0;

    memset(have, 0, sizeof(have));
    for (size_t i = first; i < count; i++) {
        uint32_t at = segments[i].sequence - start;

        if (!segments[i].data || memcmp(segments[i].key, segments[first].key, 36))
            continue;
        for (size_t n = 0; n < segments[i].length; n++, at++) {
            if (at >= HELLO_ROOM || have[at])
                continue;
            have[at] = 1;
            stream[at] = segments[i].data[n];
        }
    }
    while (length < HELLO_ROOM && have[length])
        length++;
    return length;
}

int hello_name(const uint8_t *joined, size_t length, char sni[256])
{
    size_t at = 5 + 4 + 2 + 32, end;

    sni[0] = 0;
    if (at + 1 > length || joined[at] > 32)
        return -1;
    at += 1 + joined[at];
    if (at + 2 > length || get16(joined + at) < 2 || get16(joined + at) % 2)
        return -1;
    at += 2 + get16(joined + at);
    if (at + 1 > length || joined[at] == 0)
        return -1;
    at += 1 + joined[at];
    if (at == length)
        return 0;
    if (at + 2 > length)
        return -1;
    end = at + 2 + get16(joined + at);
    if (end != length)
        return -1;
    for (at += 2; at + 4 <= end; at += 4 + get16(joined + at + 2)) {
        size_t extension = get16(joined + at + 2), name;

        if (at + 4 + extension > end)
            return -1;
        if (get16(joined + at) != 0 || extension == 0)
            continue;
        name = extension < 5 ? 0 : get16(joined + at + 4 + 3);
        if (name == 0 || name > 255 || name + 5 != extension)
            return -1;
        for (size_t i = 0; i < name; i++)
            sni[i] = tolower(joined[at + 9 + i]);
        sni[name] = 0;
    }
    return at == end ? 0 : -1;
}

/* Take the records apart; false unless a whole hello is there. */
static bool take_apart(const uint8_t *stream, size_t length, struct found_hello *out)
{
    uint8_t message[HELLO_ROOM];
    size_t at = 0, filled = 0, wanted = 4;

    out->records = 0;
    while (filled < wanted) {
        size_t record, piece;

        if (at + 5 > length || stream[at] != 0x16 || stream[at + 1] != 3)
            return false;
        record = get16(stream + at + 3);
        at += 5;
        for (piece = 0; piece < record && filled < wanted; piece++) {
            if (at >= length || filled >= sizeof(message))
                return false;
            message[filled++] = stream[at++];
            if (filled == 4)
                wanted = 4 + (message[1] << 16 | get16(message + 2));
        }
        out->records++;
    }
    if (message[0] != 1 || filled < 42)
        return false;
    out->wire_length = at;
    out->wire = malloc(at);
    out->joined_length = 5 + filled;
    out->joined = malloc(5 + filled);
    if (!out->wire || !out->joined)
        abort();
    memcpy(out->wire, stream, at);
    memcpy(out->joined, stream, 5);
    memcpy(out->joined + 5, message, filled);
    return true;
}

static bool looks_like_earlier(const struct hello_list *list, const struct found_hello *hello)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct found_hello *h = &list->hellos[i];

        if (h->wire_length == hello->wire_length && h->records == hello->records &&
            strlen(h->sni) == strlen(hello->sni))
            return true;
    }
    return false;
}

static void add(struct hello_list *list, struct found_hello *hello, const char *path, size_t frame)
{
    list->seen++;
    if (looks_like_earlier(list, hello)) {
        free(hello->wire);
        free(hello->joined);
        return;
    }
    list->hellos = reallocarray(list->hellos, list->count + 1, sizeof(*hello));
    if (!list->hellos)
        abort();
    hello->path = strdup(path);
    hello->frame = frame;
    list->hellos[list->count++] = *hello;
}

void hellos_collect(const char *path, const struct capture *capture, void *user)
{
    struct segment *segments = calloc(capture->count + 1, sizeof(*segments));
    static uint8_t stream[HELLO_ROOM];

    if (!segments)
        abort();
    for (size_t i = 0; i < capture->count; i++)
        if (!read_segment(capture->link, &capture->packets[i], &segments[i]))
            segments[i].data = NULL;
    for (size_t i = 0; i < capture->count; i++) {
        const struct segment *s = &segments[i];
        struct found_hello hello = {0};
        size_t length;

        if (!s->data || s->length < 6 || s->data[0] != 0x16 || s->data[1] != 3 || s->data[2] > 4 ||
            s->data[5] != 1)
            continue;
        length = rebuild(segments, capture->count, i, stream);
        if (!take_apart(stream, length, &hello))
            continue;
        if (hello_name(hello.joined, hello.joined_length, hello.sni)) {
            free(hello.wire);
            free(hello.joined);
            continue;
        }
        add(user, &hello, path, i + 1);
    }
    free(segments);
}

void hellos_free(struct hello_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->hellos[i].path);
        free(list->hellos[i].wire);
        free(list->hellos[i].joined);
    }
    free(list->hellos);
    memset(list, 0, sizeof(*list));
}
