// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a filter to SQL. Which files and which processes are meant is found out first, from the
 * dictionaries; then each part of the time in question is asked by its key.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <error_private.h>

#include "history.h"
#include "reader_private.h"
#include "store_private.h"

/* Files by number and time, in temp.hit; processes in temp.who. Neither is on disk. */
static const char *const temporary =
    "CREATE TEMP TABLE IF NOT EXISTS hit(id INTEGER, from_minute INTEGER, to_minute INTEGER,"
    " named INTEGER);"
    "CREATE TEMP TABLE IF NOT EXISTS who(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE IF NOT EXISTS seen(dev INTEGER, ino INTEGER, first INTEGER, last INTEGER);"
    "DELETE FROM hit;DELETE FROM who;DELETE FROM seen;";

struct query {
    struct grain_store_reader *reader;
    const struct grain_store_filter *filter;
    enum grain_store_kind kind;
    int64_t from_minute, until_minute; /* both belong to it */
    int64_t parts[2 * GRAIN_HISTORY_PARTS_MAX];
    size_t part_count;
};

static int bind_run(struct grain_store_reader *reader, const char *sql, const char *text,
                    const char *text2, int64_t number)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);

    if (result)
        return grain_reader_fail(reader, result);
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, text2, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, number);
    result = grain_reader_fail(reader, sqlite3_step(statement));
    sqlite3_finalize(statement);
    return result;
}

static int find_parts(struct query *query)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(query->reader->db,
                                    "SELECT id FROM part WHERE kind=?1 AND to_minute>?2 AND"
                                    " from_minute<=?3 ORDER BY from_minute, id",
                                    -1, &statement, NULL);

    if (result)
        return grain_reader_fail(query->reader, result);
    sqlite3_bind_int(statement, 1, (int)query->kind);
    sqlite3_bind_int64(statement, 2, query->from_minute);
    sqlite3_bind_int64(statement, 3, query->until_minute);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW &&
           query->part_count < sizeof(query->parts) / sizeof(query->parts[0]))
        query->parts[query->part_count++] = sqlite3_column_int64(statement, 0);
    result = grain_reader_fail(query->reader, result);
    sqlite3_finalize(statement);
    return result;
}

/* Objects whose name is meant. */
static int find_named(struct query *query)
{
    const char *path = query->filter->path;
    size_t length = strlen(path);
    struct grain_store_reader *reader = query->reader;
    char end[GRAIN_STORE_TEXT_MAX + 2];

#define INTO_HIT \
    "INSERT INTO hit SELECT id, -9223372036854775807, 9223372036854775807, 1 FROM object"
    if (length > GRAIN_STORE_TEXT_MAX)
        return grain_fail(-EINVAL, "--path: longer than a path can be");
    if (strpbrk(path, "*?["))
        return bind_run(reader, INTO_HIT " WHERE name GLOB ?1", path, NULL, 0);
    if (length > 1 && path[length - 1] == '/') {
        /* Everything that begins so: up to what comes behind '/'. */
        (void)snprintf(end, sizeof(end), "%.*s0", (int)length - 1, path);
        return bind_run(reader, INTO_HIT " WHERE (name>=?1 AND name<?2)", path, end, 0);
    }
    if (!strcmp(path, "/"))
        return bind_run(reader, INTO_HIT " WHERE name>=?1 AND name<'0'", path, NULL, 0);
    return bind_run(reader, INTO_HIT " WHERE name=?1", path, NULL, 0);
#undef INTO_HIT
}

