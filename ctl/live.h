/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands that attach and detach share: the values of options, and telling what was done.
 */
#ifndef GRAIN_CTL_LIVE_H
#define GRAIN_CTL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <grain/attach.h>
#include <jansson.h>

/* Seconds to wait for another command that changes something. */
#define LIVE_WAIT 10

/* Each says what is wrong and returns false. */
bool live_parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
                       uint64_t *out);
/* Bytes, or with K, M or G behind it. */
bool live_parse_size(const char *option, const char *text, uint64_t *out);
/* "dns,tls,quic", "all" or "none". */
bool live_parse_stages(const char *option, const char *text, uint32_t *out);

/* How a command tells what happens: in lines, or in one JSON object at its end. */
struct live_report {
    json_t *interfaces; /* both NULL: in lines */
    json_t *notes;
};

void live_report_start(struct live_report *report, bool json);
/* For the callbacks of grain/attach.h; `user` is the report. */
void live_note(void *user, const char *interface, const char *text);
void live_result(void *user, const struct grain_attach_result *result);
/* Writes the object, if any. `error`: what ended the command, or NULL. */
void live_report_end(struct live_report *report, const char *error);

#endif
