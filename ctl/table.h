/* SPDX-License-Identifier: GPL-2.0-only */
/* Aligned columns on a terminal or in a file. */
#ifndef GRAIN_CTL_TABLE_H
#define GRAIN_CTL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What the output can take: no colour and no width where it is not a terminal. */
struct style {
    bool colour;
    unsigned int width; /* 0: any */
};

enum tone {
    TONE_PLAIN,
    TONE_TITLE,
    TONE_DIM,
    TONE_ALARM,
};

/* Of `file`. NO_COLOR and TERM=dumb switch colours off. */
struct style style_of(FILE *file);

void style_begin(const struct style *style, FILE *file, enum tone tone);
void style_end(const struct style *style, FILE *file, enum tone tone);

/* "1,234,567" */
#define COUNT_TEXT_MAX 32
const char *count_text(char buffer[COUNT_TEXT_MAX], uint64_t count);

struct table;

/*
 * `align` has one letter a column: l or r. The last column is not padded, and cut where the
 * terminal ends. Cells must be printable ASCII: escape what comes from elsewhere.
 */
struct table *table_new(const char *align);
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first row is the heading. */
void table_print(const struct table *table, const struct style *style, FILE *file);
void table_free(struct table *table);

#endif
