/* SPDX-License-Identifier: GPL-2.0-only */
/* Items of a delivery as lines of text, and which of them are out. */
#ifndef GRAIN_AGENT_LINES_H
#define GRAIN_AGENT_LINES_H

#include "json_write.h"
#include "sink.h"

/* Where a line ends, and what is delivered when all up to there is. */
struct grain_line_end {
    size_t end;
    struct grain_mark mark;
};

/* Starts as zeros. */
struct grain_lines {
    struct grain_json text;
    struct grain_line_end *ends;
    uint32_t count, room;
    uint64_t first_ns; /* time of the first line's item */
};

/* As grain_item_json. */
typedef int grain_line_function(struct grain_json *w, const struct grain_item *item);

/* Before the first delivery: the memory that lines up to `limit` bytes take, at most
 * GRAIN_LINES_RESERVED, so that it is known from the beginning. 0 or -ENOMEM. */
#define GRAIN_LINES_RESERVED (1 << 20)
int grain_lines_reserve(struct grain_lines *lines, size_t limit);

/*
 * Throw away what is there and take items of the delivery until there are `limit` bytes or no
 * items; what cannot be told is skipped. 1: there are lines; 0: there is nothing left; -ENOMEM.
 */
int grain_lines_fill(struct grain_lines *lines, struct grain_delivery *delivery,
                     grain_line_function *line, size_t limit);

/* Where a line begins; of the one behind the last, where all end. */
size_t grain_lines_start(const struct grain_lines *lines, uint32_t line);

/* `written` bytes from line `first` on are out: tells the delivery of those that are whole, and
 * returns the first that is not. */
uint32_t grain_lines_out(const struct grain_lines *lines, uint32_t first, size_t written,
                         struct grain_delivery *delivery);

void grain_lines_free(struct grain_lines *lines);

#endif
