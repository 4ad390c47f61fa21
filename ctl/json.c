// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "say.h"

void json_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)))
        must(NULL);
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    json_put(object, key, json_string(text));
}

void json_put_number(json_t *object, const char *key, uint64_t number)
{
    json_put(object, key, json_integer((json_int_t)number));
}

void json_put_time(json_t *object, const char *key, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    char text[64];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    json_put(object, key,
             json_sprintf("%s.%06u+0000", text, (unsigned int)(wall_ns % 1000000000 / 1000)));
}

void json_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, must(value)))
        must(NULL);
}

int output_failed(void)
{
    int error = errno ? errno : EIO;

    if (error != EPIPE)
        say("standard output: %s", strerror(error));
    return -error;
}

int json_print(json_t *object, bool flush)
{
    char *line = must(json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)));
    int error = 0;

    errno = 0;
    if (fputs(line, stdout) == EOF || putchar('\n') == EOF || (flush && fflush(stdout)))
        error = output_failed();
    free(line);
    json_decref(object);
    return error;
}

int output_flush(void)
{
    errno = 0;
    return fflush(stdout) ? output_failed() : 0;
}
