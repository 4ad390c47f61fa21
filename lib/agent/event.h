/* SPDX-License-Identifier: GPL-2.0-only */
/* From a record of the kernel to an item. */
#ifndef GRAIN_AGENT_EVENT_H
#define GRAIN_AGENT_EVENT_H

#include <grain/message.h>

#include "answers.h"
#include "item.h"

/* What an event's tags point into; lives as long as the item. */
struct grain_event_text {
    char source[64], destination[64], source_port[8], destination_port[8];
    char name[GRAIN_NAME_TEXT_MAX], type[16], rcode[16], id[8], vlan[24], version[16];
    char alpn[256];
    char answers[GRAIN_ANSWERS_MAX * 46 + 1], ttl[12], owner[GRAIN_NAME_TEXT_MAX];
    /* Room of the caller for what a response answers, valid when answered; NULL: not looked at. */
    struct grain_answers *room;
    bool answered;
};

/*
 * The item of a record, with its tags. `interface` is fit for a tag and outlives the item;
 * `message` is the caller's room. -EBADMSG: the record does not hold what it says.
 */
int grain_event_item(struct grain_item *item, struct grain_event_text *text,
                     struct grain_message *message, const struct grain_record *record,
                     const uint8_t *bytes, size_t length, const char *interface, uint64_t time_ns);

#endif
