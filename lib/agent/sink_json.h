/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Items as lines of JSON (item_json.h) to a file, standard output, or a Unix stream socket.
 *
 * In a file each item is there once: what a full disk cuts is cut off again and written later.
 * Standard output the same, but nothing is known of who reads it. To a socket an item may come
 * twice when the connection breaks (out_stream.h).
 */
#ifndef GRAIN_AGENT_SINK_JSON_H
#define GRAIN_AGENT_SINK_JSON_H

#include "sink.h"

#define GRAIN_JSON_ROTATE_LEAST 4096
#define GRAIN_JSON_KEEP_MOST    1000

struct grain_json_settings {
    const char *target;    /* a file's path, "-", or "unix:PATH" */
    uint64_t rotate_bytes; /* of a file: begin a new one rather than exceed this; 0: never */
    uint32_t keep;         /* old files PATH.1 (the youngest) to PATH.keep */
};

extern const struct grain_sink_type grain_sink_json;

/* The state for grain_sink_new; settings are copied. A file is made with mode 0640, and no symbolic
 * link is followed; it is opened by the first delivery. -EINVAL: they make no sense. */
int grain_json_new(void **out, const struct grain_json_settings *settings);

#endif
