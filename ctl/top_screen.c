// SPDX-License-Identifier: GPL-2.0-only
/* The screen of the lists that packets make. */
#include <stdio.h>
#include <string.h>

#include "screen.h"
#include "stop.h"
#include "table.h"
#include "top.h"

static size_t count(const void *user)
{
    const struct top *top = user;

    return top->rows.count;
}

static bool matches(const void *user, size_t row, const char *filter)
{
    const struct top *top = user;

    return strcasestr(top->rows.list[row].name, filter);
}

static void put_title(const void *user, struct screen_line *line)
{
    const struct top *top = user;
    char time[32];

    screen_put(line, "%s  %s", top_view_name(top->view),
               top_time(time, top->wall_ns, top->wall_ns));
}

static void put_state(const void *user, struct screen_line *line)
{
    const struct top *top = user;
    char total[COUNT_TEXT_MAX], packets[COUNT_TEXT_MAX];

    screen_put(line, "%s packets, %s counted here, ", count_text(packets, top->packets),
               count_text(total, top->total));
}

/* Where there is little room, names stay and times go. */
static bool with_times(const struct screen_line *line)
{
    return line->columns >= 80;
}

static void put_heading(const void *user, struct screen_line *line)
{
    const char *times = with_times(line) ? "first      last       " : "";
    const struct top *top = user;

    if (top->view == TOP_DNS)
        screen_put(line, "%10s %10s %9s %6s %s%s", "queries", "responses", "rate/s", "%", times,
                   "name");
    else if (top->view == TOP_SNI)
        screen_put(line, "%10s %9s %6s %s%s", "hellos", "rate/s", "%", times, "server name");
    else
        screen_put(line, "%12s %15s %9s %6s %s", "packets", "bytes", "rate/s", "%", "disposition");
}

static void times_text(char out[80], const struct top *top, const struct top_row *row)
{
    char first[32], last[32];

    (void)snprintf(out, 80, "%-10s %-10s ", top_time(first, row->first_ns, top->wall_ns),
                   top_time(last, row->last_ns, top->wall_ns));
}

static void put_row(const void *user, size_t at, struct screen_line *line)
{
    const struct top *top = user;
    const struct top_row *row = &top->rows.list[at];
    char one[COUNT_TEXT_MAX], two[COUNT_TEXT_MAX], rate[32], times[80] = "";

    if (with_times(line))
        times_text(times, top, row);
    if (top->view == TOP_DNS)
        screen_put(line, "%10s %10s %9s %6.1f %s%s", count_text(one, row->queries),
                   count_text(two, row->responses), top_rate(rate, row->rate), 100 * row->share,
                   times, row->name);
    else if (top->view == TOP_SNI)
        screen_put(line, "%10s %9s %6.1f %s%s", count_text(one, row->queries),
                   top_rate(rate, row->rate), 100 * row->share, times, row->name);
    else
        screen_put(line, "%12s %15s %9s %6.1f %-18s %s", count_text(one, row->count),
                   count_text(two, row->bytes), top_rate(rate, row->rate), 100 * row->share,
                   row->name, row->detail);
}

static int read_rows(void *user)
{
    return top_read(user);
}

static void sort(void *user, unsigned int order)
{
    top_sort(user, (enum top_sort)order);
}

static uint64_t due(const void *user, uint64_t interval_ns)
{
    return top_due(user, interval_ns);
}

static void turn(void *user)
{
    struct top *top = user;

    top_turn(top, (top->view + 1) % (TOP_DISPOSITIONS + 1));
}

int top_screen(struct top *top, uint64_t interval_ns)
{
    static const char *const orders[] = {"count", "rate", "name", "last seen"}; /* enum top_sort */
    static const struct screen_list list = {
        .keys = "crnl",
        .orders = orders,
        .help = "q quit  Tab view  c count  r rate  n name  l last  / filter  Space pause",
        .fd = -1,
        .read = read_rows,
        .sort = sort,
        .due = due,
        .turn = turn,
        .count = count,
        .matches = matches,
        .title = put_title,
        .state = put_state,
        .heading = put_heading,
        .row = put_row,
    };

    stop_prepare();
    return screen_run(&list, top, TOP_BY_COUNT, interval_ns);
}
