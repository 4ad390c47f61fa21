// SPDX-License-Identifier: GPL-2.0-only
/* grainctl top: the most frequent names, server names or dispositions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "host_top.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "top.h"

#define ROWS_DEFAULT 20

struct settings {
    const char *root;
    enum top_view view;
    enum host_view host; /* HOST_VIEW_COUNT: `view` is meant */
    uint64_t rows;
    uint64_t interval; /* 0: not given */
    bool once, json;
};

static const struct option_row rows[] = {
    {"once", OPTION_FLAG, NULL,
     "print the list and end; with --interval: after S seconds, with the rates of that time",
     OPTION_TARGET(struct settings, once)},
    OPTION_JSON(struct settings, "one JSON object; without --once one each interval, until ^C"),
    {"n", OPTION_NUMBER, "N", "print at most N rows; 0: all (20)",
     OPTION_TARGET(struct settings, rows), .most = 1000000000},
    {"interval", OPTION_SECONDS, "S", "read anew each S seconds (1)",
     OPTION_TARGET(struct settings, interval)},
    OPTION_PIN_ROOT(struct settings, root),
};

static const struct options options = {
    "top",
    "top [dns|sni|dispositions] [--once] [--json] [-n N] [--interval S]\n"
    "                    [--pin-root DIR]\n"
    "       grainctl top processes|connections|files|syscalls [--once] [--json] [-n N]\n"
    "                    [--interval S]",
    "Shows the names that were counted, with counts, rates, shares, and when they were first and\n"
    "last seen. It reads tables, so that nobody has to have listened.\n\n"
    "Of processes: the bytes that each sent and received, the same by remote address, events on\n"
    "watched files, or system calls. These are counted from when the command starts.\n",
    "Keys: Tab turns to the next list; c, r, n and l sort by count, rate, name and when last\n"
    "seen; / filters, Esc takes the filter off; Space pauses; arrows and pages move; q quits.\n"
    "Lists of processes have neither Tab nor l; what happens while they pause is counted.\n",
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static int print(const struct settings *settings, const struct top *top)
{
    return settings->json ? top_print_json(top, settings->rows)
                          : top_print_text(top, settings->rows);
}

static int read_rows(struct top *top)
{
    int error = top_read(top);

    if (error == -ENOENT)
        say("%s; attach first: grainctl attach IFACE", grain_error());
    else if (error)
        say("%s", grain_error());
    top_sort(top, TOP_BY_COUNT);
    return error;
}

static int print_once(const struct settings *settings, struct top *top)
{
    int error = read_rows(top);

    if (!error && settings->interval) {
        stop_prepare();
        (void)stop_wait(top->read_ns + settings->interval);
        error = read_rows(top);
    }
    return error ? error : print(settings, top);
}

static int print_until_stopped(const struct settings *settings, struct top *top)
{
    uint64_t interval = settings->interval ? settings->interval : 1000000000;
    int error;

    stop_prepare();
    do {
        error = read_rows(top);
        if (!error)
            error = print(settings, top);
    } while (!error && stop_wait(top_due(top, interval)));
    return error;
}

static int run(const struct settings *settings)
{
    struct top top = {.root = settings->root, .view = settings->view};
    int error;

    if (settings->once)
        error = print_once(settings, &top);
    else if (settings->json)
        error = print_until_stopped(settings, &top);
    else if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        say("top: not on a terminal; --once prints the list, --json one list a second");
        return EXIT_USAGE;
    } else {
        error = read_rows(&top);
        if (!error)
            error = top_screen(&top, settings->interval ? settings->interval : 1000000000);
    }
    top_free(&top);
    return error ? EXIT_FAILED : EXIT_OK;
}

static int run_host(const struct settings *settings)
{
    const struct host_top_settings host = {
        .view = settings->host,
        .rows = settings->rows,
        .interval = settings->interval ? settings->interval : 1000000000,
        .once = settings->once,
        .json = settings->json,
    };

    if (settings->root) {
        say("top %s: --pin-root: nothing of it is pinned", host_view_name(host.view));
        return EXIT_USAGE;
    }
    return host_top_run(&host);
}

static bool parse_view(struct settings *settings, const char *text)
{
    static const char *const views[] = {"dns", "sni", "dispositions"};

    for (int i = 0; i < HOST_VIEW_COUNT; i++)
        if (!strcmp(text, host_view_name((enum host_view)i))) {
            settings->host = (enum host_view)i;
            return true;
        }
    for (int i = 0; i <= TOP_DISPOSITIONS; i++)
        if (!strcmp(text, views[i])) {
            settings->view = (enum top_view)i;
            return true;
        }
    say("top %s: there are dns, sni, dispositions, processes, connections, files and syscalls",
        text);
    return false;
}

int cmd_top(int argc, char **argv)
{
    struct settings settings = {.rows = ROWS_DEFAULT, .host = HOST_VIEW_COUNT};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first < argc && !parse_view(&settings, argv[first++]))
        return EXIT_USAGE;
    if (first < argc) {
        say("top: one list at a time");
        return EXIT_USAGE;
    }
    return settings.host == HOST_VIEW_COUNT ? run(&settings) : run_host(&settings);
}
