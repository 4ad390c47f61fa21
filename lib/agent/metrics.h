/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements as series that stand: counters add up, gauges keep their last value, histograms fill
 * buckets. A bounded number of them, of bounded size; and as text for Prometheus.
 *
 * Not for several threads at a time. Times are of any clock that does not go back.
 */
#ifndef GRAIN_AGENT_METRICS_H
#define GRAIN_AGENT_METRICS_H

#include "item.h"
#include "json_write.h"

#define GRAIN_METRICS_BUCKETS_MOST  32
#define GRAIN_METRICS_FAMILIES_MOST 256
/* Bytes of labels that a series has room for, on average; one alone may have sixteen times as many.
 */
#define GRAIN_METRICS_LABELS_BYTES 512

struct grain_metrics;

struct grain_metrics_settings {
    uint32_t series;       /* at most so many */
    uint64_t expire_ns;    /* a series that is not seen for so long goes; 0: never */
    const double *buckets; /* upper bounds of histograms, rising; NULL: by unit */
    uint32_t bucket_count;
};

/* Settings are copied. -EINVAL: they make no sense; -ENOMEM. */
int grain_metrics_new(struct grain_metrics **out, const struct grain_metrics_settings *settings);
void grain_metrics_free(struct grain_metrics *metrics); /* takes NULL */

/* -EBADMSG: not a counter, gauge or histogram, or its number is none; -ENOSPC: there is no room for
 * another series, or its name or kind is in conflict with another one's; it is counted as dropped.
 */
int grain_metrics_add(struct grain_metrics *metrics, const struct grain_item *item,
                      uint64_t now_ns);

void grain_metrics_expire(struct grain_metrics *metrics, uint64_t now_ns);

/* All of them behind what `w` holds: OpenMetrics 1.0, or Prometheus' own format 0.0.4. Without
 * memory w->failed. */
void grain_metrics_text(struct grain_json *w, const struct grain_metrics *metrics,
                        bool openmetrics);

#endif
