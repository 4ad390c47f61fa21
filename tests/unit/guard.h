/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory between two unreadable pages: one byte too far, on either side, is a crash.
 */
#ifndef GRAIN_TESTS_GUARD_H
#define GRAIN_TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* What must be readable in front of a name (parse/name.h). */
#define GUARD_BEFORE 8

struct guard {
    uint8_t *map;
    size_t map_length;
    uint8_t *from; /* the first readable byte */
    uint8_t *to;   /* behind the last */
};

/* Room for `most` bytes and GUARD_BEFORE in front of them. 0 or -errno. */
int guard_open(struct guard *g, size_t most);
void guard_close(struct guard *g);

/* Copy the bytes so that they end where the unreadable page begins, with GUARD_BEFORE bytes of 0xa5
 * in front. */
uint8_t *guard_put_last(struct guard *g, const void *bytes, size_t length);

/* Copy the bytes so that exactly GUARD_BEFORE bytes of 0xa5 lie between the unreadable page in
 * front and them. */
uint8_t *guard_put_first(struct guard *g, const void *bytes, size_t length);

#endif
