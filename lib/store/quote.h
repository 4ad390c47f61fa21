/* SPDX-License-Identifier: GPL-2.0-only */
/* A command's arguments as one text that a shell would take apart again. */
#ifndef GRAIN_STORE_QUOTE_H
#define GRAIN_STORE_QUOTE_H

#include <stddef.h>

/*
 * `length` bytes of arguments, each ending with NUL (the last one need not), separated by spaces;
 * what has other characters than letters, digits and a few harmless ones in single quotes. What
 * does not fit in `size` bytes is cut. Returns the length.
 */
size_t grain_quote_arguments(char *out, size_t size, const char *arguments, size_t length);

#endif
