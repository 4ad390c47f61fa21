// SPDX-License-Identifier: GPL-2.0-only
#include "quote.h"

#include <stdbool.h>
#include <string.h>

static bool harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("%+,-./:=@_", c));
}

static bool plain(const char *argument, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!harmless(argument[i]))
            return false;
    return length > 0;
}

struct target {
    char *out;
    size_t size, length;
};

static void put(struct target *target, const char *bytes, size_t length)
{
    size_t room = target->size - 1 - target->length;

    length = length < room ? length : room;
    memcpy(target->out + target->length, bytes, length);
    target->length += length;
}

static void put_quoted(struct target *target, const char *argument, size_t length)
{
    put(target, "'", 1);
    for (size_t i = 0; i < length; i++)
        if (argument[i] == '\'')
            put(target, "'\\''", 4);
        else
            put(target, argument + i, 1);
    put(target, "'", 1);
}

size_t grain_quote_arguments(char *out, size_t size, const char *arguments, size_t length)
{
    struct target target = {out, size, 0};

    for (size_t at = 0; at < length;) {
        size_t one = strnlen(arguments + at, length - at);

        if (at)
            put(&target, " ", 1);
        if (plain(arguments + at, one))
            put(&target, arguments + at, one);
        else
            put_quoted(&target, arguments + at, one);
        at += one + 1;
    }
    out[target.length] = 0;
    return target.length;
}
