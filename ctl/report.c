// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <grain/message.h>

#include "losses.h"
#include "report.h"
#include "say.h"
#include "table.h"

struct report {
    const struct replay_sums *sums;
    struct style style;
    size_t top;
};

static void print_title(const struct report *report, enum tone tone, const char *title,
                        size_t shown, size_t all)
{
    putchar('\n');
    style_begin(&report->style, stdout, tone);
    fputs(title, stdout);
    style_end(&report->style, stdout, tone);
    if (shown < all)
        printf(" (%zu of %zu)", shown, all);
    putchar('\n');
}

/* `count` entries, as many as are to be shown of them. */
static size_t shown(const struct report *report, size_t count)
{
    return count < report->top ? count : report->top;
}

static void print_table(const struct report *report, struct table *table)
{
    table_print(table, &report->style, stdout);
    table_free(table);
}

static void time_text(char *out, size_t size, uint64_t time_ns)
{
    time_t seconds = time_ns / 1000000000;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static void print_span(const struct replay_sums *sums)
{
    char first[64], last[64];

    if (!sums->frames)
        return;
    time_text(first, sizeof(first), sums->first_ns);
    time_text(last, sizeof(last), sums->last_ns);
    printf("%s to %s UTC (%.1f s), ", first, last, (sums->last_ns - sums->first_ns) / 1e9);
}

static void print_summary(const struct replay_sums *sums)
{
    uint64_t packets = replay_packets(sums);
    double seconds = sums->elapsed_ns / 1e9;
    char buffer[COUNT_TEXT_MAX];

    printf("%" PRIu64 " capture%s, ", sums->files, sums->files == 1 ? "" : "s");
    printf("%s packet%s, ", count_text(buffer, packets), packets == 1 ? "" : "s");
    printf("%s bytes, ", count_text(buffer, replay_bytes(sums)));
    print_span(sums);
    printf("engine %s, ", replay_engine_name(sums->engine));
    printf("%s packets/s\n", count_text(buffer, seconds > 0 ? packets / seconds : 0));
}

struct share {
    unsigned int disposition;
    uint64_t packets;
};

static int compare_share(const void *left, const void *right)
{
    const struct share *a = left, *b = right;

    if (a->packets != b->packets)
        return a->packets < b->packets ? 1 : -1;
    return a->disposition < b->disposition ? -1 : 1;
}

static void print_packets(const struct report *report)
{
    const struct grain_totals *totals = &report->sums->counts.totals;
    double all = replay_packets(report->sums);
    struct share shares[GRAIN_DISPOSITION_COUNT];
    struct table *table = table_new("rrrll");
    char buffer[COUNT_TEXT_MAX];

    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++)
        shares[i] = (struct share){i, totals->packets[i]};
    qsort(shares, GRAIN_DISPOSITION_COUNT, sizeof(shares[0]), compare_share);
    table_cell(table, "packets");
    table_cell(table, "%%");
    table_cell(table, "bytes");
    table_cell(table, "disposition");
    table_cell(table, "what it means");
    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT && shares[i].packets; i++) {
        unsigned int number = shares[i].disposition;

        table_cell(table, "%s", count_text(buffer, shares[i].packets));
        table_cell(table, "%.1f", 100 * shares[i].packets / all);
        table_cell(table, "%s", count_text(buffer, totals->bytes[number]));
        table_cell(table, "%s", grain_disposition_name(number));
        table_cell(table, "%s", grain_disposition_text(number));
    }
    if (all > 0) {
        print_title(report, TONE_TITLE, "Packets", 0, 0);
        table_print(table, &report->style, stdout);
    }
    table_free(table);
}

static void name_cell(struct table *table, const struct name *name)
{
    char text[NAME_TEXT_MAX];

    table_cell(table, "%s", name_text(text, name));
}

