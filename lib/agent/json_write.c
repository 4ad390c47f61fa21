// SPDX-License-Identifier: GPL-2.0-only
#include "json_write.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static const char digits[] = "0123456789abcdef";

/* Room for `more` bytes behind what is there; NULL: there is none, now or before. */
static char *reserve(struct grain_json *w, size_t more)
{
    char *text;
    size_t room;

    if (w->failed)
        return NULL;
    if (w->room - w->length >= more)
        return w->text + w->length;
    room = 2 * w->room + more + 4096;
    text = realloc(w->text, room);
    if (!text) {
        w->failed = true;
        return NULL;
    }
    w->text = text;
    w->room = room;
    return text + w->length;
}

int grain_json_reserve(struct grain_json *w, size_t bytes)
{
    char *text = w->room < bytes ? realloc(w->text, bytes) : w->text;

    if (!text)
        return -ENOMEM;
    w->text = text;
    if (w->room < bytes) {
        explicit_bzero(text + w->length, bytes - w->length);
        w->room = bytes;
    }
    return 0;
}

static void put(struct grain_json *w, const char *text, size_t length)
{
    char *to = reserve(w, length);

    if (!to)
        return;
    memcpy(to, text, length);
    w->length += length;
}

static void put_byte(struct grain_json *w, char byte)
{
    put(w, &byte, 1);
}

/* The comma and the key in front of a value. */
static void put_key(struct grain_json *w, const char *key)
{
    const char *last = w->length ? w->text + w->length - 1 : "{";

    if (!strchr("{[:\n", *last))
        put_byte(w, ',');
    if (!key)
        return;
    put_byte(w, '"');
    put(w, key, strlen(key));
    put(w, "\":", 2);
}

void grain_json_object(struct grain_json *w, const char *key)
{
    put_key(w, key);
    put_byte(w, '{');
}

void grain_json_list(struct grain_json *w, const char *key)
{
    put_key(w, key);
    put_byte(w, '[');
}

void grain_json_end_object(struct grain_json *w)
{
    put_byte(w, '}');
}

void grain_json_end_list(struct grain_json *w)
{
    put_byte(w, ']');
}

/* RFC 8259 section 7: quotation mark, backslash and control characters. What is not UTF-8 cannot be
 * said, and becomes \\DDD. */
static void put_escaped(struct grain_json *w, unsigned char byte)
{
    const char control[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xf]};
    const char plain[] = {'\\', (char)byte};
    const char decimal[] = {'\\', '\\', (char)('0' + byte / 100), (char)('0' + byte / 10 % 10),
                            (char)('0' + byte % 10)};

    if (byte < 0x20)
        put(w, control, sizeof(control));
    else if (byte < 0x80)
        put(w, plain, sizeof(plain));
    else
        put(w, decimal, sizeof(decimal));
}

/* Bytes of `text` that stay as they are. */
static size_t plain_length(const char *text)
{
    const char *at = text;

    for (;;) {
        unsigned char byte = (unsigned char)*at;
        uint32_t character;
        size_t length = 1;

        if (byte >= 0x80)
            length = grain_utf8_decode(at, &character);
        else if (byte < 0x20 || byte == '"' || byte == '\\')
            length = 0;
        if (!length)
            return (size_t)(at - text);
        at += length;
    }
}

static void put_text(struct grain_json *w, const char *text)
{
    put_byte(w, '"');
    for (;;) {
        size_t plain = plain_length(text);

        put(w, text, plain);
        text += plain;
        if (!*text)
            break;
        put_escaped(w, (unsigned char)*text++);
    }
    put_byte(w, '"');
}

void grain_json_text(struct grain_json *w, const char *key, const char *text)
{
    put_key(w, key);
    put_text(w, text);
}

void grain_json_pair(struct grain_json *w, const char *key, const char *text)
{
    put_key(w, NULL);
    put_text(w, key);
    put_byte(w, ':');
    put_text(w, text);
}

void grain_json_number(struct grain_json *w, const char *key, uint64_t number)
{
    char text[20];
    size_t at = sizeof(text);

    put_key(w, key);
    do {
        text[--at] = digits[number % 10];
        number /= 10;
    } while (number);
    put(w, text + at, sizeof(text) - at);
}

/* The fewest digits that give the same number again, with a point in any locale. */
static void print_real(char text[32], double number)
{
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, 32, "%.*g", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    for (char *at = text; *at; at++)
        if (!strchr("0123456789+-e", *at))
            *at = '.';
}

void grain_json_real(struct grain_json *w, const char *key, double number)
{
    char text[32] = "null";

    if (isfinite(number))
        print_real(text, number);
    put_key(w, key);
    put(w, text, strlen(text));
}

void grain_json_real_text(struct grain_json *w, double number)
{
    char text[32];

    print_real(text, number);
    put(w, text, strlen(text));
}

void grain_json_bool(struct grain_json *w, const char *key, bool value)
{
    put_key(w, key);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

void grain_json_hex(struct grain_json *w, const char *key, const uint8_t *bytes, size_t length)
{
    char *to;

    put_key(w, key);
    put_byte(w, '"');
    to = reserve(w, 2 * length);
    for (size_t i = 0; to && i < length; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 0xf];
    }
    if (to)
        w->length += 2 * length;
    put_byte(w, '"');
}

void grain_json_hex_number(struct grain_json *w, const char *key, const char *prefix,
                           uint32_t number, unsigned int count)
{
    put_key(w, key);
    put_byte(w, '"');
    put(w, prefix, strlen(prefix));
    while (count--)
        put_byte(w, digits[number >> 4 * count & 0xf]);
    put_byte(w, '"');
}

/* Most events share their second with the one before. */
void grain_json_time(struct grain_json *w, const char *key, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    uint32_t micros = wall_ns % 1000000000 / 1000;
    char rest[] = ".000000+0000\"";

    if (seconds != w->second || !w->second_text[0]) {
        struct tm tm;

        gmtime_r(&seconds, &tm);
        (void)strftime(w->second_text, sizeof(w->second_text), "\"%Y-%m-%dT%H:%M:%S", &tm);
        w->second = seconds;
    }
    put_key(w, key);
    put(w, w->second_text, strlen(w->second_text));
    for (int i = 6; i > 0; i--, micros /= 10)
        rest[i] = digits[micros % 10];
    put(w, rest, sizeof(rest) - 1);
}

void grain_json_raw(struct grain_json *w, const char *bytes, size_t length)
{
    put(w, bytes, length);
}

int grain_json_end_line(struct grain_json *w)
{
    put_byte(w, '\n');
    return w->failed ? -ENOMEM : 0;
}

void grain_json_cut(struct grain_json *w, size_t length)
{
    w->length = length;
    w->failed = false;
}

void grain_json_free(struct grain_json *w)
{
    free(w->text);
    *w = (struct grain_json){0};
}
