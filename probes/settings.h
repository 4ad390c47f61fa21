/* SPDX-License-Identifier: GPL-2.0-only */
/* What lib/host/ tells probes, and the maps between the two that are nobody else's business. */
#ifndef GRAIN_PROBES_SETTINGS_H
#define GRAIN_PROBES_SETTINGS_H

#include <linux/types.h>

#include <grain/host_record.h>

#define HOST_TOLD_MAX     32768
#define HOST_RECORD_MAX   16384 /* a power of two: the largest record, and room behind it */
#define HOST_BACKWARD_MAX 4096

struct host_settings {
    __u32 self_pid;   /* thread group that is left out; 0: none */
    __u32 wake_shift; /* log2 of an eighth of the ring */
};

struct host_cpu {
    __u64 counters[GRAIN_HOST_COUNTER_COUNT];
    __u64 sequence;
};

#endif
