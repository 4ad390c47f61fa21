/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Items as lines of JSON (item_json.h) to S3 and what speaks like it: an object a batch, gzip.
 *
 *   PREFIX/year=2026/month=01/day=31/hour=12/HOST-20260131T120000Z-SEQUENCE.json.gz
 *
 * The time is the first item's, and SEQUENCE 16 digits made from the lines: a batch that is tried
 * again, by whatever process, replaces its own object. Every refusal is tried again, so nothing is
 * lost while the queue has room.
 */
#ifndef GRAIN_AGENT_SINK_S3_H
#define GRAIN_AGENT_SINK_S3_H

#include "sink.h"

struct grain_s3_settings {
    const char *endpoint; /* "https://host"; NULL: Amazon's of the region */
    const char *region;   /* NULL: AWS_REGION, AWS_DEFAULT_REGION, or "us-east-1" */
    const char *bucket;   /* it stands in the path */
    const char *prefix;   /* before "/year="; NULL or "": none */
    const char *host;     /* NULL: this host's name */
    const char *access_key, *secret_key, *session_token; /* NULL: as aws.h finds them */
    const char *profile, *credentials_file;              /* NULL: as aws.h says */
    const char *ca;        /* file of certificates to trust instead of the system's; NULL */
    uint64_t object_bytes; /* before compression, exceeded by a line at most; 0: 16 MiB */
    uint32_t timeout_s;    /* of a whole request; 0: 60 */
};

#define GRAIN_S3_OBJECT_LEAST 1024
#define GRAIN_S3_OBJECT_MOST  (256ULL << 20)

extern const struct grain_sink_type grain_sink_s3;

/* The state for grain_sink_new; settings are copied. -EINVAL: they make no sense. Credentials are
 * looked for by the first delivery, and again after each that failed. */
int grain_s3_new(void **out, const struct grain_s3_settings *settings);

#endif
