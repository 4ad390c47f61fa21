/* SPDX-License-Identifier: GPL-2.0-only */
/* The most frequent names or dispositions: rows made from what is attached, and their forms. */
#ifndef GRAIN_CTL_TOP_H
#define GRAIN_CTL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/live.h>

enum top_view {
    TOP_DNS,
    TOP_SNI,
    TOP_DISPOSITIONS,
};

enum top_sort {
    TOP_BY_COUNT,
    TOP_BY_RATE,
    TOP_BY_NAME,
    TOP_BY_LAST,
};

struct top_row {
    char *name;         /* printable ASCII, and no two rows have the same */
    char *detail;       /* DNS: types with counts; dispositions: what they mean */
    uint64_t count;     /* what rows are compared by: all of the following, or packets */
    uint64_t queries;   /* or hellos */
    uint64_t responses; /* DNS */
    uint64_t bytes;     /* dispositions */
    uint64_t first_ns;  /* since the epoch; 0: not known */
    uint64_t last_ns;
    double rate;  /* a second; negative: not known yet */
    double share; /* of all that was counted, 0 to 1 */
};

struct top_rows {
    struct top_row *list;
    size_t count;
};

struct top {
    struct grain_live *live; /* NULL: gone */
    const char *root;
    enum top_view view;
    struct top_rows rows;
    uint64_t total;        /* names, hellos or packets counted */
    uint64_t unattributed; /* of these, what left the tables without an event */
    uint64_t packets;      /* of all dispositions */
    uint64_t wall_ns;      /* of the reading */
    uint64_t read_ns;      /* clock_now() of the reading; 0: none yet */
    uint64_t cost_ns;      /* how long it took */
};

/* Read anew; rates are those since the last reading of the same view. 0 or -errno; grain_error()
 * says why. What was removed and made anew meanwhile is opened again. */
int top_read(struct top *top);

/* clock_now() of the next reading: after `interval_ns`, and late enough for reading to take at most
 * a twentieth of the time. */
uint64_t top_due(const struct top *top, uint64_t interval_ns);

/* Another view: no rows until it is read. */
void top_turn(struct top *top, enum top_view view);
void top_sort(struct top *top, enum top_sort sort);
void top_free(struct top *top);

/* At most `most` rows (0: all) to standard output, once. 0 or -errno. */
int top_print_text(const struct top *top, size_t most);
int top_print_json(const struct top *top, size_t most);

/* "12:34:56", or the date when that is another day than now; "-" for 0. */
const char *top_time(char buffer[32], uint64_t wall_ns, uint64_t now_ns);
/* "12.3", or "-". */
const char *top_rate(char buffer[32], double rate);
const char *top_view_name(enum top_view view);

/* On the screen, until the user quits or the end is asked for. 0 or -errno, which was said. */
int top_screen(struct top *top, uint64_t interval_ns);

#endif
