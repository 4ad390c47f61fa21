/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel allows, found by trying. */
#ifndef GRAIN_LIB_PROBE_H
#define GRAIN_LIB_PROBE_H

#include <stdint.h>

/* May a program replace a function of another one, as libxdp's dispatcher needs it? 0, or why not:
 * -errno. */
int grain_probe_extension(void);

/* Jiffies a second; takes an eighth of a second. 0 or -errno. */
int grain_probe_ticks(uint32_t *out);

/* How many CPUs there may be; -errno with its message. */
int grain_cpus(void);

#endif
