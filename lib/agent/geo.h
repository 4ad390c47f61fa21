/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a MaxMind DB file says of addresses. The file is copied into memory that nobody else can
 * change, and its tree and data are checked, before anything is read from it.
 */
#ifndef GRAIN_AGENT_GEO_H
#define GRAIN_AGENT_GEO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define GRAIN_GEO_TEXT_MAX 255 /* bytes; longer ones are left out */

enum grain_geo_field {
    GRAIN_GEO_COUNTRY, /* ISO 3166's two letters */
    GRAIN_GEO_CITY,
    GRAIN_GEO_ASN, /* digits */
    GRAIN_GEO_ORG,
};

#define GRAIN_GEO_FIELD_COUNT 4

struct grain_geo_place {
    char texts[GRAIN_GEO_FIELD_COUNT][GRAIN_GEO_TEXT_MAX + 1]; /* "": not known */
    bool unsound; /* something was left out: it was too long, or not text at all */
};

struct grain_geo;

/*
 * Open a database; `stamp` is what fstat() says of the file that was read, also on failure once
 * there is one (zeros otherwise). -EBADMSG: it is not sound; -EAGAIN: it changed meanwhile; other
 * -errno. grain_error() says what and names the file.
 */
int grain_geo_open(struct grain_geo **out, const char *path, struct stat *stamp);
void grain_geo_close(struct grain_geo *geo); /* takes NULL */

/* The same file, with the same content as far as its inode tells. */
bool grain_geo_same(const struct stat *a, const struct stat *b);

/* 1: something is known; 0: nothing, or `address` is no address; -EBADMSG: the data are not sound.
 */
int grain_geo_find(const struct grain_geo *geo, const char *address, struct grain_geo_place *out);

#endif
