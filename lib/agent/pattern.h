/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regular expressions (PCRE2, UTF-8) over texts that anybody may have written.
 *
 * Compiled to machine code where the system allows that. The steps that a match may take are
 * bounded, so a text made to be slow costs milliseconds and is then no match. Objects belong to
 * one thread.
 */
#ifndef GRAIN_AGENT_PATTERN_H
#define GRAIN_AGENT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct grain_pattern;

/* -EINVAL: grain_error() says what is wrong and at which byte of the regex, from 1 on. */
int grain_pattern_new(struct grain_pattern **out, const char *regex);
void grain_pattern_free(struct grain_pattern *pattern); /* takes NULL */

/*
 * Is a replacement one for this pattern: `$1`, `${1}`, `${name}` are groups that the regex has,
 * `$$` is a dollar. 0, or -EINVAL; grain_error() says why.
 */
int grain_pattern_check(const struct grain_pattern *pattern, const char *replacement);

/* 1: somewhere in the text; 0: nowhere; -E2BIG: given up; -EILSEQ: the text is not UTF-8. */
int grain_pattern_match(struct grain_pattern *pattern, const char *text);

/*
 * `text` with every match replaced, or, with `whole`, what the first match makes of the replacement
 * and nothing else. `out` is written only when the answer is 1. Groups that took no part are empty.
 * 1; 0: no match; -E2BIG, -EILSEQ as above; -ENOSPC: longer than `size` with its NUL.
 */
int grain_pattern_replace(struct grain_pattern *pattern, const char *text, const char *replacement,
                          bool whole, char *out, size_t size);

#endif
