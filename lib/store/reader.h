/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the history, also while it is written. Nothing is ever changed: the database is opened
 * for reading only.
 *
 * Functions return 0 or -errno unless they say otherwise; grain_error() then says what and what to
 * do.
 */
#ifndef GRAIN_STORE_READER_H
#define GRAIN_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grain_store_reader;

/* -ENOENT: there is none; -EEXIST: not a history; -ENOTSUP: of a newer grain. */
int grain_store_reader_open(struct grain_store_reader **out, const char *path);
void grain_store_reader_close(struct grain_store_reader *reader); /* takes NULL */

enum grain_store_table {
    GRAIN_STORE_FILES,
    GRAIN_STORE_NET,
    GRAIN_STORE_DNS,
    GRAIN_STORE_TLS,
    GRAIN_STORE_PROCESSES,
    GRAIN_STORE_GAPS_TABLE,
    GRAIN_STORE_TABLE_COUNT
};
/* "files"; NULL beyond the last. Also the name of the view. */
const char *grain_store_table_name(unsigned int table);

enum grain_store_type {
    GRAIN_STORE_TYPE_NUMBER,
    GRAIN_STORE_TYPE_STRING,
    GRAIN_STORE_TYPE_TIME, /* number: milliseconds since 1970; of gaps nanoseconds, cut to those */
    GRAIN_STORE_TYPE_REAL, /* only of grain_store_sql() */
    GRAIN_STORE_TYPE_NULL,
};

/* A cell; its text lives during the call, ends with NUL, and may hold any bytes. */
struct grain_store_cell {
    const char *name;
    enum grain_store_type type;
    int64_t number;
    double real;
    const char *text;
    size_t length;
};

/* Anything but 0 ends the query, which returns it. */
typedef int (*grain_store_row_fn)(void *user, const struct grain_store_cell *cells, size_t count);

/* What is NULL, 0 or unset is not looked at. */
struct grain_store_filter {
    enum grain_store_table table;
    uint64_t from_ns, until_ns; /* until 0: no end */
    const char *path;           /* of files: exactly; with / at the end all below; with *, ? or [ a
                                   pattern as of glob(7), where * and ? match / as well */
    bool only_path;             /* not the same file by other names */
    const char *process;        /* a pid, a path (exe), a name (comm or the last part of exe) */
    const char *container;      /* the beginning of its id, its name, or its pod's */
    const char *name;           /* net, dns, tls: of DNS or SNI; *.example.org: and all below */
    const char *address;        /* net, tls: the remote one; dns: the server, or in an answer */
    uint32_t uid;
    bool has_uid;
    int operation;  /* of files: enum grain_host_operation; -1: any */
    uint64_t limit; /* only the last so many; 0: all */
};

/* The rows, oldest first. A filter that the table knows nothing of is -EINVAL. */
int grain_store_select(struct grain_store_reader *reader, const struct grain_store_filter *filter,
                       grain_store_row_fn fn, void *user);

/*
 * Any one statement that only reads, over the views and tables. It ends after limit_ns (0: 60 s)
 * with -ETIMEDOUT. The types of the cells are SQLite's; a BLOB is a string. -EPERM: it is not one
 * that only reads. -EINVAL: SQLite does not take it.
 */
int grain_store_sql(struct grain_store_reader *reader, const char *sql, uint64_t limit_ns,
                    grain_store_row_fn fn, void *user);

/* Gaps between two times: as rows of GRAIN_STORE_GAPS_TABLE, and also what lies before the
 * history's begin ("before_history") and behind its end ("agent_not_running"). `now_ns` 0: the
 * clock's. */
int grain_store_select_gaps(struct grain_store_reader *reader, uint64_t from_ns, uint64_t until_ns,
                            uint64_t now_ns, grain_store_row_fn fn, void *user);

#endif
