/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of "grainctl top processes" and its like: counts that add up under one name. */
#ifndef GRAIN_CTL_HOST_ROWS_H
#define GRAIN_CTL_HOST_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct host_row {
    uint64_t start_ns; /* of the process */
    uint32_t pid;
    char *comm; /* printable ASCII, as `what` */
    char *what; /* whom with, which path, which call; "" */
    const char *protocol;
    uint64_t sent, received; /* bytes */
    uint64_t count;          /* messages, operations, calls */
    double sent_rate, received_rate, rate;
};

struct host_rows {
    struct host_row *list;
    size_t count, room;
};

/* `row` is copied; its texts are taken over. */
void host_rows_add(struct host_rows *rows, const struct host_row *row);
/* Rows of one process and name become one, in their order. */
void host_rows_merge(struct host_rows *rows);
/* Both are merged. */
void host_rows_rates(struct host_rows *now, const struct host_rows *before, double seconds);
enum host_order {
    HOST_BY_RATE,  /* what changes most comes first */
    HOST_BY_COUNT, /* bytes where there are any, then messages, operations or calls */
    HOST_BY_NAME,  /* of the process, then what it was with */
};

void host_rows_sort(struct host_rows *rows, enum host_order order);
/* A copy with texts of its own at the end of `to`. */
void host_rows_copy(struct host_rows *to, const struct host_rows *from);
void host_rows_free(struct host_rows *rows);

#endif
