/* SPDX-License-Identifier: GPL-2.0-only */
/* Credentials where AWS' own tools find them, and what S3 says when it does not want them. */
#ifndef GRAIN_AGENT_AWS_H
#define GRAIN_AGENT_AWS_H

#include <stddef.h>

#define GRAIN_AWS_TEXT_MAX 4096

struct grain_aws_credentials {
    char access_key[256], secret_key[256];
    char session_token[GRAIN_AWS_TEXT_MAX]; /* "": none */
};

struct grain_aws_source {
    const char *access_key, *secret_key, *session_token; /* given outright; NULL */
    const char *profile; /* of the file; NULL: AWS_PROFILE, or "default" */
    const char *file;    /* NULL: AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials */
};

/*
 * The first of: what is given; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, when
 * no profile or file is given; the profile in the file. -ENOKEY: there are none, or half of them;
 * -E2BIG: one is too long; and what reading the file gives. No message holds a secret.
 */
int grain_aws_credentials_read(struct grain_aws_credentials *out,
                               const struct grain_aws_source *source);

/* <Code> of an error in XML, "" when there is none that is a word; and the content of another
 * element. `text` is NUL-terminated. */
void grain_aws_element(char *out, size_t size, const char *text, const char *element);

/* What to do about an error's code; NULL: nothing is known. */
const char *grain_aws_advice(const char *code);

#endif
