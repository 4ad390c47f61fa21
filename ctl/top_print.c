// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <time.h>

#include "json.h"
#include "say.h"
#include "table.h"
#include "top.h"

const char *top_view_name(enum top_view view)
{
    static const char *const names[] = {"DNS names", "TLS server names", "Dispositions"};

    return names[view];
}

const char *top_time(char buffer[32], uint64_t wall_ns, uint64_t now_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000), today = (time_t)(now_ns / 1000000000);
    struct tm tm, now;

    if (!wall_ns)
        return "-";
    localtime_r(&seconds, &tm);
    localtime_r(&today, &now);
    strftime(buffer, 32,
             tm.tm_yday == now.tm_yday && tm.tm_year == now.tm_year ? "%H:%M:%S" : "%Y-%m-%d", &tm);
    return buffer;
}

const char *top_rate(char buffer[32], double rate)
{
    if (rate < 0)
        return "-";
    (void)snprintf(buffer, 32, rate < 100 ? "%.1f" : "%.0f", rate);
    return buffer;
}

static size_t shown(const struct top *top, size_t most)
{
    return most && most < top->rows.count ? most : top->rows.count;
}

static void headings(struct table *table, enum top_view view)
{
    static const char *const names[][8] = {
        {"queries", "responses", "rate/s", "%", "first", "last", "types", "name"},
        {"hellos", "rate/s", "%", "first", "last", "server name", NULL, NULL},
        {"packets", "bytes", "rate/s", "%", "disposition", "what it means", NULL, NULL},
    };

    for (size_t i = 0; i < 8 && names[view][i]; i++)
        table_cell(table, "%s", names[view][i]);
}

static void print_row(struct table *table, const struct top *top, const struct top_row *row)
{
    char buffer[COUNT_TEXT_MAX], text[32];

    table_cell(table, "%s",
               count_text(buffer, top->view == TOP_DISPOSITIONS ? row->count : row->queries));
    if (top->view == TOP_DNS)
        table_cell(table, "%s", count_text(buffer, row->responses));
    if (top->view == TOP_DISPOSITIONS)
        table_cell(table, "%s", count_text(buffer, row->bytes));
    table_cell(table, "%s", top_rate(text, row->rate));
    table_cell(table, "%.1f", 100 * row->share);
    if (top->view != TOP_DISPOSITIONS) {
        table_cell(table, "%s", top_time(text, row->first_ns, top->wall_ns));
        table_cell(table, "%s", top_time(text, row->last_ns, top->wall_ns));
    }
    if (top->view == TOP_DNS)
        table_cell(table, "%s", row->detail);
    table_cell(table, "%s", row->name);
    if (top->view == TOP_DISPOSITIONS)
        table_cell(table, "%s", row->detail);
}

int top_print_text(const struct top *top, size_t most)
{
    static const char *const aligns[] = {"rrrrllll", "rrrlll", "rrrrll"};
    static const char *const units[] = {"names counted", "hellos counted", "packets"};
    const struct style style = style_of(stdout);
    struct table *table = table_new(aligns[top->view]);
    size_t rows = shown(top, most);
    char buffer[COUNT_TEXT_MAX];

    printf("%s", top_view_name(top->view));
    if (rows < top->rows.count)
        printf(" (%zu of %zu)", rows, top->rows.count);
    printf(": %s %s", count_text(buffer, top->total), units[top->view]);
    if (top->unattributed)
        printf(", %s of names that left the tables", count_text(buffer, top->unattributed));
    putchar('\n');
    headings(table, top->view);
    for (size_t i = 0; i < rows; i++)
        print_row(table, top, &top->rows.list[i]);
    if (rows)
        table_print(table, &style, stdout);
    table_free(table);
    return output_flush();
}

static void put_seen(json_t *object, const char *key, uint64_t wall_ns)
{
    if (wall_ns)
        json_put_time(object, key, wall_ns);
    else
        json_put(object, key, json_null());
}

static json_t *row_json(const struct top *top, const struct top_row *row)
{
    json_t *object = must(json_object());

    json_put_text(object, "name", row->name);
    json_put_number(object, "count", row->count);
    if (top->view == TOP_DNS) {
        json_put_number(object, "queries", row->queries);
        json_put_number(object, "responses", row->responses);
        json_put_text(object, "types", row->detail);
    }
    if (top->view == TOP_DISPOSITIONS)
        json_put_number(object, "bytes", row->bytes);
    json_put(object, "rate", row->rate < 0 ? json_null() : json_real(row->rate));
    json_put(object, "share", json_real(row->share));
    if (top->view != TOP_DISPOSITIONS) {
        put_seen(object, "first_seen", row->first_ns);
        put_seen(object, "last_seen", row->last_ns);
    }
    return object;
}

int top_print_json(const struct top *top, size_t most)
{
    static const char *const views[] = {"dns", "sni", "dispositions"};
    json_t *object = must(json_object()), *list = must(json_array());

    json_put_time(object, "timestamp", top->wall_ns);
    json_put_text(object, "view", views[top->view]);
    json_put_number(object, "total", top->total);
    json_put_number(object, "unattributed", top->unattributed);
    json_put_number(object, "rows_in_all", top->rows.count);
    for (size_t i = 0; i < shown(top, most); i++)
        json_append(list, row_json(top, &top->rows.list[i]));
    json_put(object, "rows", list);
    return json_print(object, true);
}
