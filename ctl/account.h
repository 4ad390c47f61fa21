/* SPDX-License-Identifier: GPL-2.0-only */
/* Users and groups as they are given: by name or by number. */
#ifndef GRAIN_CTL_ACCOUNT_H
#define GRAIN_CTL_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

struct account {
    uid_t user;
    gid_t group; /* the user's first one */
    bool known;  /* in the user database, which may know of more groups */
};

/* "NAME", "UID", or "UID:GID" for a user that the database does not know. False: said what is
 * wrong. */
bool account_user(const char *option, const char *text, struct account *out);

/* "NAME" or "GID". False: said what is wrong. */
bool account_group(const char *option, const char *text, gid_t *out);

#endif
