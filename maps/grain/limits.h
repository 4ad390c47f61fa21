/* SPDX-License-Identifier: GPL-2.0-only */
/* Default table sizes. All are powers of two; libgrain scales them together under a memory limit.
 */
#ifndef GRAIN_LIMITS_H
#define GRAIN_LIMITS_H

/* Interfaces and hooks counted apart. */
#define GRAIN_SOURCE_SLOTS 64

/* Interfaces, and devices on top of them, at whose ingress something is counted. */
#define GRAIN_INGRESS_MAX 1024

/* Names that the default tables are meant for: sixteen count slots a name and CPU, sixteen text
 * slots a name in buckets of eight. */
#define GRAIN_NAMES_DEFAULT   4096
#define GRAIN_BUCKETS_DEFAULT (GRAIN_NAMES_DEFAULT * 16 / 2)
#define GRAIN_TEXTS_DEFAULT   (GRAIN_NAMES_DEFAULT * 16 / 8)

/* Split messages under way at once: four a bucket. */
#define GRAIN_FLOW_BUCKETS_DEFAULT 512

#endif
