// SPDX-License-Identifier: GPL-2.0-only
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <error_private.h>

#include "history.h"
#include "reader_private.h"

#define BUSY_MS          2000
#define STEPS            10000
#define LIMIT_DEFAULT_NS 60000000000ULL
/* Of an answer that the user composed: one value, and all that SQLite needs for it. */
#define VALUE_MOST  (16 << 20)
#define MEMORY_MOST (512LL << 20)

static uint64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int grain_reader_fail(const struct grain_store_reader *reader, int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOTADB:
        return grain_fail(-EEXIST, "%s: not a history of grain", reader->path);
    case SQLITE_CORRUPT:
        return grain_fail(-EUCLEAN, "%s: damaged: %s", reader->path, sqlite3_errmsg(reader->db));
    case SQLITE_NOMEM:
        return grain_fail(-ENOMEM, "%s: no memory", reader->path);
    case SQLITE_INTERRUPT:
        return reader->late
                   ? grain_fail(-ETIMEDOUT, "%s: it takes too long; ask for less", reader->path)
                   : grain_fail(-EINTR, "%s: interrupted", reader->path);
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return grain_fail(-EPERM, "%s: only reading is allowed: %s", reader->path,
                          sqlite3_errmsg(reader->db));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return grain_fail(-EBUSY, "%s: %s", reader->path, sqlite3_errmsg(reader->db));
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return grain_fail(-EINVAL, "%s: %s", reader->path, sqlite3_errmsg(reader->db));
    default:
        return grain_fail(-EIO, "%s: %s", reader->path,
                          reader->db ? sqlite3_errmsg(reader->db) : sqlite3_errstr(result));
    }
}

int grain_reader_run(struct grain_store_reader *reader, const char *sql)
{
    return grain_reader_fail(reader, sqlite3_exec(reader->db, sql, NULL, NULL, NULL));
}

static int is_late(void *user)
{
    struct grain_store_reader *reader = user;

    reader->late = reader->deadline_ns && monotonic() > reader->deadline_ns;
    return reader->late;
}

/* Reading, and nothing that reaches outside of the database. */
static int authorize(void *user, int action, const char *first, const char *second,
                     const char *database, const char *inner)
{
    const struct grain_store_reader *reader = user;

    (void)first;
    (void)database;
    (void)inner;
    if (!reader->guarded)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return second && (!sqlite3_stricmp(second, "load_extension") ||
                          !sqlite3_stricmp(second, "fts3_tokenizer"))
                   ? SQLITE_DENY
                   : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

static int number(struct grain_store_reader *reader, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);

    if (result)
        return grain_reader_fail(reader, result);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    result = grain_reader_fail(reader, result);
    sqlite3_finalize(statement);
    return result;
}

static int check(struct grain_store_reader *reader)
{
    int64_t application = 0, version = 0;
    int error = number(reader, "PRAGMA application_id", &application);

    if (!error)
        error = number(reader, "PRAGMA user_version", &version);
    if (error)
        return error;
    if (application != GRAIN_HISTORY_APPLICATION)
        return grain_fail(-EEXIST, "%s: not a history of grain", reader->path);
    if (version > GRAIN_HISTORY_VERSION)
        return grain_fail(-ENOTSUP,
                          "%s: written by a newer grain (schema %lld; this one knows %d); use "
                          "that one",
                          reader->path, (long long)version, GRAIN_HISTORY_VERSION);
    reader->old = version < GRAIN_HISTORY_VERSION;
    return 0;
}

static int configure(struct grain_store_reader *reader)
{
    sqlite3 *db = reader->db;

    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MOST);
    sqlite3_progress_handler(db, STEPS, is_late, reader);
    sqlite3_set_authorizer(db, authorize, reader);
    return grain_reader_run(reader, "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-32768;");
}

