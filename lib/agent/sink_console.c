// SPDX-License-Identifier: GPL-2.0-only
#include "sink_console.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"
#include "lines.h"
#include "out_stream.h"
#include "utf8.h"

#define CHUNK       (32 << 10)
#define NAME_PLACES 22
#define TEXT_MAX    (4 * GRAIN_ITEM_TEXT_MAX + 1)

struct console {
    struct grain_lines lines;
    struct grain_out_stream stream;
    bool utc;
};

/* Escaped, and at least `places` wide. */
static void put_text(struct grain_json *w, const char *text, size_t places, bool right)
{
    char escaped[TEXT_MAX];
    size_t width, length = grain_utf8_escape(escaped, sizeof(escaped), text, &width);

    if (!right)
        grain_json_raw(w, escaped, length);
    for (; width < places; width++)
        grain_json_raw(w, " ", 1);
    if (right)
        grain_json_raw(w, escaped, length);
}

static void put_time(struct grain_json *w, uint64_t time_ns, bool utc)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    char text[32], all[48];
    struct tm tm;

    if (utc)
        gmtime_r(&seconds, &tm);
    else
        localtime_r(&seconds, &tm);
    (void)strftime(text, sizeof(text), "%H:%M:%S", &tm);
    (void)snprintf(all, sizeof(all), "%s.%03u  ", text, (unsigned int)(time_ns / 1000000 % 1000));
    grain_json_raw(w, all, strlen(all));
}

static void put_value(struct grain_json *w, const struct grain_item *item)
{
    char text[64];

    switch (item->kind) {
    case GRAIN_ITEM_GAUGE:
        (void)snprintf(text, sizeof(text), "%.6g", item->number);
        break;
    case GRAIN_ITEM_HISTOGRAM:
        (void)snprintf(text, sizeof(text), "%.6g x%" PRIu64, item->number, item->count);
        break;
    case GRAIN_ITEM_SET:
        put_text(w, item->member, 12, true);
        return;
    default:
        (void)snprintf(text, sizeof(text), "%" PRIu64, item->count);
    }
    put_text(w, text, 12, true);
}

static int put_line(struct grain_json *w, const struct grain_item *item, bool utc)
{
    size_t before = w->length;
    int error;

    put_time(w, item->time_ns, utc);
    put_text(w, item->name, NAME_PLACES, false);
    grain_json_raw(w, " ", 1);
    put_value(w, item);
    grain_json_raw(w, " ", 1);
    /* "1" says that it is a number of times. */
    put_text(w, strcmp(item->unit, "1") != 0 ? item->unit : "", 10, false);
    for (uint32_t i = 0; i < item->tag_count; i++) {
        grain_json_raw(w, " ", 1);
        put_text(w, item->tags[i].key, 0, false);
        grain_json_raw(w, "=", 1);
        put_text(w, item->tags[i].value, 0, false);
    }
    while (w->length > before && w->text[w->length - 1] == ' ')
        w->length--;
    error = grain_json_end_line(w);
    if (error)
        grain_json_cut(w, before);
    return error;
}

int grain_console_line(struct grain_json *w, const struct grain_item *item)
{
    return put_line(w, item, false);
}

int grain_console_line_utc(struct grain_json *w, const struct grain_item *item)
{
    return put_line(w, item, true);
}

static int console_send(void *state, struct grain_delivery *delivery)
{
    struct console *console = state;
    grain_line_function *line = console->utc ? grain_console_line_utc : grain_console_line;
    int found = 1, error = 0;

    while (!error && (found = grain_lines_fill(&console->lines, delivery, line, CHUNK)) > 0)
        error = grain_out_stream_write(&console->stream, &console->lines, delivery);
    return error ? error : found;
}

static void console_free(void *state)
{
    struct console *console = state;

    grain_out_stream_free(&console->stream);
    grain_lines_free(&console->lines);
    free(console);
}

int grain_console_new(void **out, const struct grain_console_settings *settings)
{
    struct console *console = calloc(1, sizeof(*console));

    if (!console)
        return grain_fail(-ENOMEM, "no memory");
    console->utc = settings->utc;
    console->stream.fd = STDOUT_FILENO;
    *out = console;
    return 0;
}

const struct grain_sink_type grain_sink_console = {
    .name = "console",
    .send = console_send,
    .free = console_free,
};
