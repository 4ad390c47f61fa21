/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The addresses that a DNS response gives to the name it was asked for (RFC 1035 4.1), through the
 * aliases between them. Whatever else is in the message is not believed: an address whose owner the
 * question does not lead to is left out.
 */
#ifndef GRAIN_AGENT_ANSWERS_H
#define GRAIN_AGENT_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRAIN_ANSWERS_MAX         32 /* addresses kept of one message */
#define GRAIN_ANSWERS_RECORDS_MAX 96 /* of its answers that are looked at */

struct grain_answer {
    uint8_t address[16]; /* IPv4: v4-mapped */
    uint8_t family;      /* AF_INET, AF_INET6 */
    uint32_t ttl;        /* seconds; the least of the address's and of the aliases before it */
};

/* A name in wire form, lower case. */
struct grain_answers_name {
    uint8_t bytes[264];
    uint16_t length;
};

struct grain_answers {
    struct grain_answers_name question, owner; /* owner: what the aliases come to */
    uint16_t type;
    uint32_t aliases;
    uint32_t count;
    struct grain_answer list[GRAIN_ANSWERS_MAX];
    bool cut; /* there is more than was here, or than was looked at */
    /* Of the parser. */
    uint32_t record_count;
    struct {
        struct grain_answers_name owner, target; /* target: of an alias */
        struct grain_answer answer;              /* family 0: an alias */
    } records[GRAIN_ANSWERS_RECORDS_MAX];
};

/*
 * `message` from the DNS header on. 0; -EBADMSG: not a well-formed response as far as the question;
 * -ENOENT: it has none or several, another class, or an error instead of answers. A message that
 * ends early gives what came before, and `cut`.
 */
int grain_answers_parse(struct grain_answers *out, const uint8_t *message, size_t length);

#endif
