// SPDX-License-Identifier: GPL-2.0-only
/* What was told, as bytes: a head with a check sum, the fixed part, then the names. Of one boot of
 * one machine, so in its byte order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "../error_private.h"
#include "collect_private.h"

#define MAGIC     0x646c6f74u /* "told" */
#define VERSION   1
#define NAMES_MAX (1U << 24)

struct state_head {
    uint32_t magic, version;
    uint32_t told_size; /* another one is another version */
    uint32_t names;
    uint32_t check; /* CRC-32 of all that follows */
    uint32_t reserved;
    uint64_t reading;
};

int grain_collect_save(const struct grain_collect *collect, uint8_t **bytes, size_t *length)
{
    struct state_head head = {.magic = MAGIC,
                              .version = VERSION,
                              .told_size = sizeof(collect->told),
                              .names = (uint32_t)collect->by_name.count,
                              .reading = collect->reading};
    size_t size =
        sizeof(head) + sizeof(collect->told) + collect->by_name.count * sizeof(struct grain_told);
    uint8_t *out = malloc(size), *at = out ? out + sizeof(head) : NULL;

    if (!out)
        return grain_fail(-ENOMEM, "no memory");
    memcpy(at, &collect->told, sizeof(collect->told));
    at += sizeof(collect->told);
    for (size_t i = 0; i < collect->by_name.size; i++) {
        if (!collect->by_name.slots[i].hash)
            continue;
        memcpy(at, &collect->by_name.slots[i], sizeof(struct grain_told));
        at += sizeof(struct grain_told);
    }
    head.check = (uint32_t)crc32(0, out + sizeof(head), (uInt)(size - sizeof(head)));
    memcpy(out, &head, sizeof(head));
    *bytes = out;
    *length = size;
    return 0;
}

static bool sound(const struct state_head *head, const uint8_t *bytes, size_t length)
{
    return head->magic == MAGIC && head->version == VERSION &&
           head->told_size == sizeof(struct collect_told) && head->names <= NAMES_MAX &&
           length == sizeof(*head) + sizeof(struct collect_told) +
                         head->names * sizeof(struct grain_told) &&
           crc32(0, bytes + sizeof(*head), (uInt)(length - sizeof(*head))) == head->check;
}

int grain_collect_restore(struct grain_collect *collect, const uint8_t *bytes, size_t length)
{
    struct grain_told_table names = {0};
    struct state_head head;

    if (length >= sizeof(head))
        memcpy(&head, bytes, sizeof(head));
    if (length < sizeof(head) || !sound(&head, bytes, length))
        return grain_fail(-EBADMSG, "what was told before is not readable");
    bytes += sizeof(head) + sizeof(collect->told);
    for (uint32_t i = 0; i < head.names; i++, bytes += sizeof(struct grain_told)) {
        struct grain_told one, *place;

        memcpy(&one, bytes, sizeof(one));
        place = one.hash ? grain_told_place(&names, one.hash) : NULL;
        if (!place) {
            grain_told_free(&names);
            return one.hash ? grain_fail(-ENOMEM, "no memory")
                            : grain_fail(-EBADMSG, "what was told before is not readable");
        }
        *place = one;
    }
    memcpy(&collect->told, bytes - head.names * sizeof(struct grain_told) - sizeof(collect->told),
           sizeof(collect->told));
    grain_told_free(&collect->by_name);
    collect->by_name = names;
    collect->reading = head.reading;
    return 0;
}