/* When a path was which file: the first and last minute of each of them, in all parts. */
static int find_sightings(struct query *query)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);
    sqlite3_stmt *statement;
    const char *joint = "";
    int error = 0;

    if (!out)
        return grain_fail(-ENOMEM, "no memory");
    if (sqlite3_prepare_v2(query->reader->db, "SELECT id FROM part WHERE kind=0", -1, &statement,
                           NULL)) {
        fclose(out);
        free(sql);
        return grain_reader_fail(query->reader, sqlite3_errcode(query->reader->db));
    }
    fputs("INSERT INTO seen SELECT o.dev, o.ino, min(x.a), max(x.b) FROM (", out);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        int64_t part = sqlite3_column_int64(statement, 0);

        fprintf(out,
                "%sSELECT h.id, (SELECT min(minute) FROM file_%" PRId64
                " WHERE object=h.id) AS a, (SELECT max(minute) FROM file_%" PRId64
                " WHERE object=h.id) AS b FROM hit h",
                joint, part, part);
        joint = " UNION ALL ";
    }
    sqlite3_finalize(statement);
    fputs(") x JOIN object o ON o.id=x.id WHERE x.a IS NOT NULL AND o.ino<>0 GROUP BY o.dev, o.ino",
          out);
    if (fclose(out))
        error = grain_fail(-ENOMEM, "no memory");
    else if (*joint)
        error = grain_reader_run(query->reader, sql);
    free(sql);
    return error;
}

/*
 * The same file by other names, while the path was that file: from the last time that it was seen
 * as another one, until the next time. An inode number is used again for something else.
 */
static int find_others(struct query *query)
{
    int error = find_sightings(query);

    if (error)
        return error;
    return grain_reader_run(query->reader,
                            "INSERT INTO hit SELECT o.id,"
                            " coalesce((SELECT max(t.last) FROM seen t WHERE t.last<s.first AND"
                            "  (t.ino<>s.ino OR t.dev<>s.dev)), -9223372036854775807),"
                            " coalesce((SELECT min(t.first) FROM seen t WHERE t.first>s.last AND"
                            "  (t.ino<>s.ino OR t.dev<>s.dev)), 9223372036854775807), 0"
                            " FROM seen s JOIN object o ON o.ino=s.ino AND o.dev=s.dev AND o.ino<>0"
                            " WHERE o.id NOT IN (SELECT id FROM hit)");
}

static int find_files(struct query *query)
{
    const char *path = query->filter->path;
    int error;

    if (!path)
        return 0;
    error = find_named(query);
    /* Of a directory or pattern, the names are what was asked for. */
    if (!error && !query->filter->only_path && !strpbrk(path, "*?[") &&
        path[strlen(path) - 1] != '/')
        error = find_others(query);
    return error;
}

static bool asks_who(const struct grain_store_filter *filter)
{
    return filter->process || filter->container || filter->has_uid;
}

static void write_process(FILE *out, const char *process)
{
    const char *digit = process;

    while (isdigit((unsigned char)*digit))
        digit++;
    if (*process && !*digit && digit - process < 11)
        fputs(" AND a.pid=CAST(?1 AS INTEGER)", out);
    else if (strchr(process, '/'))
        fputs(" AND a.exe IN (SELECT id FROM text WHERE text=?1)", out);
    else
        /* The last part of a path, without a pattern's letters in it. */
        fputs(" AND (a.comm IN (SELECT id FROM text WHERE text=?1) OR a.exe IN (SELECT id FROM text"
              " WHERE substr(text,-length(?1)-1)='/'||?1))",
              out);
}

static int find_who(struct query *query)
{
    const struct grain_store_filter *filter = query->filter;
    char *sql = NULL;
    size_t size;
    FILE *out;
    int error;

    if (!asks_who(filter))
        return 0;
    out = open_memstream(&sql, &size);
    if (!out)
        return grain_fail(-ENOMEM, "no memory");
    fputs("INSERT INTO who SELECT a.id FROM actor a WHERE 1", out);
    if (filter->process)
        write_process(out, filter->process);
    if (filter->container)
        fprintf(out,
                " AND (a.container_name IN (SELECT id FROM text WHERE text=?2)%s OR a.container IN"
                " (SELECT id FROM text WHERE substr(text,1,length(?2))=?2))",
                query->reader->old ? "" : " OR a.pod IN (SELECT id FROM text WHERE text=?2)");
    if (filter->has_uid)
        fputs(" AND a.uid=?3", out);
    error = fclose(out)
                ? grain_fail(-ENOMEM, "no memory")
                : bind_run(query->reader, sql, filter->process, filter->container, filter->uid);
    free(sql);
    return error;
}

