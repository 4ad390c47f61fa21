/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as JSON, in the shape of Suricata 7.0's EVE: see docs/eve.schema.json. */
#ifndef GRAIN_AGENT_EVE_H
#define GRAIN_AGENT_EVE_H

#include <grain/message.h>

#include "item.h"
#include "json_write.h"

/* Where an event comes from: a frame of a capture, or an interface. */
struct grain_eve_origin {
    const char *path;             /* of the capture, as the user named it; NULL: live */
    const char *interface;        /* live; not empty */
    uint64_t time_ns;             /* since the epoch */
    uint64_t count;               /* how often it happened; told when it is more than 1 */
    const struct grain_tag *tags; /* beyond what the record says */
    uint32_t tag_count;
};

/* One event as an object, without the end of the line. */
void grain_eve_write(struct grain_json *w, const struct grain_record *record,
                     const struct grain_message *message, const struct grain_eve_origin *origin);

/* "v1", "v2", or the number. */
const char *grain_eve_quic_version(uint32_t version, char buffer[16]);

/* An address of a record as text. */
const char *grain_eve_address(const struct grain_record *record, const uint8_t address[16],
                              char buffer[64]);

/* "dns", "mdns" or "llmnr", by enum grain_name_kind. */
const char *grain_eve_dns_protocol(unsigned int kind);

#endif
