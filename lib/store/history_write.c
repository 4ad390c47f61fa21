// SPDX-License-Identifier: GPL-2.0-only
/* A batch becomes rows of the database. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <error_private.h>

#include "history.h"

/* The database remembers that often when grain was there last, if nothing else is to be written. */
#define NOTE_NS 10000000000ULL

/* Its texts came before it, and have the database's numbers. */
static void read_actor(const struct grain_folded *batch, const struct grain_folded_item *item,
                       int64_t *actor)
{
    memcpy(actor, batch->bytes + item->offset, GRAIN_ACTOR_COLUMNS * sizeof(*actor));
    for (int i = GRAIN_ACTOR_COMM; i < GRAIN_ACTOR_COLUMNS; i++)
        if (actor[i])
            actor[i] = batch->items[actor[i]].id;
}

static sqlite3_stmt *bind_item(struct grain_history *history, const struct grain_folded *batch,
                               const struct grain_folded_item *item, unsigned int statement)
{
    const uint8_t *bytes = batch->bytes + item->offset;
    sqlite3_stmt *out = grain_history_statement(history, statement);
    struct grain_folded_object object;
    int64_t actor[GRAIN_ACTOR_COLUMNS];

    if (!out)
        return NULL;
    switch (item->dictionary) {
    case GRAIN_STORE_OBJECT:
        memcpy(&object, bytes, sizeof(object));
        sqlite3_bind_text(out, 1, (const char *)bytes + sizeof(object),
                          (int)(item->length - sizeof(object)), SQLITE_STATIC);
        sqlite3_bind_int64(out, 2, (int64_t)object.dev);
        sqlite3_bind_int64(out, 3, (int64_t)object.ino);
        return out;
    case GRAIN_STORE_ACTOR:
        read_actor(batch, item, actor);
        for (int i = 0; i < GRAIN_ACTOR_COLUMNS; i++)
            sqlite3_bind_int64(out, i + 1, actor[i]);
        return out;
    default:
        sqlite3_bind_text(out, 1, (const char *)bytes, (int)item->length, SQLITE_STATIC);
        return out;
    }
}

static int bound_values(const struct grain_folded_item *item)
{
    return item->dictionary == GRAIN_STORE_ACTOR    ? GRAIN_ACTOR_COLUMNS
           : item->dictionary == GRAIN_STORE_OBJECT ? 3
                                                    : 1;
}

/* It may be used by all parts that there are now. */
static int touch(struct grain_history *history, const struct grain_folded_item *item,
                 int64_t newest)
{
    unsigned int number = GRAIN_STATEMENT_TOUCH + item->dictionary - GRAIN_STORE_TEXT;
    sqlite3_stmt *statement = grain_history_statement(history, number);
    int error;

    if (!statement)
        return grain_history_fail(history, sqlite3_errcode(history->db));
    sqlite3_bind_int64(statement, 1, item->id);
    sqlite3_bind_int64(statement, 2, newest);
    error = grain_history_fail(history, sqlite3_step(statement));
    sqlite3_reset(statement);
    return error;
}

static int insert_item(struct grain_history *history, const struct grain_folded *batch,
                       struct grain_folded_item *item, int64_t newest)
{
    unsigned int number = GRAIN_STATEMENT_INSERT + item->dictionary - GRAIN_STORE_TEXT;
    sqlite3_stmt *statement = bind_item(history, batch, item, number);
    int error;

    if (!statement)
        return grain_history_fail(history, sqlite3_errcode(history->db));
    sqlite3_bind_int64(statement, bound_values(item) + 1, newest);
    error = grain_history_fail(history, sqlite3_step(statement));
    sqlite3_reset(statement);
    item->id = sqlite3_last_insert_rowid(history->db);
    return error;
}

static int resolve(struct grain_history *history, const struct grain_folded *batch,
                   struct grain_folded_item *item, int64_t newest)
{
    unsigned int number = GRAIN_STATEMENT_FIND + item->dictionary - GRAIN_STORE_TEXT;
    sqlite3_stmt *statement = bind_item(history, batch, item, number);
    int64_t part = 0;
    int result, error;

    if (!statement)
        return grain_history_fail(history, sqlite3_errcode(history->db));
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        item->id = sqlite3_column_int64(statement, 0);
        part = sqlite3_column_int64(statement, 1);
    }
    error = grain_history_fail(history, result);
    sqlite3_reset(statement);
    if (error)
        return error;
    if (result == SQLITE_DONE)
        return insert_item(history, batch, item, newest);
    return part < newest ? touch(history, item, newest) : 0;
}

