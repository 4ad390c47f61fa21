/* SPDX-License-Identifier: GPL-2.0-only */
/* A replay for people to read. */
#ifndef GRAIN_CTL_REPORT_H
#define GRAIN_CTL_REPORT_H

#include "replay.h"

/* To standard output; at most `top` lines of each list. */
void report_print(const struct replay_sums *sums, size_t top);

#endif
