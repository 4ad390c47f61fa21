// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "say.h"

#define ROWS_MAX 24
/* What getopt answers for a long option: its row behind this. */
#define LONG 256
/* Of a line of --help, and where its text begins at the latest. */
#define LINE_WIDTH  92
#define TEXT_MARGIN 2

static const struct option_row help_row = {"help", OPTION_FLAG, NULL, "this text", 0,
                                           0,      0,           0,    0,           NULL};

static bool is_letter(const struct option_row *row)
{
    return !row->name[1];
}

/* "--hook auto|xdp|tc" into `out`; its length. */
static int write_name(char *out, size_t size, const struct option_row *row)
{
    return snprintf(out, size, "%s%s%s%s", is_letter(row) ? "-" : "--", row->name,
                    row->value ? " " : "", row->value ? row->value : "");
}

/* The words of `text`, from `margin` on; the first line has come that far already. */
static void print_filled(const char *text, int margin)
{
    int at = margin;

    while (*text) {
        int length = (int)strcspn(text, " ");

        if (at > margin && at + 1 + length > LINE_WIDTH) {
            printf("\n%*s", margin, "");
            at = margin;
        }
        printf("%s%.*s", at > margin ? " " : "", length, text);
        at += length + (at > margin);
        text += length;
        text += *text == ' ';
    }
    putchar('\n');
}

static void print_row(const struct option_row *row, int margin)
{
    char name[64];

    (void)write_name(name, sizeof(name), row);
    printf("  %-*s", margin - 2, name);
    print_filled(row->help, margin);
}

static void print_help(const struct options *options)
{
    int margin = 0;
    char name[64];

    for (size_t i = 0; i < options->count; i++) {
        int length = write_name(name, sizeof(name), &options->rows[i]);

        if (length > margin)
            margin = length;
    }
    margin += 2 + TEXT_MARGIN;
    printf("usage: grainctl %s\n\n%s\n", options->usage, options->text);
    for (size_t i = 0; i < options->count; i++)
        print_row(&options->rows[i], margin);
    print_row(&help_row, margin);
    if (options->after)
        printf("\n%s", options->after);
}

static bool store_number(const struct option_row *row, const char *option, const char *text,
                         void *target)
{
    uint64_t number;

    if (!option_number(option, text, row->least, row->most, &number))
        return false;
    if (row->size == sizeof(uint64_t))
        memcpy(target, &number, sizeof(number));
    else
        memcpy(target, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
    return true;
}

static bool store(const struct option_row *row, const char *text, void *settings)
{
    void *target = (char *)settings + row->target;
    char option[32];

    (void)snprintf(option, sizeof(option), "%s%s", is_letter(row) ? "-" : "--", row->name);
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)target = true;
        return true;
    case OPTION_TEXT:
        *(const char **)target = text;
        return true;
    case OPTION_NUMBER:
        return store_number(row, option, text, target);
    case OPTION_SECONDS:
        return option_seconds(option, text, target);
    case OPTION_BYTES:
        return option_bytes(option, text, target);
    case OPTION_STAGES:
        return option_stages(option, text, target);
    case OPTION_CALL:
        return row->take(settings, option, text);
    }
    return false;
}

static bool take(const struct option_row *row, const char *text, void *settings)
{
    if (!store(row, text, settings))
        return false;
    if (row->given)
        *((bool *)settings + row->given) = true;
    return true;
}

/* Tables for getopt; `letters` has room for two characters a row and the letter of help. */
static void fill(const struct options *options, struct option *out, char *letters)
{
    *letters++ = 'h';
    for (size_t i = 0; i < options->count; i++) {
        const struct option_row *row = &options->rows[i];
        bool valued = row->kind != OPTION_FLAG;

        if (!is_letter(row)) {
            *out++ = (struct option){row->name, valued ? required_argument : no_argument, NULL,
                                     LONG + (int)i};
            continue;
        }
        *letters++ = *row->name;
        if (valued)
            *letters++ = ':';
    }
    *letters = '\0';
    *out++ = (struct option){"help", no_argument, NULL, 'h'};
    *out = (struct option){NULL, 0, NULL, 0};
}

static const struct option_row *row_of(const struct options *options, int found)
{
    if (found >= LONG)
        return &options->rows[found - LONG];
    for (size_t i = 0; i < options->count; i++)
        if (is_letter(&options->rows[i]) && *options->rows[i].name == found)
            return &options->rows[i];
    return NULL;
}

bool options_read(const struct options *options, void *settings, int argc, char **argv, int *first,
                  int *code)
{
    struct option longs[ROWS_MAX + 2];
    char letters[2 * ROWS_MAX + 2];
    bool help = false;
    int found;

    /* In front of getopt's own messages. */
    argv[0] = (char *)"grainctl";
    *code = EXIT_USAGE;
    if (options->count > ROWS_MAX)
        return false;
    fill(options, longs, letters);
    while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct option_row *row = row_of(options, found);

        help |= found == 'h';
        if (found != 'h' && !row) {
            say("\"grainctl %s --help\" lists the options", options->command);
            return false;
        }
        if (row && !take(row, optarg, settings))
            return false;
    }
    *first = optind;
    if (!help)
        return true;
    print_help(options);
    *code = EXIT_OK;
    return false;
}
