/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts that came from outside, as characters. */
#ifndef GRAIN_AGENT_UTF8_H
#define GRAIN_AGENT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at `text` and its length in bytes; 0: this is not valid UTF-8 (RFC 3629). */
size_t grain_utf8_decode(const char *text, uint32_t *out);

bool grain_utf8_valid(const char *text);

/* It takes one place and stays where it is put: no control, no format, separator or private
 * character. */
bool grain_utf8_printable(uint32_t character);

/*
 * `text` with every byte that is not part of a printable character written as \DDD. What does not
 * fit in `size` bytes is cut between two characters; 4 * strlen + 1 always suffice. Returns the
 * length in bytes; *characters, unless NULL, is the length on a screen.
 */
size_t grain_utf8_escape(char *out, size_t size, const char *text, size_t *characters);

/* The same for bytes without an end of their own; a NUL among them is not valid. */
bool grain_utf8_sound(const char *text, size_t length);

#endif
