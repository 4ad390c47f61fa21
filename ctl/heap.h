/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_CTL_HEAP_H
#define GRAIN_CTL_HEAP_H

/* For commands that run for a long time, before their first thread: what is freed goes back to the
 * system, and the heap is one. */
void heap_stay_small(void);

#endif
