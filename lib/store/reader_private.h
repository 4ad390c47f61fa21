/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_STORE_READER_PRIVATE_H
#define GRAIN_STORE_READER_PRIVATE_H

#include <sqlite3.h>

#include "columns.h"
#include "kinds.h"
#include "reader.h"

#define GRAIN_READER_COLUMNS_MAX 64

struct grain_store_reader {
    char *path;
    sqlite3 *db;
    uint64_t deadline_ns; /* of the statement that runs, monotonic; 0: none */
    bool late;
    bool guarded; /* what is asked comes from the user */
    bool old;     /* of version 1: nobody has written to it since */
};

/* -errno of an SQLite result, noted. */
int grain_reader_fail(const struct grain_store_reader *reader, int result);
int grain_reader_run(struct grain_store_reader *reader, const char *sql);

/* Every row of a prepared statement. `types` NULL: those of SQLite. */
int grain_reader_rows(struct grain_store_reader *reader, sqlite3_stmt *statement,
                      const enum grain_store_type *types, grain_store_row_fn fn, void *user);

#endif
