// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts come from packets, from file names and from libraries. The terminal's character set is not
 * asked for: UTF-8 is what terminals speak, and an escape is what remains of everything else.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

void *must(void *pointer)
{
    if (!pointer) {
        fputs("grainctl: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return pointer;
}

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

/* The character at `text` and its length; 0: not valid UTF-8 (RFC 3629). */
static size_t utf8_decode(const char *text, uint32_t *out)
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

/* Characters that take one place and stay where they are put: no controls, no format or separator
 * characters, no private ones. */
static bool printable(uint32_t c)
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
        if (c >= bad[i].first && c <= bad[i].last)
            return false;
    return true;
}

bool utf8_valid(const char *text)
{
    uint32_t character;
    size_t length;

    for (; *text; text += length) {
        length = utf8_decode(text, &character);
        if (!length)
            return false;
    }
    return true;
}

char *escape_text(const char *text)
{
    char *out = must(malloc(4 * strlen(text) + 1)), *to = out;
    uint32_t character;

    while (*text) {
        size_t length = utf8_decode(text, &character);

        if (length && printable(character)) {
            memcpy(to, text, length);
            to += length;
            text += length;
            continue;
        }
        to += sprintf(to, "\\%03u", (uint8_t)*text++);
    }
    *to = '\0';
    return out;
}

void say(const char *format, ...)
{
    char *text = NULL, *escaped;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    must(length < 0 ? NULL : text);
    escaped = escape_text(text);
    fprintf(stderr, "grainctl: %s\n", escaped);
    free(escaped);
    free(text);
}
