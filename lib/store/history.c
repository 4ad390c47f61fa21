// SPDX-License-Identifier: GPL-2.0-only
/* Opening the database, and what its other parts share. */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <error_private.h>

/* Within one process: a database that is opened again was not given up for so long. */
#define REOPENED_NS 5000000000ULL
#define BUSY_MS     2000

#define ACTOR_COLUMNS                                                                            \
    "id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, start_ns INTEGER NOT NULL,"                   \
    " ppid INTEGER NOT NULL, uid INTEGER NOT NULL, comm INTEGER NOT NULL, exe INTEGER NOT NULL," \
    " arguments INTEGER NOT NULL, cgroup INTEGER NOT NULL, container INTEGER NOT NULL,"          \
    " container_name INTEGER NOT NULL, pod INTEGER NOT NULL, namespace INTEGER NOT NULL,"        \
    " image INTEGER NOT NULL, part INTEGER NOT NULL,"                                            \
    " UNIQUE(pid, start_ns, ppid, uid, comm, exe, arguments, cgroup, container,"                 \
    " container_name, pod, namespace, image)"

static const char *const schema =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE part(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " from_minute INTEGER NOT NULL, to_minute INTEGER NOT NULL);"
    "CREATE TABLE text(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, part INTEGER NOT NULL);"
    "CREATE TABLE object(id INTEGER PRIMARY KEY, name TEXT NOT NULL, dev INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, part INTEGER NOT NULL, UNIQUE(name, dev, ino));"
    "CREATE INDEX object_inode ON object(ino, dev) WHERE ino <> 0;"
    "CREATE TABLE actor(" ACTOR_COLUMNS ");"
    "CREATE TABLE gap(id INTEGER PRIMARY KEY, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL);"
    /* Number 0 is nothing: all rows find something, and stay for ever. */
    "INSERT INTO text VALUES(0, '', 9223372036854775807);"
    "INSERT INTO object VALUES(0, '', 0, 0, 9223372036854775807);"
    "INSERT INTO actor VALUES(0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9223372036854775807);";

/* From version 1. The views go first: they name what is replaced. */
static const char *const from_1 =
    "BEGIN IMMEDIATE;"
    "DROP VIEW IF EXISTS files;DROP VIEW IF EXISTS net;DROP VIEW IF EXISTS dns;"
    "DROP VIEW IF EXISTS tls;DROP VIEW IF EXISTS processes;"
    "CREATE TABLE actor_2(" ACTOR_COLUMNS ");"
    "INSERT INTO actor_2 SELECT id, pid, start_ns, ppid, uid, comm, exe, arguments, cgroup,"
    " container, container_name, 0, 0, 0, part FROM actor;"
    "DROP TABLE actor;ALTER TABLE actor_2 RENAME TO actor;"
    "PRAGMA user_version=2;"
    "COMMIT";

/* By enum grain_history_statement; dictionaries in their order. */
static const char *const statements[GRAIN_STATEMENT_COUNT] = {
    "SELECT id, part FROM text WHERE text=?1",
    "SELECT id, part FROM object WHERE name=?1 AND dev=?2 AND ino=?3",
    "SELECT id, part FROM actor WHERE pid=?1 AND start_ns=?2 AND ppid=?3 AND uid=?4 AND comm=?5"
    " AND exe=?6 AND arguments=?7 AND cgroup=?8 AND container=?9 AND container_name=?10"
    " AND pod=?11 AND namespace=?12 AND image=?13",
    "INSERT INTO text(part, text) VALUES(?2, ?1)",
    "INSERT INTO object(part, name, dev, ino) VALUES(?4, ?1, ?2, ?3)",
    "INSERT INTO actor(part, pid, start_ns, ppid, uid, comm, exe, arguments, cgroup, container,"
    " container_name, pod, namespace, image) VALUES(?14, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
    " ?11, ?12, ?13)",
    "UPDATE text SET part=?2 WHERE id=?1",
    "UPDATE object SET part=?2 WHERE id=?1",
    "UPDATE actor SET part=?2 WHERE id=?1",
    /* One gap that goes on: the last few are looked at, not all. */
    "UPDATE gap SET to_ns=max(to_ns,?2), from_ns=min(from_ns,?1), count=count+?5 WHERE id="
    "(SELECT id FROM (SELECT * FROM gap ORDER BY id DESC LIMIT 64) WHERE kind=?3 AND what=?4"
    " AND to_ns>=?1-60000000000 AND from_ns<=?2+60000000000 LIMIT 1)",
    "INSERT INTO gap(from_ns, to_ns, kind, what, count) VALUES(?1, ?2, ?3, ?4, ?5)",
    "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value=excluded.value",
};

int grain_history_fail(const struct grain_history *history, int result)
{
    const char *text = history->db ? sqlite3_errmsg(history->db) : sqlite3_errstr(result);

    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return grain_fail(-ENOMEM, "%s: no memory", history->path);
    case SQLITE_FULL:
        return grain_fail(-ENOSPC, "%s: the disk is full", history->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return grain_fail(-EUCLEAN, "%s: damaged: %s", history->path, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return grain_fail(-EBUSY, "%s: %s", history->path, text);
    case SQLITE_READONLY:
        return grain_fail(-EROFS, "%s: %s", history->path, text);
    default:
        return grain_fail(-EIO, "%s: %s (SQLite error %d)", history->path, text, result);
    }
}

int grain_history_run(struct grain_history *history, const char *sql)
{
    return grain_history_fail(history, sqlite3_exec(history->db, sql, NULL, NULL, NULL));
}

int grain_history_number(struct grain_history *history, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL);

    if (result)
        return grain_history_fail(history, result);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    result = grain_history_fail(history, result);
    sqlite3_finalize(statement);
    return result;
}

sqlite3_stmt *grain_history_statement(struct grain_history *history, unsigned int statement)
{
    sqlite3_stmt **at = &history->statements[statement];
    int result;

    if (*at)
        return *at;
    result = sqlite3_prepare_v3(history->db, statements[statement], -1, SQLITE_PREPARE_PERSISTENT,
                                at, NULL);
    if (result)
        (void)grain_history_fail(history, result);
    return *at;
}

void grain_history_forget_statements(struct grain_history *history)
{
    for (size_t i = 0; i < GRAIN_STATEMENT_COUNT; i++) {
        sqlite3_finalize(history->statements[i]);
        history->statements[i] = NULL;
    }
}

void grain_history_forget_known(struct grain_history *history)
{
    free(history->known);
    history->known = NULL;
}

/* A statement that gives no rows, once bound. */
static int finish(struct grain_history *history, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    int error = grain_history_fail(history, result);

    sqlite3_reset(statement);
    return error;
}

int grain_history_meta(struct grain_history *history, const char *key, int64_t value)
{
    sqlite3_stmt *statement = grain_history_statement(history, GRAIN_STATEMENT_META);

    if (!statement)
        return grain_history_fail(history, sqlite3_errcode(history->db));
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, value);
    return finish(history, statement);
}

