// SPDX-License-Identifier: GPL-2.0-only
/* Gaps: those that were recorded, and the two ends of the history. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader_private.h"
#include "store_private.h"

/* The database notes every ten seconds that grain is there. */
#define STOPPED_NS 30000000000ULL

struct question {
    uint64_t from_ns, until_ns;
    grain_store_row_fn fn;
    void *user;
};

static int64_t meta(struct grain_store_reader *reader, const char *key)
{
    sqlite3_stmt *statement;
    int64_t value = 0;

    if (sqlite3_prepare_v2(reader->db, "SELECT value FROM meta WHERE key=?1", -1, &statement, NULL))
        return 0;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* One that is not in the table. */
static int tell(const struct question *question, enum grain_store_gap gap, const char *what,
                uint64_t from_ns, uint64_t to_ns)
{
    const char *name = grain_store_gap_name(gap);
    struct grain_store_cell cells[] = {
        {.name = "time", .type = GRAIN_STORE_TYPE_TIME, .number = (int64_t)(from_ns / 1000000)},
        {.name = "until", .type = GRAIN_STORE_TYPE_TIME, .number = (int64_t)(to_ns / 1000000)},
        {.name = "kind", .type = GRAIN_STORE_TYPE_STRING, .text = name, .length = strlen(name)},
        {.name = "what", .type = GRAIN_STORE_TYPE_STRING, .text = what, .length = strlen(what)},
        {.name = "count", .type = GRAIN_STORE_TYPE_NUMBER},
    };

    if (from_ns >= to_ns || to_ns <= question->from_ns || from_ns >= question->until_ns)
        return 0;
    return question->fn(question->user, cells, sizeof(cells) / sizeof(cells[0]));
}

static int recorded(struct grain_store_reader *reader, const struct question *question)
{
    enum grain_store_type types[GRAIN_READER_COLUMNS_MAX];
    sqlite3_stmt *statement;
    char *sql = NULL;
    size_t size, count = 0;
    FILE *out = open_memstream(&sql, &size);
    int result;

    if (!out)
        return grain_reader_fail(reader, SQLITE_NOMEM);
    grain_view_select(out, grain_view_gap_columns, NULL, 0);
    fputs(" FROM gap WHERE to_ns>=?1 AND from_ns<=?2 ORDER BY from_ns, id", out);
    if (fclose(out))
        return grain_reader_fail(reader, SQLITE_NOMEM);
    result = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);
    free(sql);
    if (result)
        return grain_reader_fail(reader, result);
    for (const struct grain_view_column *at = grain_view_gap_columns; at->name; at++)
        types[count++] = at->type;
    sqlite3_bind_int64(statement, 1, (int64_t)question->from_ns);
    sqlite3_bind_int64(statement, 2, (int64_t)question->until_ns);
    result = grain_reader_rows(reader, statement, types, question->fn, question->user);
    sqlite3_finalize(statement);
    return result;
}

int grain_store_select_gaps(struct grain_store_reader *reader, uint64_t from_ns, uint64_t until_ns,
                            uint64_t now_ns, grain_store_row_fn fn, void *user)
{
    uint64_t now = now_ns ? now_ns : grain_store_now();
    struct question question = {from_ns, until_ns && until_ns < now ? until_ns : now, fn, user};
    uint64_t begin = (uint64_t)meta(reader, "begin_ns");
    uint64_t last = (uint64_t)meta(reader, "last_ns");
    int error = tell(&question, GRAIN_STORE_GAP_BEFORE, "", from_ns, begin);

    if (!error)
        error = recorded(reader, &question);
    if (!error && now > last + STOPPED_NS)
        error = tell(&question, GRAIN_STORE_GAP_STOPPED, "", last, now);
    return error;
}
