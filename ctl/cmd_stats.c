// SPDX-License-Identifier: GPL-2.0-only
/* grainctl stats: packets, bytes and dispositions of what is attached. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "json.h"
#include "options.h"
#include "say.h"
#include "sources.h"
#include "stop.h"
#include "table.h"

struct settings {
    const char *root;
    const char *interface;
    uint64_t interval; /* nanoseconds; 0: once, since attached */
    uint64_t count;    /* 0: until ^C */
    bool json;
};

static const struct option_row rows[] = {
    {"interval", OPTION_SECONDS, "S", "show what passed in each S seconds, until ^C",
     OPTION_TARGET(struct settings, interval)},
    {"count", OPTION_NUMBER, "N", "end after N intervals (of 1 second, if --interval does not say)",
     OPTION_TARGET(struct settings, count), .least = 1, .most = UINT64_MAX},
    OPTION_JSON(struct settings,
                "one JSON object, or one for each interval, with every disposition"),
    OPTION_PIN_ROOT(struct settings, root),
};

static const struct options options = {
    "stats",
    "stats [IFACE] [--interval S] [--count N] [--json] [--pin-root DIR]",
    "Shows how many packets and bytes passed, and what grain understood of them: since the\n"
    "interfaces were attached, or with --interval in each interval.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

/* What passed between two readings, or since the beginning. */
struct sample {
    const struct sources *now;
    const struct sources *before; /* NULL: since the beginning */
    double seconds;               /* 0: since each was attached */
};

static uint64_t wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static double seconds_of(const struct sample *sample, const struct grain_source *source)
{
    struct timespec now;
    double age;

    if (sample->before)
        return sample->seconds;
    clock_gettime(CLOCK_BOOTTIME, &now);
    age = (double)now.tv_sec + now.tv_nsec / 1e9 - source->attached_ns / 1e9;
    /* A detached one does not count on. */
    return source->state == GRAIN_SOURCE_FREE || age < 0 ? 0 : age;
}

static void delta(const struct sample *sample, size_t i, struct grain_totals *out)
{
    const struct grain_live_source *now = &sample->now->list[i], *before = NULL;

    if (sample->before)
        before = sources_find(sample->before, now);
    totals_since(out, &now->totals, before ? &before->totals : NULL);
}

static double rate(uint64_t count, double seconds)
{
    return seconds > 0 ? count / seconds : 0;
}

/* ---- JSON ---- */

static json_t *dispositions_json(const struct grain_totals *totals)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++) {
        json_t *one;

        if (!totals->packets[i])
            continue;
        one = must(json_object());
        json_put_number(one, "packets", totals->packets[i]);
        json_put_number(one, "bytes", totals->bytes[i]);
        json_put(object, grain_disposition_name(i), one);
    }
    return object;
}

static void put_totals(json_t *object, const struct grain_totals *totals, double seconds)
{
    json_put_number(object, "packets", totals_packets(totals));
    json_put_number(object, "bytes", totals_bytes(totals));
    json_put_number(object, "segments", totals_packets(totals) + totals->segments);
    if (seconds > 0) {
        json_put(object, "packets_per_second", json_real(rate(totals_packets(totals), seconds)));
        json_put(object, "bytes_per_second", json_real(rate(totals_bytes(totals), seconds)));
    }
    json_put(object, "dispositions", dispositions_json(totals));
}

static json_t *source_json(const struct sample *sample, size_t i, const struct grain_totals *totals)
{
    const struct grain_source *source = &sample->now->list[i].source;
    json_t *object = must(json_object());

    json_put_text(object, "interface", source_name(source));
    json_put_text(object, "direction", source_direction(source));
    json_put_text(object, "hook", source_hook(source));
    json_put(object, "attached", json_boolean(source->state == GRAIN_SOURCE_ATTACHED));
    put_totals(object, totals, seconds_of(sample, source));
    return object;
}

static int print_json(const struct sample *sample)
{
    json_t *object = must(json_object()), *list = must(json_array());
    struct grain_totals totals, sum = {0};

    for (size_t i = 0; i < sample->now->count; i++) {
        delta(sample, i, &totals);
        totals_add(&sum, &totals);
        json_append(list, source_json(sample, i, &totals));
    }
    json_put_time(object, "timestamp", wall_now());
    if (sample->before)
        json_put(object, "interval", json_real(sample->seconds));
    put_totals(object, &sum, sample->seconds);
    json_put(object, "sources", list);
    return json_print(object, true);
}

/* ---- for people ---- */

static void source_row(struct table *table, const struct sample *sample, size_t i,
                       const struct grain_totals *totals)
{
    const struct grain_source *source = &sample->now->list[i].source;
    double seconds = seconds_of(sample, source);
    char buffer[COUNT_TEXT_MAX];

    table_cell(table, "%s", source_name(source));
    table_cell(table, "%s", source_direction(source));
    table_cell(table, "%s", source_hook(source));
    table_cell(table, "%s", count_text(buffer, totals_packets(totals)));
    table_cell(table, "%s", count_text(buffer, totals_bytes(totals)));
    table_cell(table, "%s",
               count_text(buffer, (uint64_t)(rate(totals_packets(totals), seconds) + 0.5)));
    table_cell(table, "%.3f", rate(totals_bytes(totals), seconds) * 8 / 1e6);
    table_cell(table, "%s", source->state == GRAIN_SOURCE_ATTACHED ? "" : "detached");
}

