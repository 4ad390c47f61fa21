/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as JSON, one object a line. */
#ifndef GRAIN_CTL_EVE_H
#define GRAIN_CTL_EVE_H

#include <agent/eve.h>

/* One event to standard output. 0 or -errno; a failure is told, but for a reader that went away. */
int eve_print(const struct grain_record *record, const struct grain_message *message,
              const struct grain_eve_origin *origin);

/* What is buffered goes out; `*error` takes -errno unless it has one. */
void eve_flush(int *error);

#endif
