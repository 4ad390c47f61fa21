/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters that tell of something that was not seen, kept or sent. */
#ifndef GRAIN_CTL_LOSSES_H
#define GRAIN_CTL_LOSSES_H

#include <grain/engine.h>

#include "table.h"

/* A row for each that is not zero, after the headings; how many there are. */
size_t losses_rows(struct table *table, const struct grain_engine_counts *counts);
/* A row of one's own, unless `count` is zero; 0 or 1. */
size_t loss_row(struct table *table, uint64_t count, const char *name, const char *text);

#endif
