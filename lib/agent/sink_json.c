// SPDX-License-Identifier: GPL-2.0-only
#include "sink_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../error_private.h"
#include "item_json.h"
#include "out_file.h"
#include "out_stream.h"

#define CHUNK (128 << 10)

struct json {
    struct grain_lines lines;
    struct grain_out_file file; /* where it has a path */
    struct grain_out_stream stream;
};

static int json_send(void *state, struct grain_delivery *delivery)
{
    struct json *json = state;
    int found, error = 0;

    while (!error &&
           (found = grain_lines_fill(&json->lines, delivery, grain_item_json, CHUNK)) != 0) {
        if (found < 0)
            error = found;
        else if (json->file.path)
            error = grain_out_file_write(&json->file, &json->lines, delivery);
        else
            error = grain_out_stream_write(&json->stream, &json->lines, delivery);
    }
    if (!error && !json->file.path)
        error = grain_out_stream_end(&json->stream, delivery);
    return error;
}

static void json_reopen(void *state)
{
    struct json *json = state;

    grain_out_file_close(&json->file);
    grain_out_stream_close(&json->stream);
}

static void json_free(void *state)
{
    struct json *json = state;

    json_reopen(json);
    grain_out_stream_free(&json->stream);
    grain_lines_free(&json->lines);
    free(json->file.path);
    free(json);
}

static int read_file(struct json *json, const struct grain_json_settings *settings)
{
    if (!*settings->target)
        return grain_fail(-EINVAL, "the path of the file is empty");
    if (settings->rotate_bytes && settings->rotate_bytes < GRAIN_JSON_ROTATE_LEAST)
        return grain_fail(-EINVAL, "%s: a file is rotated at %u bytes at the earliest",
                          settings->target, GRAIN_JSON_ROTATE_LEAST);
    if (settings->keep > GRAIN_JSON_KEEP_MOST)
        return grain_fail(-EINVAL, "%s: at most %u old files are kept", settings->target,
                          GRAIN_JSON_KEEP_MOST);
    json->file.rotate_bytes = settings->rotate_bytes;
    json->file.keep = settings->keep;
    json->file.path = strdup(settings->target);
    return json->file.path ? 0 : grain_fail(-ENOMEM, "no memory");
}

static int read_target(struct json *json, const struct grain_json_settings *settings)
{
    if (!strcmp(settings->target, "-")) {
        json->stream.fd = STDOUT_FILENO;
        return 0;
    }
    if (strncmp(settings->target, "unix:", 5) != 0)
        return read_file(json, settings);
    json->stream.socket = true;
    return grain_address_read(&json->stream.address, settings->target, NULL);
}

int grain_json_new(void **out, const struct grain_json_settings *settings)
{
    struct json *json = calloc(1, sizeof(*json));
    int error;

    if (!json)
        return grain_fail(-ENOMEM, "no memory");
    json->file.fd = -1;
    json->stream.fd = -1;
    error = read_target(json, settings);
    if (!error)
        error = grain_lines_reserve(&json->lines, CHUNK);
    if (error)
        json_free(json);
    else
        *out = json;
    return error;
}

const struct grain_sink_type grain_sink_json = {
    .name = "json",
    .send = json_send,
    .reopen = json_reopen,
    .free = json_free,
};