#define EXACT "(SELECT id FROM text WHERE text=lower(?1))"
/* "*.example.org": what follows the star, or the name itself. */
#define BELOW                                                                           \
    "(SELECT id FROM text WHERE text=lower(substr(?1,3)) OR substr(text,1-length(?1))=" \
    "lower(substr(?1,2)))"

static const char *name_condition(enum grain_store_kind kind, const char *name)
{
    bool below = !strncmp(name, "*.", 2);

    switch (kind) {
    case GRAIN_STORE_KIND_NET:
        return below ? " AND (f.name IN " BELOW " OR f.sni IN " BELOW ")"
                     : " AND (f.name IN " EXACT " OR f.sni IN " EXACT ")";
    case GRAIN_STORE_KIND_DNS:
        return below ? " AND f.name IN " BELOW : " AND f.name IN " EXACT;
    default:
        return below ? " AND f.sni IN " BELOW : " AND f.sni IN " EXACT;
    }
}

static const char *address_condition(enum grain_store_kind kind)
{
    if (kind == GRAIN_STORE_KIND_DNS)
        return " AND (f.server IN (SELECT id FROM text WHERE text=?2) OR f.answers IN"
               " (SELECT id FROM text WHERE instr(' '||text||' ',' '||?2||' ')))";
    return " AND f.remote IN (SELECT id FROM text WHERE text=?2)";
}

/* What holds in each part; times to the millisecond. */
static void write_conditions(FILE *out, const struct query *query)
{
    const struct grain_store_filter *filter = query->filter;

    fprintf(out, " WHERE f.minute BETWEEN %" PRId64 " AND %" PRId64, query->from_minute,
            query->until_minute);
    if (filter->from_ns)
        fprintf(out, " AND f.minute*60000+f.last_ms>=%" PRIu64, filter->from_ns / 1000000);
    if (filter->until_ns)
        fprintf(out, " AND f.minute*60000+f.first_ms<%" PRIu64, filter->until_ns / 1000000);
    if (asks_who(filter))
        fputs(" AND f.actor IN (SELECT id FROM who)", out);
    if (filter->name)
        fputs(name_condition(query->kind, filter->name), out);
    if (filter->address)
        fputs(address_condition(query->kind), out);
    if (query->kind == GRAIN_STORE_KIND_FILE && filter->operation >= 0)
        fprintf(out, " AND f.operation=%d", filter->operation);
}

static void write_arm(FILE *out, const struct query *query, const char *source, const char *more)
{
    grain_view_select(
        out, grain_view_columns(query->kind),
        query->reader->old ? grain_view_process_columns_1 : grain_view_process_columns, 0);
    grain_view_from(out, query->kind, source, "CROSS JOIN");
    write_conditions(out, query);
    fputs(more, out);
}

static void write_part(FILE *out, const struct query *query, int64_t part)
{
    const char *prefix = grain_store_kinds[query->kind].prefix;
    char source[128];

    if (!query->filter->path) {
        (void)snprintf(source, sizeof(source), "%s_%" PRId64 " f", prefix, part);
        write_arm(out, query, source, "");
        return;
    }
    (void)snprintf(source, sizeof(source), "hit h CROSS JOIN %s_%" PRId64 " f", prefix, part);
    write_arm(out, query, source,
              " AND f.object=h.id AND f.minute BETWEEN h.from_minute AND h.to_minute");
    fputs(" UNION ALL ", out);
    write_arm(out, query, source,
              " AND h.named AND f.object2=h.id AND f.object2<>0"
              " AND f.object NOT IN (SELECT id FROM hit)");
}

