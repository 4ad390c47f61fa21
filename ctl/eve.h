/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as JSON, one object a line, in the shape of Suricata 7.0's EVE: see docs/eve.schema.json.
 */
#ifndef GRAIN_CTL_EVE_H
#define GRAIN_CTL_EVE_H

#include <grain/message.h>

/* Where an event comes from: a frame of a capture, or an interface. */
struct eve_origin {
    const char *path;      /* of the capture, as the user named it; NULL: live */
    const char *interface; /* live; printable */
    uint64_t time_ns;      /* since the epoch */
};

/* One event to standard output. 0 or -errno; a failure is told, but for a reader that went away. */
int eve_print(const struct grain_record *record, const struct grain_message *message,
              const struct eve_origin *origin);

/* What is buffered goes out; `*error` takes -errno unless it has one. */
void eve_flush(int *error);

/* "v1", "v2", or the number. */
const char *eve_quic_version(uint32_t version, char buffer[16]);

/* An address of a record as text. */
const char *eve_address(const struct grain_record *record, const uint8_t address[16],
                        char buffer[64]);

/* "dns", "mdns" or "llmnr". */
const char *eve_dns_protocol(const struct grain_record *record);

#endif
