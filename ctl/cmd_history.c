// SPDX-License-Identifier: GPL-2.0-only
/* grainctl history: what was recorded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grain/error.h>
#include <grain/host_record.h>
#include <store/reader.h>
#include <store/store.h>

#include "commands.h"
#include "follow.h"
#include "history.h"
#include "options.h"
#include "say.h"
#include "stop.h"
#include "table.h"
#include "when.h"

#define SINCE_DEFAULT_NS (24ULL * 3600 * 1000000000)
/* Rows of the last minutes may still be added to. */
#define FOLLOW_BACK_NS 180000000000ULL
#define FOLLOW_EACH_NS 1000000000ULL

struct settings {
    const char *database;
    const char *since, *until;
    struct grain_store_filter filter;
    uint64_t timeout_ns;
    bool json, csv, follow;
};

static bool take_operation(void *to, const char *option, const char *text)
{
    struct settings *settings = to;
    static const struct option_word words[] = {
#define X(ID, number, name) {name, number},
        GRAIN_HOST_OPERATIONS(X)
#undef X
            {NULL, 0},
    };

    return option_word("history", option, text, words, &settings->filter.operation);
}

static bool take_uid(void *to, const char *option, const char *text)
{
    struct settings *settings = to;
    uint64_t number;

    if (!option_number(option, text, 0, UINT32_MAX, &number))
        return false;
    settings->filter.uid = (uint32_t)number;
    settings->filter.has_uid = true;
    return true;
}

static const struct option_row rows[] = {
    {"db", OPTION_TEXT, "FILE", "the database (" GRAIN_STORE_PATH_DEFAULT ")",
     OPTION_TARGET(struct settings, database)},
    {"since", OPTION_TEXT, "TIME",
     "from when on (24h): 30m, 24h, 7d ago, or 2026-01-31, 2026-01-31T12:00, with Z or +01:00",
     OPTION_TARGET(struct settings, since)},
    {"until", OPTION_TEXT, "TIME", "up to when (now)", OPTION_TARGET(struct settings, until)},
    {"path", OPTION_TEXT, "PATH",
     "files: this one, also by other names that it had; everything below with / at its end; a "
     "pattern with *, ? or [",
     OPTION_TARGET(struct settings, filter.path)},
    {"only-path", OPTION_FLAG, NULL, "files: not the same file by other names",
     OPTION_TARGET(struct settings, filter.only_path)},
    {"process", OPTION_TEXT, "WHO", "a pid, a program's path, or its name",
     OPTION_TARGET(struct settings, filter.process)},
    {"uid", OPTION_CALL, "UID", "a user, by number", .take = take_uid},
    {"container", OPTION_TEXT, "WHICH",
     "a container's name or its pod's, its id, or how that begins",
     OPTION_TARGET(struct settings, filter.container)},
    {"op", OPTION_CALL, "OPERATION",
     "files: open, read, write, mmap, rename, link, unlink, truncate, chmod, chown, exec or "
     "symlink",
     .take = take_operation},
    {"name", OPTION_TEXT, "NAME",
     "net, dns, tls: of a DNS message or a ClientHello; *.example.org: it and all below",
     OPTION_TARGET(struct settings, filter.name)},
    {"address", OPTION_TEXT, "ADDRESS", "net, tls: the remote one; dns: the server, or an answer",
     OPTION_TARGET(struct settings, filter.address)},
    {"limit", OPTION_NUMBER, "N", "only the last N rows",
     OPTION_TARGET(struct settings, filter.limit), .least = 1, .most = 1000000000},
    {"follow", OPTION_FLAG, NULL, "go on with what is added, until ^C",
     OPTION_TARGET(struct settings, follow)},
    {"timeout", OPTION_SECONDS, "SECONDS", "sql: how long it may take (60)",
     OPTION_TARGET(struct settings, timeout_ns)},
    OPTION_JSON(struct settings, "one JSON object a row, and one a gap"),
    {"csv", OPTION_FLAG, NULL, "comma-separated (RFC 4180); gaps on standard error",
     OPTION_TARGET(struct settings, csv)},
};