static char *write_sql(const struct query *query)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);
    uint64_t limit = query->filter->limit;

    if (!out)
        return NULL;
    if (limit)
        fputs("SELECT * FROM (", out);
    for (size_t i = 0; i < query->part_count; i++) {
        if (i)
            fputs(" UNION ALL ", out);
        write_part(out, query, query->parts[i]);
    }
    if (limit)
        fprintf(out, " ORDER BY 1 DESC LIMIT %" PRIu64 ")", limit);
    fputs(" ORDER BY 1", out);
    return fclose(out) ? (free(sql), NULL) : sql;
}

static size_t list_types(enum grain_store_kind kind, enum grain_store_type *types)
{
    const struct grain_view_column *lists[] = {grain_view_columns(kind),
                                               grain_view_process_columns};
    size_t count = 0;

    for (size_t i = 0; i < 2; i++)
        for (const struct grain_view_column *at = lists[i]; at->name; at++)
            types[count++] = at->type;
    return count;
}

static int ask(const struct query *query, grain_store_row_fn fn, void *user)
{
    enum grain_store_type types[GRAIN_READER_COLUMNS_MAX];
    struct grain_store_reader *reader = query->reader;
    sqlite3_stmt *statement = NULL;
    char *sql;
    int error;

    if (!query->part_count)
        return 0;
    sql = write_sql(query);
    if (!sql)
        return grain_fail(-ENOMEM, "no memory");
    error = grain_reader_fail(reader, sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL));
    free(sql);
    (void)list_types(query->kind, types);
    if (!error) {
        /* A number that the statement does not have is refused, and does not matter. */
        (void)sqlite3_bind_text(statement, 1, query->filter->name, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 2, query->filter->address, -1, SQLITE_STATIC);
        error = grain_reader_rows(reader, statement, types, fn, user);
    }
    sqlite3_finalize(statement);
    return error;
}

static int check_filter(const struct grain_store_filter *filter)
{
    const char *table = grain_store_table_name(filter->table);
    bool net = filter->table == GRAIN_STORE_NET || filter->table == GRAIN_STORE_DNS ||
               filter->table == GRAIN_STORE_TLS;

    if (filter->table >= GRAIN_STORE_GAPS_TABLE)
        return grain_fail(-EINVAL, "no such table");
    if ((filter->path || filter->operation >= 0) && filter->table != GRAIN_STORE_FILES)
        return grain_fail(-EINVAL, "%s have no path and no operation", table);
    if ((filter->name || filter->address) && !net)
        return grain_fail(-EINVAL, "%s have no name and no address", table);
    if (filter->path && !*filter->path)
        return grain_fail(-EINVAL, "the path is empty");
    return 0;
}

static int find_and_ask(struct query *query, grain_store_row_fn fn, void *user)
{
    int error = find_parts(query);

    if (!error)
        error = find_files(query);
    if (!error)
        error = find_who(query);
    return error ? error : ask(query, fn, user);
}

int grain_store_select(struct grain_store_reader *reader, const struct grain_store_filter *filter,
                       grain_store_row_fn fn, void *user)
{
    struct query query = {.reader = reader, .filter = filter};
    int error = check_filter(filter);

    if (error)
        return error;
    query.kind = (enum grain_store_kind)filter->table;
    query.from_minute = (int64_t)(filter->from_ns / GRAIN_MINUTE_NS);
    query.until_minute =
        filter->until_ns ? (int64_t)(filter->until_ns / GRAIN_MINUTE_NS) : INT64_MAX / 60001;
    error = grain_reader_run(reader, temporary);
    /* All questions about one state of the database. */
    if (!error)
        error = grain_reader_run(reader, "BEGIN");
    if (error)
        return error;
    error = find_and_ask(&query, fn, user);
    (void)sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    return error;
}
