// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "error_private.h"

static _Thread_local char last[512];

const char *grain_error(void)
{
    return last;
}

int grain_fail(int error, const char *format, ...)
{
    char text[sizeof(last)];
    va_list arguments;

    /* The arguments may hold the last message. */
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(last, sizeof(last), "%s", text);
    return error;
}
