/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing JSON straight into one line, for events: a tree of values for each would cost several
 * times as much as everything else that is done for an event. Whoever calls keeps objects and lists
 * balanced.
 */
#ifndef GRAIN_CTL_JSON_WRITE_H
#define GRAIN_CTL_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as zeros; grows as needed, and without memory the program ends. */
struct json_writer {
    char *text;
    size_t length, room;
};

/* `key` is NULL in a list and at the top; it holds nothing that needs an escape. */
void json_write_object(struct json_writer *w, const char *key);
void json_write_list(struct json_writer *w, const char *key);
void json_write_end_object(struct json_writer *w);
void json_write_end_list(struct json_writer *w);

/* Valid UTF-8. */
void json_write_text(struct json_writer *w, const char *key, const char *text);
void json_write_number(struct json_writer *w, const char *key, uint64_t number);
void json_write_bool(struct json_writer *w, const char *key, bool value);
/* Two digits a byte. */
void json_write_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t length);
/* `digits` digits of a number, behind `prefix`. */
void json_write_hex_number(struct json_writer *w, const char *key, const char *prefix,
                           uint32_t number, unsigned int digits);
/* "2026-01-31T12:00:00.000000+0000" */
void json_write_time(struct json_writer *w, const char *key, uint64_t wall_ns);

/* The line on standard output; the writer is empty then. 0 or -errno; a failure is told, but for a
 * reader that went away. */
int json_write_line(struct json_writer *w);

#endif
