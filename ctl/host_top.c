// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "host_text.h"
#include "host_top.h"
#include "json.h"
#include "say.h"
#include "stop.h"
#include "table.h"
#include "top.h"

#define LOOK_NS    100000000
#define REFRESH_NS 1000000000
/* Of what has left the kernel's tables or came as events; more than that is not shown row by row.
 */
#define GONE_MAX 200000

const char *host_view_name(enum host_view view)
{
    static const char *const names[] = {"processes", "connections", "files", "syscalls"};

    return view < HOST_VIEW_COUNT ? names[view] : NULL;
}

/* ---- rows ---- */

static void add_traffic(const struct host_top *top, struct host_rows *rows,
                        const struct grain_host_traffic_key *key,
                        const struct grain_host_traffic_counts *counts, const char *comm)
{
    bool by_remote = top->settings->view == HOST_CONNECTIONS;
    char text[HOST_ADDRESS_MAX];
    struct host_row row = {
        .start_ns = key->start_ns,
        .pid = key->pid,
        .protocol = by_remote ? host_protocol(key->protocol) : "",
        .sent = counts->sent_bytes,
        .received = counts->received_bytes,
        .count = counts->sent_messages + counts->received_messages,
    };

    row.comm = host_text(comm, GRAIN_HOST_COMM_MAX);
    row.what = must(strdup(by_remote ? host_endpoint(text, key->remote, key->remote_port) : ""));
    host_rows_add(rows, &row);
}

static int on_traffic(void *user, const struct grain_host_traffic_key *key,
                      const struct grain_host_traffic_counts *counts, const char *comm)
{
    struct host_top *top = user;

    add_traffic(top, &top->rows, key, counts, comm);
    return 0;
}

static int on_syscall(void *user, uint64_t start_ns, uint32_t pid, const char *comm,
                      uint32_t number, uint64_t count)
{
    struct host_top *top = user;
    struct host_row row = {.start_ns = start_ns, .pid = pid, .protocol = "", .count = count};
    char text[64];

    row.comm = host_text(pid ? comm : "(others)", GRAIN_HOST_COMM_MAX);
    row.what = must(strdup(host_syscall(text, number)));
    host_rows_add(&top->rows, &row);
    return 0;
}

static void add_file(struct host_top *top, const struct grain_host_file *file)
{
    struct host_row row = {
        .start_ns = file->task.start_ns,
        .pid = file->task.pid,
        .protocol = "",
        .count = 1,
        .received = file->operation == GRAIN_HOST_OP_READ ? file->bytes : 0,
        .sent = file->operation == GRAIN_HOST_OP_WRITE ? file->bytes : 0,
    };

    row.comm = host_text(file->task.comm, sizeof(file->task.comm));
    row.what = host_text(file->texts, file->path_length);
    host_rows_add(&top->gone, &row);
}

static int on_record(void *user, const struct grain_host_header *header)
{
    const struct grain_host_traffic *traffic = (const void *)header;
    struct host_top *top = user;
    const bool traffics =
        top->settings->view == HOST_PROCESSES || top->settings->view == HOST_CONNECTIONS;

    if (top->gone.count >= top->merge_at) {
        host_rows_merge(&top->gone);
        top->merge_at = 2 * top->gone.count + 1024;
    }
    if (top->gone.count >= GONE_MAX) {
        top->unshown++;
        return 0;
    }
    if (header->type == GRAIN_HOST_TRAFFIC && traffics)
        add_traffic(top, &top->gone, &traffic->key, &traffic->counts, traffic->comm);
    if (header->type == GRAIN_HOST_FILE && top->settings->view == HOST_FILES)
        add_file(top, (const void *)header);
    return 0;
}

/* ---- reading ---- */

int host_top_take(struct host_top *top)
{
    const uint64_t now = clock_now();
    int error = grain_host_poll(top->host, 0, on_record, top);

    if (error == -EINTR)
        error = 0;
    if (error || now - top->refreshed_ns < REFRESH_NS)
        return error;
    top->refreshed_ns = now;
    return grain_host_refresh(top->host);
}

static int poll_until(struct host_top *top, uint64_t until)
{
    int error = 0;

    do {
        error = host_top_take(top);
    } while (!error && clock_now() < until &&
             stop_wait_input(clock_now() + LOOK_NS < until ? clock_now() + LOOK_NS : until,
                             grain_host_fd(top->host)));
    return error;
}

static int read_tables(struct host_top *top)
{
    if (top->settings->view == HOST_SYSCALLS)
        return grain_host_syscalls(top->host, on_syscall, top);
    if (top->settings->view == HOST_FILES)
        return 0;
    return grain_host_traffic(top->host, on_traffic, top);
}

/* What leaves a table between the two readings is in both or in none for a moment; the next one
 * puts it right. */
int host_top_read(struct host_top *top)
{
    const uint64_t now = clock_now();
    int error;

    host_rows_free(&top->before);
    top->before = top->rows;
    top->rows = (struct host_rows){0};
    error = read_tables(top);
    if (!error)
        error = host_top_take(top);
    if (error)
        return error;
    host_rows_copy(&top->rows, &top->gone);
    host_rows_merge(&top->rows);
    host_rows_merge(&top->before);
    host_rows_rates(&top->rows, &top->before, (double)(now - top->read_ns + 1) / 1e9);
    host_rows_sort(&top->rows, HOST_BY_RATE);
    top->read_ns = now;
    top->cost_ns = clock_now() - now;
    return 0;
}

/* ---- printing ---- */

static size_t shown(const struct host_top *top)
{
    const uint64_t most = top->settings->rows;

    return most && most < top->rows.count ? (size_t)most : top->rows.count;
}

