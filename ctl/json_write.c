// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "json_write.h"
#include "say.h"

static const char digits[] = "0123456789abcdef";

/* Room for `more` bytes behind what is there. */
static char *reserve(struct json_writer *w, size_t more)
{
    if (w->room - w->length < more) {
        w->room = 2 * w->room + more + 4096;
        w->text = must(realloc(w->text, w->room));
    }
    return w->text + w->length;
}

static void put(struct json_writer *w, const char *text, size_t length)
{
    memcpy(reserve(w, length), text, length);
    w->length += length;
}

static void put_byte(struct json_writer *w, char byte)
{
    *reserve(w, 1) = byte;
    w->length++;
}

/* The comma and the key in front of a value. */
static void put_key(struct json_writer *w, const char *key)
{
    const char *last = w->length ? w->text + w->length - 1 : "{";

    if (*last != '{' && *last != '[' && *last != ':')
        put_byte(w, ',');
    if (!key)
        return;
    put_byte(w, '"');
    put(w, key, strlen(key));
    put(w, "\":", 2);
}

void json_write_object(struct json_writer *w, const char *key)
{
    put_key(w, key);
    put_byte(w, '{');
}

void json_write_list(struct json_writer *w, const char *key)
{
    put_key(w, key);
    put_byte(w, '[');
}

void json_write_end_object(struct json_writer *w)
{
    put_byte(w, '}');
}

void json_write_end_list(struct json_writer *w)
{
    put_byte(w, ']');
}

/* RFC 8259 section 7: quotation mark, backslash and control characters. */
static void put_escaped(struct json_writer *w, unsigned char byte)
{
    const char control[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xf]};
    const char plain[2] = {'\\', (char)byte};

    if (byte < 0x20)
        put(w, control, sizeof(control));
    else
        put(w, plain, sizeof(plain));
}

void json_write_text(struct json_writer *w, const char *key, const char *text)
{
    const char *from = text;

    put_key(w, key);
    put_byte(w, '"');
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
            continue;
        put(w, from, text - from);
        put_escaped(w, (unsigned char)*text);
        from = text + 1;
    }
    put(w, from, text - from);
    put_byte(w, '"');
}

void json_write_number(struct json_writer *w, const char *key, uint64_t number)
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

void json_write_bool(struct json_writer *w, const char *key, bool value)
{
    put_key(w, key);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_write_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t length)
{
    char *to;

    put_key(w, key);
    put_byte(w, '"');
    to = reserve(w, 2 * length);
    for (size_t i = 0; i < length; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 0xf];
    }
    w->length += 2 * length;
    put_byte(w, '"');
}

void json_write_hex_number(struct json_writer *w, const char *key, const char *prefix,
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
void json_write_time(struct json_writer *w, const char *key, uint64_t wall_ns)
{
    static char text[64];
    static time_t last = -1;
    time_t seconds = (time_t)(wall_ns / 1000000000);
    uint32_t micros = wall_ns % 1000000000 / 1000;
    char rest[] = ".000000+0000\"";

    if (seconds != last) {
        struct tm tm;

        gmtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%S", &tm);
        last = seconds;
    }
    put_key(w, key);
    put(w, text, strlen(text));
    for (int i = 6; i > 0; i--, micros /= 10)
        rest[i] = digits[micros % 10];
    put(w, rest, sizeof(rest) - 1);
}

int json_write_line(struct json_writer *w)
{
    size_t length;

    put_byte(w, '\n');
    length = w->length;
    w->length = 0;
    errno = 0;
    return fwrite(w->text, 1, length, stdout) == length ? 0 : output_failed();
}
