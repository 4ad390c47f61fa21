/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_AGENT_METRICS_PRIVATE_H
#define GRAIN_AGENT_METRICS_PRIVATE_H

#include "metrics.h"

#define LABELS_MAX      (16 * GRAIN_METRICS_LABELS_BYTES)
#define FAMILY_NAME_MAX 256

struct series {
    uint64_t seen_ns;
    uint64_t count; /* of a counter; of a histogram, how many were observed */
    double number;  /* of a gauge; of a histogram, their sum */
    uint64_t *buckets;
    char labels[]; /* as they are written, without braces */
};

struct family {
    struct family *next;
    enum grain_item_kind kind;
    char name[FAMILY_NAME_MAX]; /* without _total */
    const char *help;           /* "" */
    const char *unit;           /* when the name ends with it; otherwise "" */
    double bounds[GRAIN_METRICS_BUCKETS_MOST];
    uint32_t bound_count;
    void *tree; /* of tsearch: the labels of its series */
};

struct grain_metrics {
    struct grain_metrics_settings settings;
    double buckets[GRAIN_METRICS_BUCKETS_MOST];
    struct family *families;
    uint32_t family_count, series_count;
    uint64_t label_bytes;
    uint64_t dropped, expired;
};

/* The series that a node of a family's tree stands for. */
struct series *grain_series_of(const void *node);

#endif
