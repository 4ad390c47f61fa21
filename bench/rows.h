/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: one row of the table each. */
#ifndef GRAIN_BENCH_ROWS_H
#define GRAIN_BENCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "traffic.h"

enum order {
    ORDER_UNIFORM,
    ORDER_ZIPF,
    ORDER_PAIRS, /* an even packet, then the odd one behind it */
};

struct row {
    const char *name;
    const char *title;
    traffic_fn traffic;
    uint32_t frame;  /* bytes of the frame */
    uint32_t blocks; /* rows with the same blocks and stamp share a loaded object */
    uint32_t stamp;
    enum order order;
    uint32_t pending; /* half hellos under way */
    uint32_t sample;  /* known names: one event in this many */
    bool events;      /* a ring, and a reader on the other CPU */
    uint32_t packets; /* that make up one unit of the bar */
    double bar;
    bool above; /* the bar is for the time above the empty program */
    uint32_t disposition;
    bool any;     /* of every disposition */
    bool bare;    /* the driver with perf output alone instead of the chain */
    bool no_same; /* one packet again and again would be another case */
};

extern const struct row rows[];
extern const size_t row_count;

#endif
