// SPDX-License-Identifier: GPL-2.0-only
#include "aws.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"

/* ---- credentials ---- */

static int copy(char *out, size_t size, const char *text, const char *what)
{
    if (strlen(text) >= size)
        return grain_fail(-E2BIG, "the %s is longer than %zu bytes", what, size - 1);
    (void)snprintf(out, size, "%s", text);
    return 0;
}

static int take(struct grain_aws_credentials *out, const char *access_key, const char *secret_key,
                const char *session_token)
{
    int error = copy(out->access_key, sizeof(out->access_key), access_key, "access key");

    if (!error)
        error = copy(out->secret_key, sizeof(out->secret_key), secret_key, "secret key");
    if (!error)
        error = copy(out->session_token, sizeof(out->session_token),
                     session_token ? session_token : "", "session token");
    return error;
}

/* NULL also for an empty one. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* Without blanks around it. */
static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length && strchr(" \t\r\n", text[length - 1]))
        text[--length] = 0;
    return text;
}

/* One line "KEY = VALUE". */
static int read_pair(struct grain_aws_credentials *out, char *line)
{
    char *equals = strchr(line, '=');
    const char *key, *value;

    if (!equals)
        return 0;
    *equals = 0;
    key = trim(line);
    value = trim(equals + 1);
    if (!strcmp(key, "aws_access_key_id"))
        return copy(out->access_key, sizeof(out->access_key), value, "access key");
    if (!strcmp(key, "aws_secret_access_key"))
        return copy(out->secret_key, sizeof(out->secret_key), value, "secret key");
    if (!strcmp(key, "aws_session_token"))
        return copy(out->session_token, sizeof(out->session_token), value, "session token");
    return 0;
}

static bool is_section(const char *line, const char *profile)
{
    size_t length = strlen(profile);

    line++;
    line += strspn(line, " \t");
    return !strncmp(line, profile, length) && line[length + strspn(line + length, " \t")] == ']';
}

static int read_profile(struct grain_aws_credentials *out, FILE *file, const char *profile)
{
    char line[GRAIN_AWS_TEXT_MAX + 64];
    bool within = false;
    int error = 0;

    while (!error && fgets(line, sizeof(line), file)) {
        char *text = trim(line);

        if (*text == '[')
            within = is_section(text, profile);
        else if (within && *text != '#' && *text != ';')
            error = read_pair(out, text);
    }
    explicit_bzero(line, sizeof(line));
    return error;
}

static int file_path(char out[PATH_MAX], const struct grain_aws_source *source)
{
    const char *path = source->file ? source->file : environment("AWS_SHARED_CREDENTIALS_FILE");
    const char *home = environment("HOME");
    int length;

    if (!path && !home)
        return grain_fail(-ENOKEY, "no credentials: set AWS_ACCESS_KEY_ID and "
                                   "AWS_SECRET_ACCESS_KEY, or name a file");
    if (path)
        length = snprintf(out, PATH_MAX, "%s", path);
    else
        length = snprintf(out, PATH_MAX, "%s/.aws/credentials", home);
    return length < PATH_MAX ? 0 : grain_fail(-ENAMETOOLONG, "the file's path is too long");
}

static int read_file(struct grain_aws_credentials *out, const struct grain_aws_source *source)
{
    const char *profile = source->profile ? source->profile : environment("AWS_PROFILE");
    char path[PATH_MAX];
    int error = file_path(path, source);
    FILE *file;

    if (error)
        return error;
    if (!profile)
        profile = "default";
    file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return grain_fail(-ENOKEY,
                          "no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
                          "set nor is there %s",
                          path);
    if (!file)
        return grain_fail(-errno, "%s: %s", path, strerror(errno));
    error = read_profile(out, file, profile);
    (void)fclose(file);
    if (!error && (!*out->access_key || !*out->secret_key))
        error =
            grain_fail(-ENOKEY, "%s: profile %s has no aws_access_key_id and aws_secret_access_key",
                       path, profile);
    return error;
}

int grain_aws_credentials_read(struct grain_aws_credentials *out,
                               const struct grain_aws_source *source)
{
    const char *access_key = source->access_key, *secret_key = source->secret_key;
    const char *session_token = source->session_token;

    memset(out, 0, sizeof(*out));
    if (!access_key && !secret_key && !source->profile && !source->file) {
        access_key = environment("AWS_ACCESS_KEY_ID");
        secret_key = environment("AWS_SECRET_ACCESS_KEY");
        session_token = environment("AWS_SESSION_TOKEN");
    }
    if (!access_key && !secret_key)
        return read_file(out, source);
    if (!access_key || !secret_key)
        return grain_fail(-ENOKEY, "there is %s, but no %s",
                          access_key ? "an access key" : "a secret key",
                          access_key ? "secret key" : "access key");
    return take(out, access_key, secret_key, session_token);
}

/* ---- answers ---- */

void grain_aws_element(char *out, size_t size, const char *text, const char *element)
{
    char open[64];
    const char *at;
    size_t length = 0;

    (void)snprintf(open, sizeof(open), "<%s>", element);
    at = strstr(text, open);
    if (at) {
        at += strlen(open);
        while (length + 1 < size && (isalnum((unsigned char)at[length]) || at[length] == '-')) {
            out[length] = at[length];
            length++;
        }
        if (at[length] != '<')
            length = 0;
    }
    out[length] = 0;
}

const char *grain_aws_advice(const char *code)
{
    static const struct {
        const char *code, *advice;
    } known[] = {
        {"SignatureDoesNotMatch", "the secret key is wrong, or a proxy changes requests"},
        {"InvalidAccessKeyId", "there is no such access key"},
        {"ExpiredToken", "the session token has expired"},
        {"InvalidToken", "the session token is wrong"},
        {"RequestTimeTooSkewed", "this host's clock is wrong: set it"},
        {"NoSuchBucket", "make the bucket, or correct its name"},
        {"AccessDenied", "these credentials may not write there: s3:PutObject is needed"},
        {"AuthorizationHeaderMalformed", "the region is wrong"},
        {"PermanentRedirect", "the bucket is in another region, or has another endpoint"},
        {"BadDigest", "something between changes what is sent"},
        {"XAmzContentSHA256Mismatch", "something between changes what is sent"},
        {"SlowDown", "it is asked to do too much"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(known[i].code, code))
            return known[i].advice;
    return NULL;
}
