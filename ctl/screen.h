/* SPDX-License-Identifier: GPL-2.0-only */
/* A list on the screen that is read anew, sorted, filtered and paused by keys. */
#ifndef GRAIN_CTL_SCREEN_H
#define GRAIN_CTL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_LINE_MAX 2048

/* A line to be written; what the functions write is printable ASCII. */
struct screen_line {
    char text[SCREEN_LINE_MAX];
    int columns; /* of the screen: more is cut */
};

/* The list: what is in it, and how to show it. */
struct screen_list {
    const char *keys;          /* that choose an order, by its number */
    const char *const *orders; /* what it is called */
    const char *help;          /* the keys that there are */
    int fd;                    /* worth a take() when readable; -1: none */

    int (*read)(void *user); /* 0, or -errno: grain_error() is shown, and it is read again later */
    void (*sort)(void *user, unsigned int order);
    /* clock_now() of the next reading. */
    uint64_t (*due)(const void *user, uint64_t interval_ns);
    /* While it waits, also when it pauses: ten times a second and more. NULL: nothing to take. */
    int (*take)(void *user);
    void (*turn)(void *user); /* to the next list; NULL: there is none */

    size_t (*count)(const void *user);
    bool (*matches)(const void *user, size_t row, const char *filter);
    void (*title)(const void *user, struct screen_line *line);
    void (*state)(const void *user, struct screen_line *line); /* before how many rows there are */
    void (*heading)(const void *user, struct screen_line *line);
    void (*row)(const void *user, size_t row, struct screen_line *line);
};

/* After stop_prepare(). Until the user quits or the end is asked for; then the terminal is as it
 * was, on whatever way the program ends. The first order is number `order`. 0 or -errno, which was
 * said. */
int screen_run(const struct screen_list *list, void *user, unsigned int order,
               uint64_t interval_ns);

void screen_put(struct screen_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
