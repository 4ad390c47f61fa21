/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts that came from outside, fit for tags, logs and terminals. */
#ifndef GRAIN_AGENT_ESCAPE_H
#define GRAIN_AGENT_ESCAPE_H

#include <stddef.h>

/*
 * Up to `length` bytes of `text`, or up to its NUL: printable ASCII as it is, everything else and
 * the backslash as \DDD. What does not fit in `size` bytes is cut; 4 * length + 1 always suffice.
 * Returns the length.
 */
size_t grain_escape(char *out, size_t size, const char *text, size_t length);

#endif
