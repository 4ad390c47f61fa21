/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing JSON straight into lines, for events: a tree of values for each would cost several times
 * as much as everything else that is done for an event. Whoever calls keeps objects and lists
 * balanced.
 */
#ifndef GRAIN_AGENT_JSON_WRITE_H
#define GRAIN_AGENT_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Starts as zeros; grows as needed. `failed`: there was no memory, and what is there is not whole
 * until it is cut. */
struct grain_json {
    char *text; /* not NUL-terminated */
    size_t length, room;
    bool failed;
    time_t second; /* the last one that was written */
    char second_text[32];
};

/* `key` is NULL in a list and at the top; it holds nothing that needs an escape. */
void grain_json_object(struct grain_json *w, const char *key);
void grain_json_list(struct grain_json *w, const char *key);
void grain_json_end_object(struct grain_json *w);
void grain_json_end_list(struct grain_json *w);

/* Bytes that are not UTF-8 are written as \DDD. */
void grain_json_text(struct grain_json *w, const char *key, const char *text);
/* The same with any text as its key. */
void grain_json_pair(struct grain_json *w, const char *key, const char *text);
void grain_json_number(struct grain_json *w, const char *key, uint64_t number);
/* What is not finite is null. */
void grain_json_real(struct grain_json *w, const char *key, double number);
/* Only the digits, for other formats; it is finite. */
void grain_json_real_text(struct grain_json *w, double number);
void grain_json_bool(struct grain_json *w, const char *key, bool value);
/* Two digits a byte. */
void grain_json_hex(struct grain_json *w, const char *key, const uint8_t *bytes, size_t length);
/* `digits` digits of a number, behind `prefix`. */
void grain_json_hex_number(struct grain_json *w, const char *key, const char *prefix,
                           uint32_t number, unsigned int digits);
/* "2026-01-31T12:00:00.000000+0000" */
void grain_json_time(struct grain_json *w, const char *key, uint64_t wall_ns);

/* Bytes as they are, which need not be JSON. */
void grain_json_raw(struct grain_json *w, const char *bytes, size_t length);

/* A newline; the next value is a line of its own. 0, or -ENOMEM: something since the last cut is
 * not whole. */
int grain_json_end_line(struct grain_json *w);

/* Room for so many bytes, which is taken at once; 0 or -ENOMEM. */
int grain_json_reserve(struct grain_json *w, size_t bytes);

/* Back to an earlier length, and good again. */
void grain_json_cut(struct grain_json *w, size_t length);

void grain_json_free(struct grain_json *w);

#endif
