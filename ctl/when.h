/* SPDX-License-Identifier: GPL-2.0-only */
/* Points in time, as a user writes them. */
#ifndef GRAIN_CTL_WHEN_H
#define GRAIN_CTL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * "24h" (before `now_ns`; s, m, h, d, w), "2026-01-31", "2026-01-31T12:00[:00[.5]]" in local time,
 * or with Z or +01:00 behind it; "@1769860800". In nanoseconds since 1970. False: said that it is
 * none of these.
 */
bool when_read(const char *option, const char *text, uint64_t now_ns, uint64_t *out);

/* "2026-01-31 12:00:00", local, of milliseconds. */
#define WHEN_TEXT_MAX 32
const char *when_text(char buffer[WHEN_TEXT_MAX], int64_t ms);

#endif
