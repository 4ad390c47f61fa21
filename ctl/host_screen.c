// SPDX-License-Identifier: GPL-2.0-only
/* The screen of the lists that processes make. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host_top.h"
#include "screen.h"
#include "stop.h"
#include "table.h"
#include "top.h"

/* Reading takes at most a twentieth of the time. */
#define SHARE 20

static size_t count(const void *user)
{
    const struct host_top *top = user;

    return top->rows.count;
}

static bool matches(const void *user, size_t at, const char *filter)
{
    const struct host_top *top = user;
    const struct host_row *row = &top->rows.list[at];

    return strcasestr(row->comm, filter) || strcasestr(row->what, filter);
}

static void put_title(const void *user, struct screen_line *line)
{
    static const char *const names[] = {"Processes", "Connections", "Files", "System calls"};
    const struct host_top *top = user;
    char text[32];
    uint64_t now = (uint64_t)time(NULL) * 1000000000;
    uint64_t ago = top->read_ns ? clock_now() - top->read_ns : 0;

    screen_put(line, "%s  %s", names[top->settings->view], top_time(text, now - ago, now));
}

static void put_state(const void *user, struct screen_line *line)
{
    const struct host_top *top = user;
    char unshown[COUNT_TEXT_MAX];

    screen_put(line, "counted since the start, ");
    if (top->unshown)
        screen_put(line, "counted since the start, %s without a row, ",
                   count_text(unshown, top->unshown));
}

static void put_heading(const void *user, struct screen_line *line)
{
    const struct host_top *top = user;

    switch (top->settings->view) {
    case HOST_PROCESSES:
        screen_put(line, "%11s %11s %15s %15s %10s %8s %s", "sent/s", "received/s", "sent",
                   "received", "messages", "pid", "process");
        break;
    case HOST_CONNECTIONS:
        screen_put(line, "%11s %11s %15s %15s %8s %-15s %-5s %s", "sent/s", "received/s", "sent",
                   "received", "pid", "process", "proto", "remote");
        break;
    case HOST_FILES:
        screen_put(line, "%9s %10s %15s %15s %8s %-15s %s", "events/s", "events", "read", "written",
                   "pid", "process", "path");
        break;
    default:
        screen_put(line, "%11s %15s %8s %-15s %s", "calls/s", "calls", "pid", "process", "call");
    }
}

/* Of all processes whose own row found no room there is no pid. */
static const char *pid_text(char text[16], uint32_t pid)
{
    (void)snprintf(text, 16, pid ? "%" PRIu32 : "-", pid);
    return text;
}

static void put_traffic(const struct host_row *row, bool by_remote, struct screen_line *line)
{
    char sent[COUNT_TEXT_MAX], received[COUNT_TEXT_MAX], messages[COUNT_TEXT_MAX];
    char sent_rate[32], received_rate[32], pid[16];

    top_rate(sent_rate, row->sent_rate);
    top_rate(received_rate, row->received_rate);
    pid_text(pid, row->pid);
    if (by_remote)
        screen_put(line, "%11s %11s %15s %15s %8s %-15s %-5s %s", sent_rate, received_rate,
                   count_text(sent, row->sent), count_text(received, row->received), pid, row->comm,
                   row->protocol, row->what);
    else
        screen_put(line, "%11s %11s %15s %15s %10s %8s %s", sent_rate, received_rate,
                   count_text(sent, row->sent), count_text(received, row->received),
                   count_text(messages, row->count), pid, row->comm);
}

static void put_row(const void *user, size_t at, struct screen_line *line)
{
    const struct host_top *top = user;
    const struct host_row *row = &top->rows.list[at];
    char counted[COUNT_TEXT_MAX], read[COUNT_TEXT_MAX], written[COUNT_TEXT_MAX];
    char rate[32], pid[16];

    switch (top->settings->view) {
    case HOST_PROCESSES:
    case HOST_CONNECTIONS:
        put_traffic(row, top->settings->view == HOST_CONNECTIONS, line);
        break;
    case HOST_FILES:
        screen_put(line, "%9s %10s %15s %15s %8s %-15s %s", top_rate(rate, row->rate),
                   count_text(counted, row->count), count_text(read, row->received),
                   count_text(written, row->sent), pid_text(pid, row->pid), row->comm, row->what);
        break;
    default:
        screen_put(line, "%11s %15s %8s %-15s %s", top_rate(rate, row->rate),
                   count_text(counted, row->count), pid_text(pid, row->pid), row->comm, row->what);
    }
}

static int read_rows(void *user)
{
    return host_top_read(user);
}

static int take(void *user)
{
    return host_top_take(user);
}

static void sort(void *user, unsigned int order)
{
    struct host_top *top = user;

    host_rows_sort(&top->rows, (enum host_order)order);
}

static uint64_t due(const void *user, uint64_t interval_ns)
{
    const struct host_top *top = user;
    const uint64_t least = SHARE * top->cost_ns;

    return top->read_ns + (interval_ns > least ? interval_ns : least);
}

int host_screen(struct host_top *top)
{
    static const char *const orders[] = {"rate", "count", "name"}; /* enum host_order */
    const struct screen_list list = {
        .keys = "rcn",
        .orders = orders,
        .help = "q quit  r rate  c count  n name  / filter  Space pause",
        .fd = grain_host_fd(top->host),
        .read = read_rows,
        .sort = sort,
        .due = due,
        .take = take,
        .count = count,
        .matches = matches,
        .title = put_title,
        .state = put_state,
        .heading = put_heading,
        .row = put_row,
    };

    return screen_run(&list, top, HOST_BY_RATE, top->settings->interval);
}
