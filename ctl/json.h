/* SPDX-License-Identifier: GPL-2.0-only */
/* Building JSON: without memory the program ends. */
#ifndef GRAIN_CTL_JSON_H
#define GRAIN_CTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Into an object; `value` is taken over. */
void json_put(json_t *object, const char *key, json_t *value);
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_number(json_t *object, const char *key, uint64_t number);
/* "2026-01-31T12:00:00.000000+0000" */
void json_put_time(json_t *object, const char *key, uint64_t wall_ns);

void json_append(json_t *array, json_t *value);

/* One line on standard output, at once when `flush`. `object` is released. 0 or -errno; a failure
 * is told, but for a reader that went away. */
int json_print(json_t *object, bool flush);

/* What is buffered goes out; as json_print. */
int output_flush(void);
/* Tell errno, and return it as -errno. */
int output_failed(void);

#endif
