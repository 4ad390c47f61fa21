/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rows of the history were shown already. A row that was added to since is a new one. */
#ifndef GRAIN_CTL_FOLLOW_H
#define GRAIN_CTL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <store/reader.h>

struct follow;

struct follow *follow_new(void);
void follow_free(struct follow *follow);
/* The first cell is its time. */
bool follow_is_new(struct follow *follow, const struct grain_store_cell *cells, size_t count);
/* What ended before this time will not be asked about again. */
void follow_forget(struct follow *follow, int64_t before_ms);

#endif
