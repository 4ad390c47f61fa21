// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "host_rows.h"
#include "say.h"

static void row_free(struct host_row *row)
{
    free(row->comm);
    free(row->what);
}

void host_rows_add(struct host_rows *rows, const struct host_row *row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 256;
        rows->list = must(realloc(rows->list, rows->room * sizeof(*rows->list)));
    }
    rows->list[rows->count++] = *row;
}

static int by_key(const void *left, const void *right)
{
    const struct host_row *a = left, *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (strcmp(a->protocol, b->protocol) != 0)
        return strcmp(a->protocol, b->protocol);
    return strcmp(a->what, b->what);
}

void host_rows_merge(struct host_rows *rows)
{
    size_t kept = 0;

    if (!rows->count)
        return;
    qsort(rows->list, rows->count, sizeof(*rows->list), by_key);
    for (size_t i = 1; i < rows->count; i++) {
        struct host_row *row = &rows->list[i], *last = &rows->list[kept];

        if (by_key(last, row)) {
            rows->list[++kept] = *row;
            continue;
        }
        last->sent += row->sent;
        last->received += row->received;
        last->count += row->count;
        row_free(row);
    }
    rows->count = kept + 1;
}

void host_rows_rates(struct host_rows *now, const struct host_rows *before, double seconds)
{
    static const struct host_row none;
    size_t at = 0;

    for (size_t i = 0; i < now->count; i++) {
        struct host_row *row = &now->list[i];
        const struct host_row *was = &none;

        while (at < before->count && by_key(&before->list[at], row) < 0)
            at++;
        if (at < before->count && !by_key(&before->list[at], row))
            was = &before->list[at];
        /* Less than before: something was read while it moved. */
        row->sent_rate = row->sent < was->sent ? 0 : (double)(row->sent - was->sent) / seconds;
        row->received_rate =
            row->received < was->received ? 0 : (double)(row->received - was->received) / seconds;
        row->rate = row->count < was->count ? 0 : (double)(row->count - was->count) / seconds;
    }
}

static double weight(const struct host_row *row)
{
    return row->sent_rate + row->received_rate;
}

static int by_count(const void *left, const void *right)
{
    const struct host_row *a = left, *b = right;

    if (a->sent + a->received != b->sent + b->received)
        return a->sent + a->received < b->sent + b->received ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return by_key(a, b);
}

static int by_rate(const void *left, const void *right)
{
    const struct host_row *a = left, *b = right;

    if (weight(a) != weight(b))
        return weight(a) < weight(b) ? 1 : -1;
    if (a->rate != b->rate)
        return a->rate < b->rate ? 1 : -1;
    return by_count(a, b);
}

static int by_name(const void *left, const void *right)
{
    const struct host_row *a = left, *b = right;
    int order = strcmp(a->comm, b->comm);

    if (!order)
        order = strcmp(a->what, b->what);
    return order ? order : by_key(a, b);
}

void host_rows_sort(struct host_rows *rows, enum host_order order)
{
    static int (*const compare[])(const void *, const void *) = {
        [HOST_BY_RATE] = by_rate,
        [HOST_BY_COUNT] = by_count,
        [HOST_BY_NAME] = by_name,
    };

    if (rows->count)
        qsort(rows->list, rows->count, sizeof(*rows->list), compare[order]);
}

void host_rows_copy(struct host_rows *to, const struct host_rows *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct host_row row = from->list[i];

        row.comm = must(strdup(row.comm));
        row.what = must(strdup(row.what));
        host_rows_add(to, &row);
    }
}

void host_rows_free(struct host_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        row_free(&rows->list[i]);
    free(rows->list);
    *rows = (struct host_rows){0};
}