int grain_store_reader_open(struct grain_store_reader **out, const char *path)
{
    struct grain_store_reader *reader = calloc(1, sizeof(*reader));
    struct stat stat_buffer;
    int error;

    if (!reader || !(reader->path = strdup(path))) {
        free(reader);
        return grain_fail(-ENOMEM, "%s: no memory", path);
    }
    if (stat(path, &stat_buffer))
        error =
            grain_fail(-errno, "%s: %s%s", path, strerror(errno),
                       errno == ENOENT ? "; \"grainctl run\" writes it, or name it by --db" : "");
    else if (!S_ISREG(stat_buffer.st_mode))
        error = grain_fail(-EEXIST, "%s: not a history of grain", path);
    else
        error = grain_reader_fail(
            reader,
            sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
    if (!error)
        error = configure(reader);
    if (!error)
        error = check(reader);
    if (error) {
        grain_store_reader_close(reader);
        return error;
    }
    *out = reader;
    return 0;
}

void grain_store_reader_close(struct grain_store_reader *reader)
{
    if (!reader)
        return;
    sqlite3_close(reader->db);
    free(reader->path);
    free(reader);
}

static void fill_cell(struct grain_store_cell *cell, sqlite3_stmt *statement, int column,
                      const enum grain_store_type *types)
{
    int type = sqlite3_column_type(statement, column);

    *cell = (struct grain_store_cell){.name = sqlite3_column_name(statement, column)};
    cell->number = sqlite3_column_int64(statement, column);
    switch (type) {
    case SQLITE_NULL:
        cell->type = GRAIN_STORE_TYPE_NULL;
        cell->text = "";
        return;
    case SQLITE_INTEGER:
        cell->type = types ? types[column] : GRAIN_STORE_TYPE_NUMBER;
        break;
    case SQLITE_FLOAT:
        cell->type = GRAIN_STORE_TYPE_REAL;
        cell->real = sqlite3_column_double(statement, column);
        break;
    default:
        cell->type = GRAIN_STORE_TYPE_STRING;
    }
    if (cell->type == GRAIN_STORE_TYPE_STRING || !types) {
        cell->text = (const char *)sqlite3_column_text(statement, column);
        cell->length = (size_t)sqlite3_column_bytes(statement, column);
    }
    if (!cell->text)
        cell->text = "";
}

int grain_reader_rows(struct grain_store_reader *reader, sqlite3_stmt *statement,
                      const enum grain_store_type *types, grain_store_row_fn fn, void *user)
{
    struct grain_store_cell cells[GRAIN_READER_COLUMNS_MAX];
    int count = sqlite3_column_count(statement), result, stopped = 0;

    if (count > GRAIN_READER_COLUMNS_MAX)
        return grain_fail(-EINVAL, "%s: more than %d columns", reader->path,
                          GRAIN_READER_COLUMNS_MAX);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW && !stopped) {
        for (int i = 0; i < count; i++)
            fill_cell(&cells[i], statement, i, types);
        stopped = fn(user, cells, (size_t)count);
        if (stopped)
            return stopped;
    }
    return grain_reader_fail(reader, result);
}

static bool only_space(const char *text)
{
    for (; *text; text++)
        if (!strchr(" \t\r\n;", *text))
            return false;
    return true;
}

static int run_guarded(struct grain_store_reader *reader, const char *sql, grain_store_row_fn fn,
                       void *user)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = "";
    int error =
        grain_reader_fail(reader, sqlite3_prepare_v2(reader->db, sql, -1, &statement, &rest));

    if (!error && !statement)
        error = grain_fail(-EINVAL, "%s: no statement", reader->path);
    if (!error && !only_space(rest))
        error = grain_fail(-EINVAL, "%s: more than one statement", reader->path);
    if (!error && !sqlite3_stmt_readonly(statement))
        error = grain_fail(-EPERM, "%s: only reading is allowed", reader->path);
    if (!error)
        error = grain_reader_rows(reader, statement, NULL, fn, user);
    sqlite3_finalize(statement);
    return error;
}

int grain_store_sql(struct grain_store_reader *reader, const char *sql, uint64_t limit_ns,
                    grain_store_row_fn fn, void *user)
{
    int error;

    (void)sqlite3_hard_heap_limit64(MEMORY_MOST);
    reader->deadline_ns = monotonic() + (limit_ns ? limit_ns : LIMIT_DEFAULT_NS);
    reader->late = false;
    reader->guarded = true;
    error = run_guarded(reader, sql, fn, user);
    reader->guarded = false;
    reader->deadline_ns = 0;
    return error;
}

const char *grain_store_table_name(unsigned int table)
{
    static const char *const names[] = {"files", "net", "dns", "tls", "processes", "gaps"};

    return table < GRAIN_STORE_TABLE_COUNT ? names[table] : NULL;
}
