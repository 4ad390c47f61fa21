// SPDX-License-Identifier: GPL-2.0-only
/* Parts: made when they are needed, cut when they are large, removed when they are old. */
#include "history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <error_private.h>

#include "columns.h"

#define DAY_MINUTES 1440
/* A part is that share of what is allowed, so that little leaves at once; a row is about so long.
 */
#define PARTS_OF_BYTES 200
#define ROW_BYTES      48
#define ROWS_LEAST     2000
#define ROWS_MOST      1000000
/* At once. */
#define DROPS_MAX    16
#define VACUUM_PAGES 2000
/* Of max_bytes: the log, and what comes before the next look. */
#define RESERVE_SHARE 8
#define RESERVE_MOST  (24 << 20)

static int64_t part_minutes(const struct grain_history *history)
{
    uint64_t days = history->max_age_ns / (DAY_MINUTES * GRAIN_MINUTE_NS);

    if (days < 2)
        return 60;
    return days <= 60 ? DAY_MINUTES : (int64_t)(days / 60 + 1) * DAY_MINUTES;
}

static size_t part_rows(const struct grain_history *history)
{
    uint64_t rows = history->max_bytes / PARTS_OF_BYTES / ROW_BYTES;

    return rows < ROWS_LEAST ? ROWS_LEAST : rows > ROWS_MOST ? ROWS_MOST : (size_t)rows;
}

static struct grain_part *remember(struct grain_history *history, const struct grain_part *part)
{
    if (history->part_count == history->part_room) {
        size_t room = history->part_room ? 2 * history->part_room : 64;
        struct grain_part *larger = realloc(history->parts, room * sizeof(*larger));

        if (!larger) {
            (void)grain_fail(-ENOMEM, "%s: no memory", history->path);
            return NULL;
        }
        history->parts = larger;
        history->part_room = room;
    }
    history->parts[history->part_count] = *part;
    return &history->parts[history->part_count++];
}

int grain_history_load_parts(struct grain_history *history)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(history->db,
                                    "SELECT id, kind, from_minute, to_minute FROM part ORDER BY id",
                                    -1, &statement, NULL);

    history->part_count = 0;
    if (result)
        return grain_history_fail(history, result);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct grain_part part = {
            .id = sqlite3_column_int64(statement, 0),
            .kind = (uint8_t)sqlite3_column_int(statement, 1),
            .from_minute = sqlite3_column_int64(statement, 2),
            .to_minute = sqlite3_column_int64(statement, 3),
            .rows = SIZE_MAX, /* not known */
        };

        if (part.kind < GRAIN_STORE_KIND_COUNT && !remember(history, &part)) {
            sqlite3_finalize(statement);
            return -ENOMEM;
        }
    }
    result = grain_history_fail(history, result);
    sqlite3_finalize(statement);
    return result;
}

static void write_view(FILE *out, const struct grain_history *history, enum grain_store_kind kind)
{
    const struct grain_store_kind_info *info = &grain_store_kinds[kind];
    const char *joint = "";

    fprintf(out, "DROP VIEW IF EXISTS %s;CREATE VIEW %s AS ", info->view, info->view);
    for (size_t i = 0; i < history->part_count; i++) {
        char source[64];

        if (history->parts[i].kind != kind)
            continue;
        (void)snprintf(source, sizeof(source), "%s_%" PRId64 " f", info->prefix,
                       history->parts[i].id);
        fputs(joint, out);
        grain_view_select(out, grain_view_columns(kind), grain_view_process_columns, 1);
        grain_view_from(out, kind, source, "JOIN");
        joint = " UNION ALL ";
    }
    if (!*joint) {
        /* No rows, but all columns. */
        const struct grain_view_column *lists[] = {grain_view_columns(kind),
                                                   grain_view_process_columns};

        joint = "SELECT ";
        for (size_t i = 0; i < 2; i++)
            for (const struct grain_view_column *at = lists[i]; at->name; at++, joint = ",")
                fprintf(out, "%sNULL AS %s", joint, at->name);
        fputs(" WHERE 0", out);
    }
    fputc(';', out);
}