static void print_dns(const struct report *report)
{
    struct table *table = table_new("rrll");
    char types[512], buffer[COUNT_TEXT_MAX];
    const struct name **names;
    size_t count, lines;

    names = names_sorted(&report->sums->names, false, &count);
    lines = shown(report, count);
    table_cell(table, "queries");
    table_cell(table, "responses");
    table_cell(table, "types");
    table_cell(table, "name");
    for (size_t i = 0; i < lines; i++) {
        name_types_text(types, sizeof(types), names[i]);
        table_cell(table, "%s", count_text(buffer, names[i]->queries));
        table_cell(table, "%s", count_text(buffer, names[i]->responses));
        table_cell(table, "%s", types);
        name_cell(table, names[i]);
    }
    if (count) {
        print_title(report, TONE_TITLE, "DNS names", lines, count);
        table_print(table, &report->style, stdout);
    }
    table_free(table);
    free(names);
}

static void print_sni(const struct report *report)
{
    struct table *table = table_new("rl");
    char buffer[COUNT_TEXT_MAX];
    const struct name **names;
    size_t count, lines;

    names = names_sorted(&report->sums->names, true, &count);
    lines = shown(report, count);
    table_cell(table, "hellos");
    table_cell(table, "server name");
    for (size_t i = 0; i < lines; i++) {
        table_cell(table, "%s", count_text(buffer, names[i]->queries));
        name_cell(table, names[i]);
    }
    if (count) {
        print_title(report, TONE_TITLE, "TLS server names", lines, count);
        table_print(table, &report->style, stdout);
    }
    table_free(table);
    free(names);
}

static void print_tally(const struct report *report, const char *title, const char *unit,
                        const char *what, const struct tally *tally)
{
    size_t lines = shown(report, tally->count);
    const struct tally_entry **entries;
    char buffer[COUNT_TEXT_MAX];
    struct table *table;

    if (!tally->count)
        return;
    table = table_new("rl");
    entries = tally_sorted(tally);
    table_cell(table, "%s", unit);
    table_cell(table, "%s", what);
    for (size_t i = 0; i < lines; i++) {
        table_cell(table, "%s", count_text(buffer, entries[i]->count));
        table_cell(table, "%s", entries[i]->text);
    }
    free(entries);
    print_title(report, TONE_TITLE, title, lines, tally->count);
    print_table(report, table);
}

static void print_losses(const struct report *report)
{
    const struct grain_engine_counts *counts = &report->sums->counts;
    struct table *table = table_new("rll");
    size_t rows = losses_rows(table, counts);

    rows += loss_row(table, counts->flows_pending, "flows_pending",
                     "messages that had not ended when the capture did");
    rows += loss_row(table, counts->heads_only, "heads_only",
                     "frames longer than an engine takes: their head was run");
    rows += loss_row(table, counts->events_lost, "records_lost", "records that the ring dropped");
    rows += loss_row(table, report->sums->unreadable, "records_unreadable",
                     "records whose bytes do not hold what they say");
    rows += loss_row(table, counts->texts_disagreed, "texts_disagreed",
                     "stored names that do not match their hash");
    print_title(report, rows ? TONE_ALARM : TONE_TITLE, rows ? "Losses" : "Losses: none", 0, 0);
    if (rows)
        table_print(table, &report->style, stdout);
    table_free(table);
}

static void print_invariant(const struct report *report, bool holds, const char *text)
{
    if (holds)
        return;
    style_begin(&report->style, stdout, TONE_ALARM);
    printf("\nBroken invariant: %s", text);
    style_end(&report->style, stdout, TONE_ALARM);
    putchar('\n');
}

void report_print(const struct replay_sums *sums, size_t top)
{
    struct report report = {.sums = sums, .style = style_of(stdout), .top = top};

    print_summary(sums);
    print_packets(&report);
    print_dns(&report);
    print_sni(&report);
    print_tally(&report, "TLS versions", "hellos", "highest version offered", &sums->tls_versions);
    print_tally(&report, "ALPN", "hellos", "protocol offered", &sums->alpn);
    print_tally(&report, "QUIC versions", "Initials", "version", &sums->quic_versions);
    print_losses(&report);
    print_invariant(&report, sums->packets_hold, "dispositions = packets");
    print_invariant(&report, sums->names_hold, "tables + records + unattributed = names");
    print_invariant(&report, sums->events_hold, "events sent and not sent = events seen");
}
