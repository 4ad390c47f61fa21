/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Items as lines of JSON (item_json.h) in bodies of HTTP requests: POST, application/x-ndjson.
 *
 * 2xx: delivered. 401, 403, 404, 407, 408, 425, 429, 5xx, redirects and connections that fail:
 * tried again, after the time that Retry-After asks for. Any other 4xx: the server will not take
 * it, and the batch is counted as refused. When an answer does not come, nobody knows whether the
 * request arrived, so it may come twice; both times the header Grain-Batch is the same.
 */
#ifndef GRAIN_AGENT_SINK_HTTP_H
#define GRAIN_AGENT_SINK_HTTP_H

#include "sink.h"

#define GRAIN_HTTP_BODY_LEAST 1024
#define GRAIN_HTTP_BODY_MOST  (64ULL << 20)

struct grain_http_settings {
    const char *url;
    const char *const
        *headers; /* "Name: value", ended by NULL; values may be secrets; NULL: none */
    bool gzip;
    const char *ca;              /* file of certificates to trust instead of the system's; NULL */
    uint64_t body_bytes;         /* before compression, exceeded by a line at most; 0: 1 MiB */
    uint32_t timeout_s;          /* of a whole request; 0: 30 */
    uint32_t connect_timeout_s;  /* 0: 10 */
    uint32_t retry_after_most_s; /* a server may ask for no longer pause; 0: 300 */
};

extern const struct grain_sink_type grain_sink_http;

/* The state for grain_sink_new; settings are copied. -EINVAL: they make no sense. */
int grain_http_new(void **out, const struct grain_http_settings *settings);

#endif