int grain_history_make_views(struct grain_history *history)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);
    int error;

    if (!out)
        return grain_fail(-ENOMEM, "%s: no memory", history->path);
    for (int kind = 0; kind < GRAIN_STORE_KIND_COUNT; kind++)
        write_view(out, history, (enum grain_store_kind)kind);
    fputs("DROP VIEW IF EXISTS gaps;CREATE VIEW gaps AS ", out);
    grain_view_select(out, grain_view_gap_columns, NULL, 1);
    fputs(" FROM gap;", out);
    error = fclose(out) ? grain_fail(-ENOMEM, "%s: no memory", history->path)
                        : grain_history_run(history, sql);
    free(sql);
    return error;
}

static int make_part(struct grain_history *history, struct grain_part *part)
{
    char *sql = NULL, text[192];
    int error;

    (void)snprintf(text, sizeof(text),
                   "INSERT INTO part(kind, from_minute, to_minute) VALUES(%u, %" PRId64 ", %" PRId64
                   ")",
                   part->kind, part->from_minute, part->to_minute);
    error = grain_history_run(history, text);
    if (error)
        return error;
    part->id = sqlite3_last_insert_rowid(history->db);
    sql = grain_store_create_sql(&grain_store_kinds[part->kind], part->id);
    error =
        sql ? grain_history_run(history, sql) : grain_fail(-ENOMEM, "%s: no memory", history->path);
    free(sql);
    return error;
}

struct grain_part *grain_history_part(struct grain_history *history, enum grain_store_kind kind,
                                      int64_t minute)
{
    int64_t length = part_minutes(history);
    struct grain_part part = {.kind = (uint8_t)kind}, *made;

    /* The newest first: an older one that holds the minute as well was cut. */
    for (size_t i = history->part_count; i--;)
        if (history->parts[i].kind == kind && history->parts[i].from_minute <= minute &&
            minute < history->parts[i].to_minute)
            return &history->parts[i];
    part.from_minute = minute / length * length;
    part.to_minute = part.from_minute + length;
    if (make_part(history, &part))
        return NULL;
    made = remember(history, &part);
    return made && !grain_history_make_views(history) ? made : NULL;
}

static int count_rows(struct grain_history *history, struct grain_part *part)
{
    int64_t count = 0;
    char text[96];
    int error;

    (void)snprintf(text, sizeof(text), "SELECT count(*) FROM %s_%" PRId64,
                   grain_store_kinds[part->kind].prefix, part->id);
    error = grain_history_number(history, text, &count);
    part->rows = (size_t)count;
    return error;
}

/* What is in it stays; from `minute` on there is another one, which may have it as well. */
int grain_history_cut(struct grain_history *history, struct grain_part *part, int64_t minute)
{
    struct grain_part next = {.kind = part->kind, .from_minute = minute};
    char text[96];
    int error = 0;

    if (part->rows < part_rows(history))
        return 0;
    /* Rows that were added to were counted, too. */
    error = count_rows(history, part);
    if (error || part->rows < part_rows(history))
        return error;
    next.to_minute = part->to_minute;
    part->to_minute = minute + 1;
    (void)snprintf(text, sizeof(text), "UPDATE part SET to_minute=%" PRId64 " WHERE id=%" PRId64,
                   part->to_minute, part->id);
    error = grain_history_run(history, text);
    if (!error)
        error = make_part(history, &next);
    if (!error && !remember(history, &next))
        error = -ENOMEM;
    return error ? error : grain_history_make_views(history);
}

/* Dictionaries lose what no part can refer to any more. */
static int sweep(struct grain_history *history)
{
    int64_t all = INT64_MAX, files = INT64_MAX;
    char text[256];

    for (size_t i = 0; i < history->part_count; i++) {
        const struct grain_part *part = &history->parts[i];

        all = part->id < all ? part->id : all;
        if (part->kind == GRAIN_STORE_KIND_FILE)
            files = part->id < files ? part->id : files;
    }
    (void)snprintf(text, sizeof(text),
                   "DELETE FROM object WHERE part<%" PRId64 ";DELETE FROM actor WHERE part<%" PRId64
                   ";DELETE FROM text WHERE part<%" PRId64,
                   files, all, all);
    return grain_history_run(history, text);
}

