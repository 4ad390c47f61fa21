/* SPDX-License-Identifier: GPL-2.0-only */
/* What a view of the history shows, and how to get it from the tables. */
#ifndef GRAIN_STORE_COLUMNS_H
#define GRAIN_STORE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kinds.h"
#include "reader.h"

struct grain_view_column {
    const char *name;
    enum grain_store_type type;
    const char *sql; /* over the tables of grain_view_from() */
};

/* Of a kind; ends with a NULL name. The columns of its process come behind them. */
const struct grain_view_column *grain_view_columns(enum grain_store_kind kind);
extern const struct grain_view_column grain_view_process_columns[];
/* The same of a database of version 1, which knew less. */
extern const struct grain_view_column grain_view_process_columns_1[];
extern const struct grain_view_column grain_view_gap_columns[];

/* "SELECT ..., ..."; times as milliseconds, or as text. */
void grain_view_select(FILE *out, const struct grain_view_column *columns,
                       const struct grain_view_column *more, int as_text);
/* " FROM ..." with all that the columns need; `source`: what f is; `join`: "JOIN", or
 * "CROSS JOIN", which keeps the order of the tables. */
void grain_view_from(FILE *out, enum grain_store_kind kind, const char *source, const char *join);

#endif
