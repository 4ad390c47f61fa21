/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements for Prometheus to fetch: OpenMetrics text 1.0, or the older 0.0.4, as is asked for.
 *
 *   /metrics    the series; counters count from when this sink began
 *   /-/healthy  200
 *   /-/ready    200, or 503 until there was something to tell
 *
 * Events and sets are skipped, and so is what there is no room for, which
 * grain_series_dropped_total counts.
 */
#ifndef GRAIN_AGENT_SINK_PROMETHEUS_H
#define GRAIN_AGENT_SINK_PROMETHEUS_H

#include "sink.h"

#define GRAIN_PROMETHEUS_ADDRESS     "127.0.0.1:9469"
#define GRAIN_PROMETHEUS_PORT        "9469"
#define GRAIN_PROMETHEUS_SERIES      10000
#define GRAIN_PROMETHEUS_SERIES_MOST 1000000
#define GRAIN_PROMETHEUS_EXPIRE_S    3600

struct grain_prometheus_settings {
    const char *address;   /* to listen at: "HOST:PORT", "[V6]:PORT"; NULL: the default */
    uint32_t series;       /* at most so many; 0: the default */
    uint32_t expire_s;     /* a series unseen for so long goes; 0: the default */
    const double *buckets; /* upper bounds of histograms, rising; NULL: by unit */
    uint32_t bucket_count;
};

extern const struct grain_sink_type grain_sink_prometheus;

/* The state for grain_sink_new; settings are copied. The sink listens with a thread of its own, as
 * soon as the address is free. -EINVAL: they make no sense. */
int grain_prometheus_new(void **out, const struct grain_prometheus_settings *settings);

#endif