int grain_history_gap(struct grain_history *history, const struct grain_folded_gap *gap,
                      const char *what, size_t length)
{
    for (unsigned int i = GRAIN_STATEMENT_GAP_JOIN; i <= GRAIN_STATEMENT_GAP; i++) {
        sqlite3_stmt *statement = grain_history_statement(history, i);
        int error;

        if (!statement)
            return grain_history_fail(history, sqlite3_errcode(history->db));
        sqlite3_bind_int64(statement, 1, (int64_t)gap->from_ns);
        sqlite3_bind_int64(statement, 2, (int64_t)gap->to_ns);
        sqlite3_bind_int64(statement, 3, gap->gap);
        sqlite3_bind_text(statement, 4, length ? what : "", (int)length, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 5, (int64_t)gap->count);
        error = finish(history, statement);
        if (error || sqlite3_changes(history->db))
            return error;
    }
    return 0;
}

uint64_t grain_history_bytes(const struct grain_history *history)
{
    static const char *const names[] = {"", "-wal"};
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[4200];
        struct stat stat;

        (void)snprintf(name, sizeof(name), "%s%s", history->path, names[i]);
        if (!lstat(name, &stat))
            bytes += (uint64_t)stat.st_size;
    }
    return bytes;
}

static int make_schema(struct grain_history *history, uint64_t now_ns)
{
    int error = grain_history_run(history, "BEGIN IMMEDIATE");

    if (!error)
        error = grain_history_run(history, schema);
    if (!error)
        error = grain_history_meta(history, "begin_ns", (int64_t)now_ns);
    if (!error)
        error = grain_history_meta(history, "last_ns", (int64_t)now_ns);
    if (!error)
        error = grain_history_make_views(history);
    if (!error) {
        char text[96];

        (void)snprintf(text, sizeof(text), "PRAGMA application_id=%d;PRAGMA user_version=%d;COMMIT",
                       GRAIN_HISTORY_APPLICATION, GRAIN_HISTORY_VERSION);
        error = grain_history_run(history, text);
    }
    return error;
}

/* Ours, and of a version that is known; or empty. Changes nothing: it may be someone else's. */
static int check_schema(struct grain_history *history, bool *fresh, bool *old)
{
    int64_t application = 0, version = 0, tables = 0;
    int error = grain_history_number(history, "SELECT count(*) FROM sqlite_schema", &tables);

    if (!error)
        error = grain_history_number(history, "PRAGMA application_id", &application);
    if (!error)
        error = grain_history_number(history, "PRAGMA user_version", &version);
    if (error)
        return error;
    *fresh = !tables && !application && !version;
    if (!*fresh && application != GRAIN_HISTORY_APPLICATION)
        return grain_fail(-EEXIST, "%s: a database, but not a history of grain; name another file",
                          history->path);
    if (version > GRAIN_HISTORY_VERSION)
        return grain_fail(-ENOTSUP,
                          "%s: written by a newer grain (schema %lld; this one knows %d);"
                          " use that one, or name another file",
                          history->path, (long long)version, GRAIN_HISTORY_VERSION);
    *old = !*fresh && version < GRAIN_HISTORY_VERSION;
    return 0;
}