static int drop_part(struct grain_history *history, size_t at, uint64_t now_ns)
{
    struct grain_part part = history->parts[at];
    uint64_t end_ns = (uint64_t)part.to_minute * GRAIN_MINUTE_NS;
    char text[192];
    int error;

    (void)snprintf(text, sizeof(text),
                   "DROP TABLE %s_%" PRId64 ";DELETE FROM part WHERE id=%" PRId64,
                   grain_store_kinds[part.kind].prefix, part.id, part.id);
    memmove(&history->parts[at], &history->parts[at + 1],
            (history->part_count - at - 1) * sizeof(part));
    history->part_count--;
    /* The views first: a table that a view names cannot be told from one that is missing. */
    error = grain_history_make_views(history);
    if (!error)
        error = grain_history_run(history, text);
    /* The one that is written now may have to leave, too. */
    end_ns = end_ns < now_ns ? end_ns : now_ns;
    if (!error && end_ns > history->begin_ns) {
        history->begin_ns = end_ns;
        error = grain_history_meta(history, "begin_ns", (int64_t)end_ns);
    }
    history->removed += !error;
    return error;
}

static int used_bytes(struct grain_history *history, uint64_t *used, uint64_t *all)
{
    int64_t pages = 0, spare = 0, size = 4096;
    int error = grain_history_number(history, "PRAGMA page_count", &pages);

    if (!error)
        error = grain_history_number(history, "PRAGMA freelist_count", &spare);
    if (!error)
        error = grain_history_number(history, "PRAGMA page_size", &size);
    *all = (uint64_t)(pages * size);
    *used = (uint64_t)((pages - spare) * size);
    return error;
}

static uint64_t allowed_bytes(const struct grain_history *history)
{
    uint64_t reserve = history->max_bytes / RESERVE_SHARE;

    return history->max_bytes - (reserve > RESERVE_MOST ? RESERVE_MOST : reserve);
}

/* The place of the part that ended first. */
static size_t oldest_part(const struct grain_history *history, int kind)
{
    size_t oldest = SIZE_MAX;

    for (size_t i = 0; i < history->part_count; i++)
        if ((kind < 0 || history->parts[i].kind == kind) &&
            (oldest == SIZE_MAX || history->parts[i].to_minute < history->parts[oldest].to_minute))
            oldest = i;
    return oldest;
}

/* The next one that has to leave; SIZE_MAX: none. */
static int choose(struct grain_history *history, uint64_t now_ns, size_t *out)
{
    uint64_t used = 0, all = 0;
    size_t counts[GRAIN_STORE_KIND_COUNT] = {0};
    int error = used_bytes(history, &used, &all);

    *out = oldest_part(history, -1);
    if (error || *out == SIZE_MAX || used > allowed_bytes(history))
        return error;
    if ((uint64_t)history->parts[*out].to_minute * GRAIN_MINUTE_NS + history->max_age_ns <= now_ns)
        return 0;
    for (size_t i = 0; i < history->part_count; i++)
        counts[history->parts[i].kind]++;
    *out = SIZE_MAX;
    for (int kind = 0; kind < GRAIN_STORE_KIND_COUNT; kind++)
        if (counts[kind] > GRAIN_HISTORY_PARTS_MAX)
            *out = oldest_part(history, kind);
    return 0;
}

static int drop_old(struct grain_history *history, uint64_t now_ns, bool *dropped)
{
    size_t at;
    int error = choose(history, now_ns, &at);

    *dropped = false;
    if (error || at == SIZE_MAX)
        return error;
    grain_history_forget_statements(history);
    grain_history_forget_known(history);
    error = grain_history_run(history, "BEGIN IMMEDIATE");
    if (!error)
        error = drop_part(history, at, now_ns);
    if (!error)
        error = sweep(history);
    if (!error)
        error = grain_history_run(history, "COMMIT");
    if (error) {
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
        (void)grain_history_load_parts(history);
        return error;
    }
    *dropped = true;
    return 0;
}

int grain_history_bound(struct grain_history *history, uint64_t now_ns)
{
    uint64_t used = 0, all = 0, oldest;
    bool dropped = true;
    char text[96];
    int error = 0;

    for (int i = 0; !error && dropped && i < DROPS_MAX; i++)
        error = drop_old(history, now_ns, &dropped);
    if (!error)
        error = used_bytes(history, &used, &all);
    if (!error && all > history->max_bytes) {
        (void)snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
        error = grain_history_run(history, text);
    }
    oldest = now_ns > history->max_age_ns ? now_ns - history->max_age_ns : 0;
    if (!error && oldest > history->begin_ns + GRAIN_MINUTE_NS * 60) {
        (void)snprintf(text, sizeof(text), "DELETE FROM gap WHERE to_ns<%" PRIu64, oldest);
        error = grain_history_run(history, text);
        if (!error)
            error = grain_history_meta(history, "begin_ns", (int64_t)oldest);
        history->begin_ns = oldest;
    }
    return error;
}
