/* SPDX-License-Identifier: GPL-2.0-only */
/* Items on standard output for people: a line each, in columns. What is not printable is escaped.
 */
#ifndef GRAIN_AGENT_SINK_CONSOLE_H
#define GRAIN_AGENT_SINK_CONSOLE_H

#include "json_write.h"
#include "sink.h"

struct grain_console_settings {
    bool utc; /* times; otherwise local */
};

extern const struct grain_sink_type grain_sink_console;

/* The state for grain_sink_new. */
int grain_console_new(void **out, const struct grain_console_settings *settings);

/* "12:00:00.000  dns.names  3 questions  qname=a.b qtype=A" behind what `w` holds. 0 or -ENOMEM. */
int grain_console_line(struct grain_json *w, const struct grain_item *item);
int grain_console_line_utc(struct grain_json *w, const struct grain_item *item);

#endif
