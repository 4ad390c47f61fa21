// SPDX-License-Identifier: GPL-2.0-only
/*
 * Texts come from packets, from file names and from libraries. The terminal's character set is not
 * asked for: UTF-8 is what terminals speak, and an escape is what remains of everything else.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/utf8.h>

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

char *escape_text(const char *text)
{
    size_t size = 4 * strlen(text) + 1;
    char *out = must(malloc(size));

    (void)grain_utf8_escape(out, size, text, NULL);
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
