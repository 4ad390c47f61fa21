/* SPDX-License-Identifier: GPL-2.0-only */
/* Telling what commands that attach and detach have done: in lines, or in one JSON object. */
#ifndef GRAIN_CTL_CHANGES_H
#define GRAIN_CTL_CHANGES_H

#include <stdbool.h>

#include <grain/attach.h>
#include <jansson.h>

/* Seconds to wait for another command that changes something. */
#define CHANGES_WAIT 10

struct changes {
    json_t *interfaces; /* both NULL: in lines */
    json_t *notes;
    int shown; /* characters of progress on the terminal's last line */
};

void changes_start(struct changes *changes, bool json);

/* For the callbacks of grain/attach.h; `user` are the changes. */
void changes_note(void *user, const char *interface, const char *text);
/* On a terminal only: what is being done, until there is something to say. */
void changes_progress(void *user, const char *interface);
void changes_result(void *user, const struct grain_attach_result *result);

/* Writes the object, if any, and says `error`: what ended the command, or NULL. */
void changes_end(struct changes *changes, const char *error);

#endif
