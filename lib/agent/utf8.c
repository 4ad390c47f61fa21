// SPDX-License-Identifier: GPL-2.0-only
#include "utf8.h"

#include <string.h>

static size_t utf8_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t grain_utf8_decode(const char *text, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = utf8_length((uint8_t)text[0]);
    uint32_t character = (uint8_t)text[0];

    if (length > 1)
        character &= 0xff >> (length + 1);
    for (size_t i = 1; i < length; i++) {
        /* A NUL is no continuation: nothing behind the end is read. */
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | ((uint8_t)text[i] & 0x3f);
    }
    if (!length || character < least[length] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *out = character;
    return length;
}

bool grain_utf8_printable(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } bad[] = {
        {0, 0x1f},           {0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},
        {0x61c, 0x61c},      {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x115f, 0x1160},
        {0x17b4, 0x17b5},    {0x180b, 0x180f},   {0x2000, 0x200f},   {0x2028, 0x202f},
        {0x205f, 0x206f},    {0x3000, 0x3000},   {0x3164, 0x3164},   {0xe000, 0xf8ff},
        {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xffff},
        {0x110bd, 0x110bd},  {0x13430, 0x1345f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0000, 0x10ffff},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (character >= bad[i].first && character <= bad[i].last)
            return false;
    return true;
}

bool grain_utf8_valid(const char *text)
{
    uint32_t character;
    size_t length;

    for (; *text; text += length) {
        length = grain_utf8_decode(text, &character);
        if (!length)
            return false;
    }
    return true;
}

size_t grain_utf8_escape(char *out, size_t size, const char *text, size_t *characters)
{
    size_t at = 0, places = 0;
    uint32_t character;

    while (*text) {
        size_t length = grain_utf8_decode(text, &character);
        unsigned char byte = (unsigned char)*text;
        bool plain = length && grain_utf8_printable(character);

        if (size - at <= (plain ? length : 4))
            break;
        if (plain) {
            memcpy(out + at, text, length);
            at += length;
            text += length;
            places++;
            continue;
        }
        out[at++] = '\\';
        out[at++] = (char)('0' + byte / 100);
        out[at++] = (char)('0' + byte / 10 % 10);
        out[at++] = (char)('0' + byte % 10);
        text++;
        places += 4;
    }
    out[at] = 0;
    if (characters)
        *characters = places;
    return at;
}

bool grain_utf8_sound(const char *text, size_t length)
{
    char one[5] = "";
    uint32_t character;

    while (length) {
        size_t size;

        /* With a NUL behind it, so that nothing beyond the end is read. */
        memcpy(one, text, length < 4 ? length : 4);
        one[length < 4 ? length : 4] = 0;
        size = *one ? grain_utf8_decode(one, &character) : 0;
        if (!size)
            return false;
        text += size;
        length -= size;
    }
    return true;
}
