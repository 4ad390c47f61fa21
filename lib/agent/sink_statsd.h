/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * StatsD over UDP or a Unix datagram socket: counters as c, gauges as g, histograms as h
 * (DogStatsD) or ms, sets as s. Events are not measurements and are skipped.
 *
 * What a format cannot hold in a name or a tag becomes "_".
 */
#ifndef GRAIN_AGENT_SINK_STATSD_H
#define GRAIN_AGENT_SINK_STATSD_H

#include "sink.h"

enum grain_statsd_format {
    GRAIN_STATSD_PLAIN,    /* name.key.value:1|c */
    GRAIN_STATSD_DOG,      /* name:1|c|#key:value,key:value */
    GRAIN_STATSD_GRAPHITE, /* name;key=value;key=value:1|c */
    GRAIN_STATSD_INFLUX,   /* name,key=value,key=value:1|c */
};

struct grain_statsd_settings {
    const char *address; /* "HOST", "HOST:PORT", "[V6]:PORT" or "unix:PATH" */
    enum grain_statsd_format format;
    const char *prefix; /* "grain": before each name, with a dot; NULL or "": none */
    uint32_t payload;   /* bytes of a datagram; 0: 1,432, which fits Ethernet, or 8,192 for Unix */
};

#define GRAIN_STATSD_PORT "8125"

extern const struct grain_sink_type grain_sink_statsd;

/* The state for grain_sink_new; settings are copied. -EINVAL: the address is none. */
int grain_statsd_new(void **out, const struct grain_statsd_settings *settings);

/* One item as lines, each ended by a newline; bytes written, or 0: it cannot be told in this
 * format, or not in `size` bytes. */
size_t grain_statsd_lines(char *out, size_t size, const struct grain_item *item,
                          const struct grain_statsd_settings *settings);

#endif
