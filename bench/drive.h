/* SPDX-License-Identifier: GPL-2.0-only */
/* What the drive programs and the bench that loads them agree on. */
#ifndef GRAIN_BENCH_DRIVE_H
#define GRAIN_BENCH_DRIVE_H

#include <linux/types.h>

/* Different packets, and the order they come in: longer than a branch predictor remembers. */
#define DRIVE_PACKETS 4096
#define DRIVE_ORDER   65536

/* A packet is put into the frame in blocks of this size. */
#define DRIVE_BLOCK      64
#define DRIVE_BLOCKS_MAX 24

/* Letters of the stamp: eight, sixteen different ones. */
#define DRIVE_STAMP_BYTES 8

struct drive_order {
    __u64 next;
    __u16 packets[DRIVE_ORDER];
};

#endif