/* Of what the database knows it by: an actor's own bytes are places in this batch. */
static struct grain_folded_mark mark_item(const struct grain_folded *batch,
                                          const struct grain_folded_item *item)
{
    int64_t actor[GRAIN_ACTOR_COLUMNS];

    if (item->dictionary != GRAIN_STORE_ACTOR)
        return grain_folded_mark(item->dictionary, batch->bytes + item->offset, item->length);
    read_actor(batch, item, actor);
    return grain_folded_mark(item->dictionary, actor, sizeof(actor));
}

/* The same through what is remembered. */
static int resolve_known(struct grain_history *history, const struct grain_folded *batch,
                         struct grain_folded_item *item, int64_t newest)
{
    struct grain_history_known *known;
    struct grain_folded_mark mark;
    int error = 0;

    if (!history->known)
        return resolve(history, batch, item, newest);
    mark = mark_item(batch, item);
    known = &history->known[mark.words[0] % GRAIN_HISTORY_KNOWN];
    if (!known->id || memcmp(&known->mark, &mark, sizeof(mark))) {
        error = resolve(history, batch, item, newest);
    } else {
        item->id = known->id;
        if (known->part < newest)
            error = touch(history, item, newest);
    }
    if (!error)
        *known = (struct grain_history_known){mark, item->id, newest};
    return error;
}

/* Texts come before what is made of them. */
static int resolve_items(struct grain_history *history, struct grain_folded *batch)
{
    int64_t newest = history->part_count ? history->parts[history->part_count - 1].id : 0;
    int error = 0;

    /* Without the memory everything is looked up. */
    if (!history->known)
        history->known = calloc(GRAIN_HISTORY_KNOWN, sizeof(*history->known));
    for (size_t i = 1; !error && i < batch->item_count; i++)
        if (batch->items[i].dictionary != GRAIN_STORE_RAW)
            error = resolve_known(history, batch, &batch->items[i], newest);
    return error;
}

/* Which part each row is for; what is too old is left out, with part 0. */
static int choose_parts(struct grain_history *history, struct grain_folded *batch, uint64_t now_ns)
{
    uint64_t oldest_ns = now_ns > history->max_age_ns ? now_ns - history->max_age_ns : 0;
    struct {
        int64_t minute, part;
    } last[GRAIN_STORE_KIND_COUNT] = {{0, 0}};

    for (size_t i = 0; i < batch->row_count; i++) {
        struct grain_folded_row *row = &batch->rows[i];
        const struct grain_store_kind_info *info = &grain_store_kinds[row->kind];
        int64_t minute = row->values[info->minute];
        struct grain_part *part;

        row->part = 0;
        if ((uint64_t)(minute + 1) * GRAIN_MINUTE_NS <= oldest_ns) {
            history->too_old += (uint64_t)row->values[info->count];
            continue;
        }
        if (!last[row->kind].part || last[row->kind].minute != minute) {
            part = grain_history_part(history, (enum grain_store_kind)row->kind, minute);
            if (!part)
                return grain_history_fail(history, sqlite3_errcode(history->db)) ?: -ENOMEM;
            last[row->kind].minute = minute;
            last[row->kind].part = part->id;
        }
        row->part = last[row->kind].part;
    }
    return 0;
}

static void renumber(const struct grain_folded *batch, struct grain_folded_row *row)
{
    const struct grain_store_kind_info *info = &grain_store_kinds[row->kind];

    for (size_t i = 0; i < info->key_count; i++)
        if (info->columns[i].dictionary != GRAIN_STORE_PLAIN && row->values[i])
            row->values[i] = batch->items[row->values[i]].id;
}

/* In the order of the table: pages that are needed twice are needed at once. */
static int compare_rows(const void *a, const void *b)
{
    const struct grain_folded_row *left = a, *right = b;
    size_t keys = grain_store_kinds[left->kind].key_count;

    if (left->part != right->part)
        return left->part < right->part ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    for (size_t i = 0; i < keys; i++)
        if (left->values[i] != right->values[i])
            return left->values[i] < right->values[i] ? -1 : 1;
    return 0;
}

static struct grain_part *part_of(struct grain_history *history, int64_t id)
{
    for (size_t i = history->part_count; i--;)
        if (history->parts[i].id == id)
            return &history->parts[i];
    return NULL;
}