static void headings(struct table *table, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_cell(table, "%s", names[i]);
}

static void disposition_rows(struct table *table, const struct grain_totals *totals)
{
    double all = (double)totals_packets(totals);
    bool done[GRAIN_DISPOSITION_COUNT] = {false};
    char buffer[COUNT_TEXT_MAX];

    for (;;) {
        int most = -1;

        for (int i = 0; i < GRAIN_DISPOSITION_COUNT; i++)
            if (!done[i] && totals->packets[i] &&
                (most < 0 || totals->packets[i] > totals->packets[most]))
                most = i;
        if (most < 0)
            return;
        done[most] = true;
        table_cell(table, "%s", count_text(buffer, totals->packets[most]));
        table_cell(table, "%.1f", 100 * totals->packets[most] / all);
        table_cell(table, "%s", count_text(buffer, totals->bytes[most]));
        table_cell(table, "%s", grain_disposition_name(most));
        table_cell(table, "%s", grain_disposition_text(most));
    }
}

static void print_dispositions(const struct grain_totals *totals, const struct style *style)
{
    static const char *const names[] = {"packets", "%", "bytes", "disposition", "what it means"};
    struct table *table = table_new("rrrll");

    if (totals_packets(totals)) {
        headings(table, names, sizeof(names) / sizeof(names[0]));
        disposition_rows(table, totals);
        putchar('\n');
        table_print(table, style, stdout);
    }
    table_free(table);
}

static void print_time(const struct sample *sample)
{
    time_t seconds = time(NULL);
    char text[64];
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s, %.1f s\n", text, sample->seconds);
}

static int print_text(const struct sample *sample)
{
    static const char *const names[] = {"interface", "",          "hook",   "packets",
                                        "bytes",     "packets/s", "Mbit/s", ""};
    const struct style style = style_of(stdout);
    struct table *table = table_new("lllrrrrl");
    struct grain_totals totals, sum = {0};

    if (sample->before)
        print_time(sample);
    headings(table, names, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < sample->now->count; i++) {
        delta(sample, i, &totals);
        totals_add(&sum, &totals);
        source_row(table, sample, i, &totals);
    }
    table_print(table, &style, stdout);
    table_free(table);
    print_dispositions(&sum, &style);
    if (sample->before)
        putchar('\n');
    return output_flush();
}

/* ---- */

static int print_sample(const struct settings *settings, const struct sample *sample)
{
    return settings->json ? print_json(sample) : print_text(sample);
}

static int run_once(const struct settings *settings, struct grain_live *live)
{
    struct sources now = {0};
    const struct sample sample = {.now = &now};
    int error = sources_read(&now, live, settings->interface);

    if (!error && settings->interface && !now.count) {
        say("%s is not attached; \"grainctl status\" shows what is", settings->interface);
        error = -1;
    }
    if (!error)
        error = print_sample(settings, &sample);
    sources_free(&now);
    return error;
}

/* Where the set of maps is made anew, its numbers start anew. */
static bool reopen(const struct settings *settings, struct grain_live **live)
{
    if (grain_live_current(*live))
        return true;
    say("the maps were removed: everything was detached");
    grain_live_free(*live);
    *live = live_open(settings->root);
    return *live;
}

static int run_intervals(const struct settings *settings, struct grain_live **live)
{
    struct sources readings[2] = {{0}, {0}};
    int error = sources_read(&readings[0], *live, settings->interface);
    uint64_t due = readings[0].read_ns;

    stop_prepare();
    for (uint64_t n = 1; !error && (!settings->count || n <= settings->count); n++) {
        struct sources *before = &readings[(n - 1) % 2], *now = &readings[n % 2];
        struct sample sample = {.now = now, .before = before};

        due += settings->interval;
        if (!stop_wait(due))
            break;
        error = reopen(settings, live) ? sources_read(now, *live, settings->interface) : -1;
        sample.seconds = (now->read_ns - before->read_ns) / 1e9;
        if (!error)
            error = print_sample(settings, &sample);
    }
    sources_free(&readings[0]);
    sources_free(&readings[1]);
    return error;
}

static bool read_options(struct settings *settings, int argc, char **argv, int *code)
{
    int first;

    if (!options_read(&options, settings, argc, argv, &first, code))
        return false;
    if (first < argc)
        settings->interface = argv[first++];
    if (first < argc) {
        say("stats: one interface, or none for all");
        *code = EXIT_USAGE;
        return false;
    }
    if (settings->count && !settings->interval)
        settings->interval = 1000000000;
    return true;
}

int cmd_stats(int argc, char **argv)
{
    struct settings settings = {0};
    struct grain_live *live;
    int error, code;

    if (!read_options(&settings, argc, argv, &code))
        return code;
    live = live_open(settings.root);
    if (!live)
        return EXIT_FAILED;
    error = settings.interval ? run_intervals(&settings, &live) : run_once(&settings, live);
    grain_live_free(live);
    return error ? EXIT_FAILED : EXIT_OK;
}
