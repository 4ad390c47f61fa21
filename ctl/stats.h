/* SPDX-License-Identifier: GPL-2.0-only */
/* All counters of a replay as one JSON object. */
#ifndef GRAIN_CTL_STATS_H
#define GRAIN_CTL_STATS_H

#include "replay.h"

/* To standard output, on one line. */
void stats_print(const struct replay_sums *sums);

#endif
