/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the user, and texts that cannot harm a terminal. */
#ifndef GRAIN_CTL_SAY_H
#define GRAIN_CTL_SAY_H

#include <stdbool.h>
#include <stddef.h>

/* One line on standard error, "grainctl: " first. What is not printable is escaped. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * `text` with every byte that is not part of a printable character (control characters, invisible
 * and direction-changing ones, invalid UTF-8) written as \DDD. To be freed by the caller.
 */
char *escape_text(const char *text);

/* `pointer`, or the end of the program when there is no memory. */
void *must(void *pointer);

#endif
