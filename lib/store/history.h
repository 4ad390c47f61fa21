/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The database, as the one who writes it sees it. Rows lie in parts: a table of one kind for a
 * stretch of time, cut at the end of a day or when it is large. Old ones leave as a whole.
 */
#ifndef GRAIN_STORE_HISTORY_H
#define GRAIN_STORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "folded.h"
#include "kinds.h"
#include "store.h"

#define GRAIN_HISTORY_APPLICATION 0x67726e68 /* "grnh" */
#define GRAIN_HISTORY_VERSION     2          /* 1: no pod, namespace and image */
/* Of one kind: a view is a union over its parts, which SQLite bounds at 500. */
#define GRAIN_HISTORY_PARTS_MAX 240
#define GRAIN_MINUTE_NS         60000000000ULL

struct grain_part {
    int64_t id; /* grows with each new one */
    int64_t from_minute, to_minute;
    uint8_t kind;
    size_t rows; /* at most that many */
};

enum grain_history_statement {
    GRAIN_STATEMENT_FIND,                                 /* one a dictionary */
    GRAIN_STATEMENT_INSERT = GRAIN_STATEMENT_FIND + 3,    /* */
    GRAIN_STATEMENT_TOUCH = GRAIN_STATEMENT_INSERT + 3,   /* */
    GRAIN_STATEMENT_GAP_JOIN = GRAIN_STATEMENT_TOUCH + 3, /* */
    GRAIN_STATEMENT_GAP,
    GRAIN_STATEMENT_META,
    GRAIN_STATEMENT_COUNT
};

/* A number of a dictionary that was looked up lately. Texts of one mark are taken for one: nobody
 * can aim at a mark of 128 bits, and chance does not hit it. */
#define GRAIN_HISTORY_KNOWN 262144
struct grain_history_known {
    struct grain_folded_mark mark;
    int64_t id;   /* 0: none */
    int64_t part; /* as in the dictionary */
};

struct grain_history {
    struct grain_history_known *known; /* NULL: not yet */
    char *path;
    int lock;
    sqlite3 *db;
    uint64_t max_age_ns, max_bytes;
    struct grain_part *parts; /* by id */
    size_t part_count, part_room;
    sqlite3_stmt *statements[GRAIN_STATEMENT_COUNT];
    uint64_t noted_ns; /* the last time that is in the database as "then grain was there" */
    uint64_t begin_ns;
    /* For the counters. */
    uint64_t rows, too_old, removed, damaged;
};

/* As grain_store_open(). */
int grain_history_open(struct grain_history **out, const char *path, uint64_t max_age_ns,
                       uint64_t max_bytes, uint64_t now_ns);
/* Takes NULL. */
void grain_history_close(struct grain_history *history);

/* One transaction. Whatever fails, nothing of the batch is in the database; grain_error() says why.
 * Changes the batch: its rows are put in order, their numbers become the database's. */
int grain_history_write(struct grain_history *history, struct grain_folded *batch, uint64_t now_ns);

/* What is older or more than allowed leaves. */
int grain_history_bound(struct grain_history *history, uint64_t now_ns);

/* After -EUCLEAN: the damaged database is moved aside, and a new one begun. */
int grain_history_renew(struct grain_history *history, uint64_t now_ns);

/* After a failed one: once more. */
int grain_history_reopen(struct grain_history *history, uint64_t now_ns);

uint64_t grain_history_bytes(const struct grain_history *history);

/* -errno of an SQLite result, noted with what SQLite says; -EUCLEAN: damaged. */
int grain_history_fail(const struct grain_history *history, int result);
int grain_history_run(struct grain_history *history, const char *sql);
/* One number; *out stays when there is no row. */
int grain_history_number(struct grain_history *history, const char *sql, int64_t *out);
/* Prepared once; ready to be bound. NULL: failed, and noted. */
sqlite3_stmt *grain_history_statement(struct grain_history *history, unsigned int statement);
void grain_history_forget_statements(struct grain_history *history);
/* Numbers may mean something else from now on. */
void grain_history_forget_known(struct grain_history *history);
int grain_history_meta(struct grain_history *history, const char *key, int64_t value);
int grain_history_gap(struct grain_history *history, const struct grain_folded_gap *gap,
                      const char *what, size_t length);

/* What a gap and a part is: history_parts.c */
int grain_history_load_parts(struct grain_history *history);
/* The part for a minute, made if there is none; inside a transaction. NULL: failed. */
struct grain_part *grain_history_part(struct grain_history *history, enum grain_store_kind kind,
                                      int64_t minute);
/* Parts that have grown too large take no more; inside a transaction. */
int grain_history_cut(struct grain_history *history, struct grain_part *part, int64_t minute);
int grain_history_make_views(struct grain_history *history);

/* history_file.c: the file that is to be opened is ours, and nobody else writes there. */
int grain_history_claim(const char *path, int *lock, bool *known);
/* "history.db.damaged.1" */
int grain_history_move_aside(const char *path);

#endif