static int convert(struct grain_history *history)
{
    int error = grain_history_run(history, from_1);

    if (error)
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return error;
}

static int configure(struct grain_history *history)
{
    sqlite3_busy_timeout(history->db, BUSY_MS);
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(history->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    /* Before the first table: pages that are free can be given back. */
    return grain_history_run(history, "PRAGMA auto_vacuum=INCREMENTAL;"
                                      "PRAGMA journal_mode=WAL;"
                                      "PRAGMA synchronous=NORMAL;"
                                      "PRAGMA secure_delete=OFF;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA cache_size=-32768;"
                                      "PRAGMA wal_autocheckpoint=4000;"
                                      "PRAGMA journal_size_limit=16777216");
}

/* Whoever wrote last has told of all until then, and of nothing after it. */
static int note_stop(struct grain_history *history, uint64_t now_ns, uint64_t least_ns)
{
    int64_t last = 0, begin = 0;
    int error = grain_history_number(history, "SELECT value FROM meta WHERE key='last_ns'", &last);

    if (!error)
        error =
            grain_history_number(history, "SELECT value FROM meta WHERE key='begin_ns'", &begin);
    if (error)
        return error;
    history->begin_ns = (uint64_t)begin;
    if (now_ns > (uint64_t)last + least_ns) {
        struct grain_folded_gap gap = {
            .from_ns = (uint64_t)last, .to_ns = now_ns, .gap = GRAIN_STORE_GAP_STOPPED};

        error = grain_history_gap(history, &gap, "", 0);
    }
    if (!error)
        error = grain_history_meta(history, "last_ns", (int64_t)now_ns);
    history->noted_ns = now_ns;
    return error;
}

static void close_database(struct grain_history *history)
{
    grain_history_forget_statements(history);
    grain_history_forget_known(history);
    sqlite3_close(history->db);
    history->db = NULL;
    free(history->parts);
    history->parts = NULL;
    history->part_count = history->part_room = 0;
}

static int open_database(struct grain_history *history, uint64_t now_ns, uint64_t least_ns)
{
    bool fresh = false, old = false;
    int error = grain_history_fail(
        history, sqlite3_open_v2(history->path, &history->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));

    if (!error)
        error = check_schema(history, &fresh, &old);
    if (!error)
        error = configure(history);
    if (!error && fresh)
        error = make_schema(history, now_ns);
    if (!error && old)
        error = convert(history);
    if (!error)
        error = grain_history_load_parts(history);
    if (!error && old)
        error = grain_history_make_views(history);
    if (!error)
        error = grain_history_run(history, "BEGIN IMMEDIATE");
    if (!error)
        error = note_stop(history, now_ns, least_ns);
    if (!error)
        error = grain_history_run(history, "COMMIT");
    if (error)
        close_database(history);
    return error;
}

int grain_history_reopen(struct grain_history *history, uint64_t now_ns)
{
    return open_database(history, now_ns, REOPENED_NS);
}

int grain_history_renew(struct grain_history *history, uint64_t now_ns)
{
    struct grain_folded_gap gap = {
        .from_ns = history->begin_ns, .to_ns = now_ns, .gap = GRAIN_STORE_GAP_DAMAGED};
    int error;

    close_database(history);
    error = grain_history_move_aside(history->path);
    if (!error)
        error = open_database(history, now_ns, REOPENED_NS);
    if (error)
        return error;
    history->damaged++;
    return grain_history_gap(history, &gap, "", 0);
}

int grain_history_open(struct grain_history **out, const char *path, uint64_t max_age_ns,
                       uint64_t max_bytes, uint64_t now_ns)
{
    struct grain_history *history = calloc(1, sizeof(*history));
    bool known = false;
    int error;

    if (!history)
        return grain_fail(-ENOMEM, "%s: no memory", path);
    history->lock = -1;
    history->max_age_ns = max_age_ns;
    history->max_bytes = max_bytes;
    history->path = strdup(path);
    error = history->path ? grain_history_claim(path, &history->lock, &known)
                          : grain_fail(-ENOMEM, "%s: no memory", path);
    if (!error)
        error = open_database(history, now_ns, 0);
    if (error == -EUCLEAN && known)
        error = grain_history_renew(history, now_ns);
    else if (error == -EUCLEAN)
        error = grain_fail(-EEXIST, "%s: not a history of grain; name another file", path);
    if (error) {
        grain_history_close(history);
        return error;
    }
    *out = history;
    return 0;
}

void grain_history_close(struct grain_history *history)
{
    if (!history)
        return;
    close_database(history);
    if (history->lock >= 0)
        close(history->lock);
    free(history->path);
    free(history);
}