/* All rows of one part, which begin at *rows; *count becomes how many there are. */
static int write_part(struct grain_history *history, const struct grain_folded_row *rows,
                      size_t *count)
{
    const struct grain_store_kind_info *info = &grain_store_kinds[rows->kind];
    struct grain_part *part = part_of(history, rows->part);
    char *sql = grain_store_upsert_sql(info, rows->part);
    sqlite3_stmt *statement = NULL;
    size_t end = *count, i = 0;
    int result;

    if (!sql || !part) {
        free(sql);
        return grain_fail(-ENOMEM, "%s: no memory", history->path);
    }
    result = sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL);
    free(sql);
    for (; !result && i < end && rows[i].part == rows->part; i++) {
        for (int column = 0; column < info->column_count; column++)
            sqlite3_bind_int64(statement, column + 1, rows[i].values[column]);
        result = sqlite3_step(statement) == SQLITE_DONE ? sqlite3_reset(statement)
                                                        : sqlite3_errcode(history->db);
    }
    *count = i;
    history->rows += i;
    part->rows = part->rows > SIZE_MAX - i ? SIZE_MAX : part->rows + i;
    result = grain_history_fail(history, result);
    sqlite3_finalize(statement);
    return result;
}

static int write_rows(struct grain_history *history, struct grain_folded *batch)
{
    int error = 0;

    for (size_t i = 0; i < batch->row_count; i++)
        if (batch->rows[i].part)
            renumber(batch, &batch->rows[i]);
    if (batch->row_count)
        qsort(batch->rows, batch->row_count, sizeof(*batch->rows), compare_rows);
    for (size_t i = 0, count; !error && i < batch->row_count; i += count) {
        if (!batch->rows[i].part) {
            count = 1;
            continue;
        }
        count = batch->row_count - i;
        error = write_part(history, &batch->rows[i], &count);
    }
    return error;
}

/* Parts are cut at the last minute that they were written at. */
static int cut_parts(struct grain_history *history, const struct grain_folded *batch)
{
    int error = 0;

    for (size_t i = 0; !error && i < batch->row_count; i++) {
        const struct grain_folded_row *row = &batch->rows[i];
        int64_t minute = row->values[grain_store_kinds[row->kind].minute];
        struct grain_part *part;

        if (!row->part || (i + 1 < batch->row_count && batch->rows[i + 1].part == row->part))
            continue;
        for (size_t j = i; j-- && batch->rows[j].part == row->part;) {
            int64_t other = batch->rows[j].values[grain_store_kinds[row->kind].minute];

            minute = other > minute ? other : minute;
        }
        part = part_of(history, row->part);
        if (part)
            error = grain_history_cut(history, part, minute);
    }
    return error;
}

static int write_gaps(struct grain_history *history, const struct grain_folded *batch)
{
    int error = 0;

    for (size_t i = 0; !error && i < batch->gap_count; i++) {
        const struct grain_folded_gap *gap = &batch->gaps[i];

        error = grain_history_gap(history, gap, (const char *)grain_folded_bytes(batch, gap->what),
                                  gap->what ? batch->items[gap->what].length : 0);
    }
    return error;
}

static int write_all(struct grain_history *history, struct grain_folded *batch, uint64_t now_ns)
{
    int error = choose_parts(history, batch, now_ns);

    if (!error)
        error = resolve_items(history, batch);
    if (!error)
        error = write_rows(history, batch);
    if (!error)
        error = cut_parts(history, batch);
    if (!error)
        error = write_gaps(history, batch);
    if (!error)
        error = grain_history_meta(history, "last_ns", (int64_t)now_ns);
    return error ? error : grain_history_run(history, "COMMIT");
}

int grain_history_write(struct grain_history *history, struct grain_folded *batch, uint64_t now_ns)
{
    uint64_t rows = history->rows, too_old = history->too_old;
    int error;

    if (!batch->row_count && !batch->gap_count && now_ns < history->noted_ns + NOTE_NS &&
        now_ns >= history->noted_ns)
        return 0;
    error = grain_history_run(history, "BEGIN IMMEDIATE");
    if (!error)
        error = write_all(history, batch, now_ns);
    if (!error) {
        history->noted_ns = now_ns;
        return 0;
    }
    (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    history->rows = rows;
    history->too_old = too_old;
    grain_history_forget_known(history);
    /* Parts that the transaction made are gone. */
    char why[256];

    (void)snprintf(why, sizeof(why), "%s", grain_error());
    (void)grain_history_load_parts(history);
    return grain_fail(error, "%s", why);
}
