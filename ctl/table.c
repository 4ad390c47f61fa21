// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "say.h"
#include "table.h"

#define INDENT "  "

struct table {
    const char *align;
    size_t columns;
    size_t count;
    size_t room;
    char **cells;
};

struct style style_of(FILE *file)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    struct style style = {0};
    struct winsize size;

    if (!isatty(fileno(file)))
        return style;
    style.colour = !(no_colour && *no_colour) && !(term && !strcmp(term, "dumb"));
    if (!ioctl(fileno(file), TIOCGWINSZ, &size))
        style.width = size.ws_col;
    return style;
}

void style_begin(const struct style *style, FILE *file, enum tone tone)
{
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[31m"};

    if (style->colour)
        fputs(codes[tone], file);
}

void style_end(const struct style *style, FILE *file, enum tone tone)
{
    if (style->colour && tone != TONE_PLAIN)
        fputs("\033[0m", file);
}

const char *count_text(char buffer[COUNT_TEXT_MAX], uint64_t count)
{
    char *at = buffer + COUNT_TEXT_MAX - 1;
    int digits = 0;

    *at = '\0';
    do {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + count % 10);
        digits++;
    } while (count /= 10);
    return at;
}

struct table *table_new(const char *align)
{
    struct table *table = must(calloc(1, sizeof(*table)));

    table->align = align;
    table->columns = strlen(align);
    return table;
}

void table_cell(struct table *table, const char *format, ...)
{
    va_list arguments;
    int length;

    if (table->count == table->room) {
        table->room = table->room ? 2 * table->room : 64;
        table->cells = must(realloc(table->cells, table->room * sizeof(*table->cells)));
    }
    va_start(arguments, format);
    length = vasprintf(&table->cells[table->count], format, arguments);
    va_end(arguments);
    must(length < 0 ? NULL : table->cells[table->count]);
    table->count++;
}

static void print_last(const char *text, size_t used, const struct style *style, FILE *file)
{
    size_t left = style->width > used ? style->width - used : 0;

    if (!style->width || strlen(text) <= left || left < 8)
        fprintf(file, "%s", text);
    else
        fprintf(file, "%.*s...", (int)left - 3, text);
}

static void print_row(const struct table *table, char *const *row, const int *widths,
                      const struct style *style, FILE *file)
{
    size_t used = strlen(INDENT);

    fputs(INDENT, file);
    for (size_t i = 0; i + 1 < table->columns; i++) {
        fprintf(file, table->align[i] == 'r' ? "%*s  " : "%-*s  ", widths[i], row[i]);
        used += widths[i] + 2;
    }
    if (table->align[table->columns - 1] == 'r')
        fprintf(file, "%*s", widths[table->columns - 1], row[table->columns - 1]);
    else
        print_last(row[table->columns - 1], used, style, file);
}

void table_print(const struct table *table, const struct style *style, FILE *file)
{
    int *widths = must(calloc(table->columns, sizeof(*widths)));

    for (size_t i = 0; i < table->count; i++) {
        int length = (int)strlen(table->cells[i]);

        if (length > widths[i % table->columns])
            widths[i % table->columns] = length;
    }
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        enum tone tone = i ? TONE_PLAIN : TONE_DIM;

        style_begin(style, file, tone);
        print_row(table, table->cells + i, widths, style, file);
        style_end(style, file, tone);
        fputc('\n', file);
    }
    free(widths);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}
