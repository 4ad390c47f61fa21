/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as JSON, one object a line, in the shape of Suricata 7.0's EVE: see docs/eve.schema.json.
 */
#ifndef GRAIN_CTL_EVE_H
#define GRAIN_CTL_EVE_H

#include <grain/message.h>

/* One event to standard output. 0 or -errno; a failure is told, but for a reader that went away. */
int eve_print(const struct grain_record *record, const struct grain_message *message,
              const char *path);

/* What is buffered goes out; `*error` takes -errno unless it has one. */
void eve_flush(int *error);

/* "v1", "v2", or the number. */
const char *eve_quic_version(uint32_t version, char buffer[16]);

#endif
