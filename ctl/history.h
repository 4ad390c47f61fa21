/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of the history, as a table, as JSON or as CSV. */
#ifndef GRAIN_CTL_HISTORY_H
#define GRAIN_CTL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include <agent/json_write.h>
#include <store/reader.h>

#include "table.h"

enum history_form {
    HISTORY_TABLE,
    HISTORY_JSON,
    HISTORY_CSV,
};

/* What `history sql` gives: its columns are what the statement says. */
#define HISTORY_SQL GRAIN_STORE_TABLE_COUNT

struct history_out {
    enum history_form form;
    unsigned int kind; /* enum grain_store_table, or HISTORY_SQL */
    struct style style;
    size_t rows;
    /* Of its own. */
    struct table *table;
    char align[72];
    size_t waiting; /* rows in the table */
    int places[40]; /* of the cells that the table's columns need; -1: none */
    int pod;        /* the same of the cell that a container's column needs besides */
    bool headed;
    struct grain_json json;
};

void history_out_begin(struct history_out *out, enum history_form form, unsigned int kind);
/* 0 or -errno, told. */
int history_out_row(struct history_out *out, const struct grain_store_cell *cells, size_t count);
/* What is still held goes out. */
int history_out_flush(struct history_out *out);
void history_out_end(struct history_out *out);

#endif
