// SPDX-License-Identifier: GPL-2.0-only
#include "body.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

#include "../error_private.h"

#define GZIP_BITS   (15 + 16)
#define MEMORY_BITS 8

static int reserve(struct grain_body *body, size_t size)
{
    uint8_t *bytes;

    if (body->room >= size)
        return 0;
    bytes = realloc(body->bytes, size);
    if (!bytes)
        return -ENOMEM;
    body->bytes = bytes;
    body->room = size;
    return 0;
}

int grain_body_gzip(struct grain_body *body, const void *text, size_t length)
{
    z_stream z = {0};
    int result;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_BITS, MEMORY_BITS,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return grain_fail(-ENOMEM, "no memory");
    if (reserve(body, deflateBound(&z, length))) {
        (void)deflateEnd(&z);
        return grain_fail(-ENOMEM, "no memory");
    }
    z.next_in = (void *)text; /* not written to, in spite of its type */
    z.avail_in = (uInt)length;
    z.next_out = body->bytes;
    z.avail_out = (uInt)body->room;
    result = deflate(&z, Z_FINISH);
    body->length = body->room - z.avail_out;
    (void)deflateEnd(&z);
    return result == Z_STREAM_END ? 0 : grain_fail(-ENOMEM, "cannot compress");
}

int grain_body_digest(char out[GRAIN_DIGEST_TEXT], const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[32];

    if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return grain_fail(-ENOMEM, "cannot compute a digest");
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 0xf];
    }
    out[2 * sizeof(digest)] = 0;
    return 0;
}

void grain_body_free(struct grain_body *body)
{
    free(body->bytes);
    *body = (struct grain_body){0};
}
