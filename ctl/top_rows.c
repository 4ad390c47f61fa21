// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "say.h"
#include "sources.h"
#include "stop.h"
#include "top.h"

#define DETAIL_MAX 512
/* Reading takes at most this part of the time. */
#define SHARE_OF_TIME 20

static void rows_free(struct top_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->list[i].name);
        free(rows->list[i].detail);
    }
    free(rows->list);
    *rows = (struct top_rows){0};
}

static void name_row(struct top_row *row, const struct name *name, const struct grain_clock *clock)
{
    char text[NAME_TEXT_MAX], types[DETAIL_MAX] = "";

    if (name->group != NAME_TLS)
        name_types_text(types, sizeof(types), name);
    *row = (struct top_row){
        .name = must(strdup(name_text(text, name))),
        .detail = must(strdup(types)),
        .count = name->queries + name->responses,
        .queries = name->queries,
        .responses = name->responses,
        .first_ns = grain_clock_tick(clock, name->first_seen),
        .last_ns = grain_clock_tick(clock, name->last_seen),
    };
}

static int read_names(struct top *top, struct top_rows *rows, const struct grain_clock *clock)
{
    struct name_counts counts = {0};
    struct names names = {0};
    const struct name **list;
    int error = grain_live_names(top->live, name_counts_entry, &counts);

    name_counts_merge(&counts, &names);
    if (!error) {
        list = names_sorted(&names, top->view == TOP_SNI, &rows->count);
        rows->list = must(calloc(rows->count + 1, sizeof(*rows->list)));
        for (size_t i = 0; i < rows->count; i++)
            name_row(&rows->list[i], list[i], clock);
        free(list);
    }
    names_free(&names);
    return error;
}

static int add_totals(void *totals, const struct grain_live_source *source)
{
    totals_add(totals, &source->totals);
    return 0;
}

static void read_dispositions(struct top_rows *rows, const struct grain_totals *totals)
{
    rows->list = must(calloc(GRAIN_DISPOSITION_COUNT, sizeof(*rows->list)));
    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++) {
        if (!totals->packets[i])
            continue;
        rows->list[rows->count++] = (struct top_row){
            .name = must(strdup(grain_disposition_name(i))),
            .detail = must(strdup(grain_disposition_text(i))),
            .count = totals->packets[i],
            .bytes = totals->bytes[i],
        };
    }
}

/* What was counted in all, which the shares are of. */
static int read_sums(struct top *top, const struct grain_totals *totals)
{
    struct grain_engine_counts counts;
    int error = grain_live_counters(top->live, &counts);

    top->packets = totals_packets(totals);
    top->total = top->unattributed = 0;
    for (int i = 0; i < GRAIN_NAME_KIND_MAX; i++) {
        if ((i == GRAIN_NAME_TLS_SNI) != (top->view == TOP_SNI))
            continue;
        top->total += counts.names[i];
        top->unattributed += counts.unattributed[i];
    }
    if (top->view == TOP_DISPOSITIONS) {
        top->total = top->packets;
        top->unattributed = 0;
    }
    return error;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct top_row *)left)->name, ((const struct top_row *)right)->name);
}

static void set_rates(struct top_rows *now, struct top_rows *before, double seconds)
{
    size_t at = 0;

    qsort(now->list, now->count, sizeof(*now->list), by_name);
    qsort(before->list, before->count, sizeof(*before->list), by_name);
    for (size_t i = 0; i < now->count; i++) {
        struct top_row *row = &now->list[i];
        uint64_t count = 0;

        while (at < before->count && strcmp(before->list[at].name, row->name) < 0)
            at++;
        if (at < before->count && !strcmp(before->list[at].name, row->name))
            count = before->list[at].count;
        /* Less than before: it left the table and came again. */
        row->rate = (row->count < count ? row->count : row->count - count) / seconds;
    }
}

static void set_shares(struct top *top)
{
    for (size_t i = 0; i < top->rows.count; i++)
        top->rows.list[i].share = top->total ? (double)top->rows.list[i].count / top->total : 0;
}

/* The new rows take the place of the old. */
static void take(struct top *top, struct top_rows *rows, uint64_t now)
{
    double seconds = (now - top->read_ns) / 1e9;

    if (top->read_ns && seconds > 0)
        set_rates(rows, &top->rows, seconds);
    else
        for (size_t i = 0; i < rows->count; i++)
            rows->list[i].rate = -1;
    rows_free(&top->rows);
    top->rows = *rows;
    top->read_ns = now;
    set_shares(top);
}

static int reopen(struct top *top)
{
    if (top->live && grain_live_current(top->live))
        return 0;
    grain_live_free(top->live);
    top->live = NULL;
    top_turn(top, top->view);
    return grain_live_open(&top->live, top->root);
}

int top_read(struct top *top)
{
    struct grain_totals totals = {0};
    struct top_rows rows = {0};
    struct grain_clock clock = {0};
    uint64_t now = clock_now();
    int error = reopen(top);

    if (!error)
        error = grain_live_clock(top->live, &clock);
    if (!error)
        error = grain_live_sources(top->live, add_totals, &totals);
    if (!error && top->view == TOP_DISPOSITIONS)
        read_dispositions(&rows, &totals);
    else if (!error)
        error = read_names(top, &rows, &clock);
    if (!error)
        error = read_sums(top, &totals);
    if (error) {
        rows_free(&rows);
        return error;
    }
    take(top, &rows, now);
    top->wall_ns = clock.wall_ns;
    top->cost_ns = clock_now() - now;
    return 0;
}

uint64_t top_due(const struct top *top, uint64_t interval_ns)
{
    uint64_t least = SHARE_OF_TIME * top->cost_ns;

    return top->read_ns + (interval_ns > least ? interval_ns : least);
}

void top_turn(struct top *top, enum top_view view)
{
    rows_free(&top->rows);
    top->view = view;
    top->read_ns = 0;
    top->total = top->unattributed = 0;
}

static int compare(const struct top_row *a, const struct top_row *b, enum top_sort sort)
{
    if (sort == TOP_BY_RATE && a->rate != b->rate)
        return a->rate < b->rate ? 1 : -1;
    if (sort == TOP_BY_LAST && a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? 1 : -1;
    if (sort != TOP_BY_NAME && a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->name, b->name);
}

static int compare_rows(const void *left, const void *right, void *sort)
{
    return compare(left, right, *(const enum top_sort *)sort);
}

void top_sort(struct top *top, enum top_sort sort)
{
    qsort_r(top->rows.list, top->rows.count, sizeof(*top->rows.list), compare_rows, &sort);
}

void top_free(struct top *top)
{
    rows_free(&top->rows);
    grain_live_free(top->live);
}