static const struct options options = {
    "history",
    "history files|net|dns|tls|processes|gaps [--since TIME] [--until TIME]\n"
    "                        [--path PATH] [--process WHO] [--uid UID] [--container WHICH]\n"
    "                        [--op OPERATION] [--name NAME] [--address ADDRESS] [--limit N]\n"
    "                        [--follow] [--json|--csv] [--db FILE]\n"
    "       grainctl history sql 'SELECT ...' [--timeout SECONDS] [--json|--csv] [--db FILE]",
    "Shows what the agent recorded: who touched which file, who spoke with whom, and when. What\n"
    "was the same within a minute is one row with a count. Times when something may be missing\n"
    "are told behind the rows.\n",
    "The views for sql: files, net, dns, tls, processes, gaps; docs/history.md has their "
    "columns.\n",
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

struct run {
    const struct settings *settings;
    struct grain_store_reader *reader;
    struct history_out out;
    struct history_out gaps;
    struct follow *seen; /* with --follow */
};

static uint64_t wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int on_row(void *user, const struct grain_store_cell *cells, size_t count)
{
    struct run *run = user;

    if (run->seen && !follow_is_new(run->seen, cells, count))
        return 0;
    return history_out_row(&run->out, cells, count);
}

static void say_gap(const struct grain_store_cell *cells)
{
    char from[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

    say("gap from %s to %s: %s%s%s", when_text(from, cells[0].number),
        when_text(until, cells[1].number), cells[2].text, *cells[3].text ? ": " : "",
        cells[3].text);
}

static int on_gap(void *user, const struct grain_store_cell *cells, size_t count)
{
    struct run *run = user;

    if (run->settings->csv) {
        say_gap(cells);
        return 0;
    }
    if (run->settings->json)
        return history_out_row(&run->gaps, cells, count);
    if (!run->gaps.rows)
        printf("%sIn this time something may be missing:\n", run->out.rows ? "\n" : "");
    return history_out_row(&run->gaps, cells, count);
}

static int print_gaps(struct run *run)
{
    const struct grain_store_filter *filter = &run->settings->filter;
    int error =
        grain_store_select_gaps(run->reader, filter->from_ns, filter->until_ns, 0,
                                filter->table == GRAIN_STORE_GAPS_TABLE ? on_row : on_gap, run);

    return error ? error : history_out_flush(&run->gaps);
}

static int print_rows(struct run *run, const struct grain_store_filter *filter)
{
    int error = filter->table == GRAIN_STORE_GAPS_TABLE
                    ? 0
                    : grain_store_select(run->reader, filter, on_row, run);

    return error ? error : history_out_flush(&run->out);
}

static int print_nothing(const struct run *run)
{
    if (!run->out.rows && !run->settings->json && !run->settings->csv)
        puts("nothing was recorded that fits");
    return 0;
}

static int follow(struct run *run)
{
    struct grain_store_filter filter = run->settings->filter;
    uint64_t next = clock_now(), begin = filter.from_ns;
    int error = 0;

    stop_prepare();
    run->seen = follow_new();
    filter.until_ns = 0;
    for (;;) {
        uint64_t now = wall_now();

        error = print_rows(run, &filter);
        if (!error && filter.table == GRAIN_STORE_GAPS_TABLE)
            error = grain_store_select_gaps(run->reader, filter.from_ns, 0, 0, on_row, run);
        if (!error)
            error = history_out_flush(&run->out);
        next += FOLLOW_EACH_NS;
        if (error || !stop_wait(next))
            break;
        filter.limit = 0;
        filter.from_ns = now > FOLLOW_BACK_NS ? now - FOLLOW_BACK_NS : 0;
        filter.from_ns = filter.from_ns > begin ? filter.from_ns : begin;
        follow_forget(run->seen, (int64_t)(filter.from_ns / 1000000));
    }
    follow_free(run->seen);
    run->seen = NULL;
    return error;
}

static int select_rows(struct run *run)
{
    int error;

    if (run->settings->follow)
        return follow(run);
    error = print_rows(run, &run->settings->filter);
    if (!error && run->settings->filter.table != GRAIN_STORE_GAPS_TABLE)
        error = print_nothing(run);
    if (!error)
        error = print_gaps(run);
    if (!error && run->settings->filter.table == GRAIN_STORE_GAPS_TABLE) {
        if (!run->out.rows && !run->settings->json && !run->settings->csv)
            puts("no gaps");
        error = history_out_flush(&run->out);
    }
    return error;
}

static int run_history(const struct settings *settings, unsigned int kind, const char *sql)
{
    enum history_form form = settings->json  ? HISTORY_JSON
                             : settings->csv ? HISTORY_CSV
                                             : HISTORY_TABLE;
    struct run run = {.settings = settings};
    int error = grain_store_reader_open(&run.reader, settings->database);

    history_out_begin(&run.out, form, kind);
    history_out_begin(&run.gaps, form, GRAIN_STORE_GAPS_TABLE);
    if (!error && kind == HISTORY_SQL) {
        error = grain_store_sql(run.reader, sql, settings->timeout_ns, on_row, &run);
        if (!error)
            error = history_out_flush(&run.out);
    } else if (!error) {
        error = select_rows(&run);
    }
    /* What could not be written was told already. */
    if (error && !ferror(stdout))
        say("%s", grain_error());
    history_out_end(&run.out);
    history_out_end(&run.gaps);
    grain_store_reader_close(run.reader);
    return error ? EXIT_FAILED : EXIT_OK;
}

static bool choose_table(struct settings *settings, const char *name, unsigned int *kind)
{
    for (*kind = 0; *kind < GRAIN_STORE_TABLE_COUNT; ++*kind)
        if (!strcmp(name, grain_store_table_name(*kind))) {
            settings->filter.table = (enum grain_store_table) * kind;
            return true;
        }
    if (!strcmp(name, "sql"))
        return true;
    say("history: no table '%s'; there are files, net, dns, tls, processes and gaps, and sql",
        name);
    return false;
}

static bool read_times(struct settings *settings)
{
    struct grain_store_filter *filter = &settings->filter;
    uint64_t now = wall_now();

    filter->from_ns = now - SINCE_DEFAULT_NS;
    if (settings->since && !when_read("--since", settings->since, now, &filter->from_ns))
        return false;
    if (settings->until && !when_read("--until", settings->until, now, &filter->until_ns))
        return false;
    if (!settings->until || filter->from_ns < filter->until_ns)
        return true;
    say("--since %s --until %s: nothing lies between", settings->since ? settings->since : "24h",
        settings->until);
    return false;
}

static bool fits(const struct settings *settings, unsigned int kind)
{
    const struct grain_store_filter *filter = &settings->filter;

    if (settings->json && settings->csv) {
        say("history: --json or --csv, not both");
        return false;
    }
    if ((filter->path || filter->operation >= 0) && kind != GRAIN_STORE_FILES) {
        say("history: --path and --op are for files");
        return false;
    }
    if ((filter->name || filter->address) && kind != GRAIN_STORE_NET && kind != GRAIN_STORE_DNS &&
        kind != GRAIN_STORE_TLS) {
        say("history: --name and --address are for net, dns and tls");
        return false;
    }
    if (settings->follow && (kind == HISTORY_SQL || settings->until)) {
        say("history: --follow has no end: not with --until, not for sql");
        return false;
    }
    return true;
}

int cmd_history(int argc, char **argv)
{
    struct settings settings = {.database = GRAIN_STORE_PATH_DEFAULT, .filter = {.operation = -1}};
    unsigned int kind;
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first >= argc) {
        say("history: of what? files, net, dns, tls, processes, gaps or sql");
        return EXIT_USAGE;
    }
    if (!choose_table(&settings, argv[first], &kind) || !fits(&settings, kind) ||
        !read_times(&settings))
        return EXIT_USAGE;
    if (argc - first != (kind == HISTORY_SQL ? 2 : 1)) {
        say(kind == HISTORY_SQL ? "history sql: one statement, in quotes"
                                : "history: one table at a time; filters begin with --");
        return EXIT_USAGE;
    }
    return run_history(&settings, kind, argv[argc - 1]);
}