static json_t *row_json(enum host_view view, const struct host_row *row)
{
    static const char *const what[] = {NULL, "remote", "path", "syscall"};
    json_t *object = must(json_object());

    json_put_number(object, "pid", row->pid);
    json_put_text(object, "comm", row->comm);
    if (view == HOST_CONNECTIONS)
        json_put_text(object, "proto", row->protocol);
    if (what[view])
        json_put_text(object, what[view], row->what);
    json_put_number(object, "count", row->count);
    json_put(object, "rate", json_real(row->rate));
    if (view == HOST_SYSCALLS)
        return object;
    json_put_number(object, view == HOST_FILES ? "written_bytes" : "sent_bytes", row->sent);
    json_put_number(object, view == HOST_FILES ? "read_bytes" : "received_bytes", row->received);
    json_put(object, view == HOST_FILES ? "written_rate" : "sent_rate", json_real(row->sent_rate));
    json_put(object, view == HOST_FILES ? "read_rate" : "received_rate",
             json_real(row->received_rate));
    return object;
}

static int print_json(const struct host_top *top)
{
    json_t *object = must(json_object()), *list = must(json_array());
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    json_put_time(object, "timestamp", (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
    json_put_text(object, "view", host_view_name(top->settings->view));
    json_put_number(object, "rows_in_all", top->rows.count);
    json_put_number(object, "unshown", top->unshown);
    for (size_t i = 0; i < shown(top); i++)
        json_append(list, row_json(top->settings->view, &top->rows.list[i]));
    json_put(object, "rows", list);
    return json_print(object, true);
}

static void headings(struct table *table, enum host_view view)
{
    static const char *const names[][9] = {
        {"sent/s", "received/s", "sent", "received", "messages", "pid", "process"},
        {"sent/s", "received/s", "sent", "received", "messages", "pid", "process", "proto",
         "remote"},
        {"events/s", "events", "read", "written", "pid", "process", "path"},
        {"calls/s", "calls", "pid", "process", "call"},
    };

    for (size_t i = 0; i < 9 && names[view][i]; i++)
        table_cell(table, "%s", names[view][i]);
}

static void print_row(struct table *table, enum host_view view, const struct host_row *row)
{
    char buffer[COUNT_TEXT_MAX], rate[32];
    const bool bytes_first = view == HOST_PROCESSES || view == HOST_CONNECTIONS;

    if (bytes_first) {
        table_cell(table, "%s", top_rate(rate, row->sent_rate));
        table_cell(table, "%s", top_rate(rate, row->received_rate));
        table_cell(table, "%s", count_text(buffer, row->sent));
        table_cell(table, "%s", count_text(buffer, row->received));
    } else {
        table_cell(table, "%s", top_rate(rate, row->rate));
    }
    table_cell(table, "%s", count_text(buffer, row->count));
    if (view == HOST_FILES) {
        table_cell(table, "%s", count_text(buffer, row->received));
        table_cell(table, "%s", count_text(buffer, row->sent));
    }
    if (row->pid)
        table_cell(table, "%u", row->pid);
    else
        table_cell(table, "-");
    table_cell(table, "%s", row->comm);
    if (view == HOST_CONNECTIONS)
        table_cell(table, "%s", row->protocol);
    if (view != HOST_PROCESSES)
        table_cell(table, "%s", row->what);
}

static int print_text(const struct host_top *top)
{
    static const char *const aligns[] = {"rrrrrrl", "rrrrrrlll", "rrrrrll", "rrrll"};
    const struct style style = style_of(stdout);
    struct table *table = table_new(aligns[top->settings->view]);

    if (!top->settings->once && isatty(STDOUT_FILENO))
        fputs("\033[H\033[J", stdout);
    headings(table, top->settings->view);
    for (size_t i = 0; i < shown(top); i++)
        print_row(table, top->settings->view, &top->rows.list[i]);
    table_print(table, &style, stdout);
    table_free(table);
    if (shown(top) < top->rows.count)
        printf("  %zu of %zu rows\n", shown(top), top->rows.count);
    return output_flush();
}

/* ---- the command ---- */

static bool on_terminal(const struct host_top *top)
{
    return !top->settings->once && !top->settings->json && isatty(STDIN_FILENO) &&
           isatty(STDOUT_FILENO);
}

static int print_until_stopped(struct host_top *top)
{
    int error;

    do {
        error = poll_until(top, top->read_ns + top->settings->interval);
        if (!error)
            error = host_top_read(top);
        if (error) {
            say("%s", grain_error());
            break;
        }
        error = top->settings->json ? print_json(top) : print_text(top);
    } while (!error && !top->settings->once && !stop_requested());
    return error;
}

int host_top_run(const struct host_top_settings *settings)
{
    static const unsigned int probes[] = {
        1U << GRAIN_HOST_PROBE_NET,
        1U << GRAIN_HOST_PROBE_NET,
        1U << GRAIN_HOST_PROBE_FILES,
        1U << GRAIN_HOST_PROBE_SYSCALLS,
    };
    const struct grain_host_options options = {
        .size = sizeof(options), .probes = probes[settings->view], .way = -1};
    struct host_top top = {.settings = settings, .merge_at = 1024};
    int error;

    stop_prepare();
    error = grain_host_new(&top.host, &options);
    if (error) {
        say("%s", grain_error());
        return EXIT_FAILED;
    }
    top.read_ns = clock_now();
    error = on_terminal(&top) ? host_screen(&top) : print_until_stopped(&top);
    host_say_losses(top.host);
    grain_host_free(top.host);
    host_rows_free(&top.gone);
    host_rows_free(&top.rows);
    host_rows_free(&top.before);
    return error ? EXIT_FAILED : EXIT_OK;
}
