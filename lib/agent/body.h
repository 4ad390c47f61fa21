/* SPDX-License-Identifier: GPL-2.0-only */
/* What is sent over HTTP: compressed, and named by what it holds. */
#ifndef GRAIN_AGENT_BODY_H
#define GRAIN_AGENT_BODY_H

#include <stddef.h>
#include <stdint.h>

/* 64 hexadecimal digits and a NUL. */
#define GRAIN_DIGEST_TEXT 65

/* Starts as zeros. */
struct grain_body {
    uint8_t *bytes;
    size_t length, room;
};

/* `text` as a gzip file without name and time: the same text gives the same bytes. 0 or -ENOMEM. */
int grain_body_gzip(struct grain_body *body, const void *text, size_t length);

/* SHA-256 in hexadecimal. 0 or -ENOMEM. */
int grain_body_digest(char out[GRAIN_DIGEST_TEXT], const void *bytes, size_t length);

void grain_body_free(struct grain_body *body);

#endif
