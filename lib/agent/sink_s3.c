// SPDX-License-Identifier: GPL-2.0-only
#include "sink_s3.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"
#include "aws.h"
#include "body.h"
#include "item_json.h"
#include "lines.h"
#include "transfer.h"

#define OBJECT_BYTES (16 << 20)
#define TIMEOUT_S    60
#define KEY_MAX      1024 /* bytes of a key */
#define PREFIX_MAX   512

struct s3 {
    struct grain_transfer *transfer;
    char *endpoint;
    char bucket[64], region[64], host[HOST_NAME_MAX + 1], prefix[3 * PREFIX_MAX + 1];
    struct grain_s3_settings own; /* copies of the texts that lead to credentials */
    struct grain_aws_credentials credentials;
    bool found; /* credentials, and they have not been refused since */
    uint64_t object_bytes;
    struct grain_lines lines;
    struct grain_body body;
    struct grain_answer answer;
};

/* ---- one object ---- */

/* The path of the URL, with what a signature wants encoded: "=" is not for a path's bytes. */
static void object_path(const struct s3 *s3, char out[4 * KEY_MAX], uint64_t time_ns,
                        const char *digest)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    char folders[80], stamp[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    (void)strftime(folders, sizeof(folders), "year%%3D%Y/month%%3D%m/day%%3D%d/hour%%3D%H", &tm);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    (void)snprintf(out, 4 * (size_t)KEY_MAX, "%s/%s/%s%s%s/%s-%s-%.16s.json.gz", s3->endpoint,
                   s3->bucket, s3->prefix, *s3->prefix ? "/" : "", folders, s3->host, stamp,
                   digest);
}

static int add(struct curl_slist **list, const char *format, const char *value)
{
    char text[GRAIN_AWS_TEXT_MAX + 64];
    struct curl_slist *longer;

    (void)snprintf(text, sizeof(text), format, value);
    longer = curl_slist_append(*list, text);
    explicit_bzero(text, sizeof(text));
    if (!longer)
        return grain_fail(-ENOMEM, "no memory");
    *list = longer;
    return 0;
}

/* All of them are signed, so none may be here that is not sent. */
static int headers_of(const struct s3 *s3, struct curl_slist **list)
{
    char digest[GRAIN_DIGEST_TEXT];
    int error = grain_body_digest(digest, s3->body.bytes, s3->body.length);

    if (!error)
        error = add(list, "x-amz-content-sha256: %s", digest);
    if (!error)
        error = add(list, "%s", "Content-Type: application/gzip");
    if (!error && *s3->credentials.session_token)
        error = add(list, "x-amz-security-token: %s", s3->credentials.session_token);
    return error;
}

static int judge(struct s3 *s3)
{
    const char *peer = grain_transfer_peer(s3->transfer), *advice;
    char code[64], region[64];

    if (s3->answer.status >= 200 && s3->answer.status < 300)
        return 0;
    s3->found = false;
    grain_aws_element(code, sizeof(code), s3->answer.body, "Code");
    grain_aws_element(region, sizeof(region), s3->answer.body, "Region");
    advice = grain_aws_advice(code);
    if (!*code)
        return grain_fail(-EIO, "%s: bucket %s: answered %ld", peer, s3->bucket, s3->answer.status);
    return grain_fail(-EIO, "%s: bucket %s: %s%s%s%s%s", peer, s3->bucket, code, advice ? ": " : "",
                      advice ? advice : "", *region ? "; it says region " : "", region);
}

static int find_credentials(struct s3 *s3)
{
    const struct grain_aws_source source = {
        .access_key = s3->own.access_key,
        .secret_key = s3->own.secret_key,
        .session_token = s3->own.session_token,
        .profile = s3->own.profile,
        .file = s3->own.credentials_file,
    };
    int error = s3->found ? 0 : grain_aws_credentials_read(&s3->credentials, &source);

    s3->found = !error;
    return error;
}

static int put_object(struct s3 *s3, uint64_t time_ns, struct grain_delivery *delivery)
{
    char url[4 * KEY_MAX], digest[GRAIN_DIGEST_TEXT], signature[96];
    struct grain_request request = {
        .method = "PUT",
        .url = url,
        .signature = signature,
        .access_key = s3->credentials.access_key,
        .secret_key = s3->credentials.secret_key,
    };
    struct curl_slist *headers = NULL;
    int error = grain_body_digest(digest, s3->lines.text.text, s3->lines.text.length);

    if (!error)
        error = grain_body_gzip(&s3->body, s3->lines.text.text, s3->lines.text.length);
    if (!error)
        error = headers_of(s3, &headers);
    if (!error) {
        object_path(s3, url, time_ns, digest);
        (void)snprintf(signature, sizeof(signature), "aws:amz:%s:s3", s3->region);
        request.headers = headers;
        request.body = s3->body.bytes;
        request.length = s3->body.length;
        error = grain_transfer_run(s3->transfer, &request, delivery, &s3->answer);
    }
    curl_slist_free_all(headers);
    return error ? error : judge(s3);
}

/* ---- deliveries ---- */

static int s3_send(void *state, struct grain_delivery *delivery)
{
    struct s3 *s3 = state;
    int found = 1, error = find_credentials(s3);

    while (!error && (found = grain_lines_fill(&s3->lines, delivery, grain_item_json,
                                               s3->object_bytes)) > 0) {
        error = put_object(s3, s3->lines.first_ns, delivery);
        if (!error)
            grain_delivery_done(delivery);
    }
    return error ? error : found;
}

static void s3_interrupt(void *state)
{
    struct s3 *s3 = state;

    grain_transfer_interrupt(s3->transfer);
}

static void free_secret(const char *text)
{
    if (text)
        explicit_bzero((char *)text, strlen(text));
    free((char *)text);
}

static void s3_free(void *state)
{
    struct s3 *s3 = state;

    grain_transfer_free(s3->transfer);
    grain_lines_free(&s3->lines);
    grain_body_free(&s3->body);
    free_secret(s3->own.access_key);
    free_secret(s3->own.secret_key);
    free_secret(s3->own.session_token);
    free((char *)s3->own.profile);
    free((char *)s3->own.credentials_file);
    free(s3->endpoint);
    explicit_bzero(&s3->credentials, sizeof(s3->credentials));
    free(s3);
}

/* ---- settings ---- */

static int read_bucket(struct s3 *s3, const char *bucket)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t length = bucket ? strlen(bucket) : 0;

    if (length < 3 || length > 63 || strspn(bucket, allowed) != length || *bucket == '.')
        return grain_fail(-EINVAL,
                          "a bucket's name has from 3 to 63 letters, digits, dots and hyphens");
    memcpy(s3->bucket, bucket, length + 1);
    return 0;
}

static int read_region(struct s3 *s3, const char *region)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

    for (int i = 0; i < 2 && !region; i++) {
        region = getenv(names[i]);
        if (region && !*region)
            region = NULL;
    }
    if (!region)
        region = "us-east-1";
    if (!*region || strlen(region) >= sizeof(s3->region) || region[strspn(region, allowed)])
        return grain_fail(-EINVAL, "the region is letters, digits and hyphens, as in eu-central-1");
    memcpy(s3->region, region, strlen(region) + 1);
    return 0;
}

/* RFC 3986 2.3; a path's slashes stay. */
static bool stays(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr("-._~/", byte));
}

static int read_prefix(struct s3 *s3, const char *prefix)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length, at = 0;

    prefix += strspn(prefix, "/");
    length = strlen(prefix);
    while (length && prefix[length - 1] == '/')
        length--;
    if (length > PREFIX_MAX)
        return grain_fail(-EINVAL, "the prefix is longer than %d bytes", PREFIX_MAX);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)prefix[i];

        if (stays(prefix[i])) {
            s3->prefix[at++] = prefix[i];
            continue;
        }
        s3->prefix[at++] = '%';
        s3->prefix[at++] = digits[byte >> 4];
        s3->prefix[at++] = digits[byte & 0xf];
    }
    return 0;
}

static int read_host(struct s3 *s3, const char *host)
{
    char own[HOST_NAME_MAX + 1] = "";

    if (!host) {
        (void)gethostname(own, sizeof(own) - 1);
        host = own;
    }
    (void)snprintf(s3->host, sizeof(s3->host), "%s", *host ? host : "host");
    for (char *at = s3->host; *at; at++)
        if (!stays(*at) || *at == '/')
            *at = '-';
    return 0;
}

/* NULL stays NULL. */
static int keep(const char **out, const char *text)
{
    if (!text)
        return 0;
    *out = strdup(text);
    return *out ? 0 : grain_fail(-ENOMEM, "no memory");
}

static int keep_source(struct s3 *s3, const struct grain_s3_settings *settings)
{
    int error = keep(&s3->own.access_key, settings->access_key);

    if (!error)
        error = keep(&s3->own.secret_key, settings->secret_key);
    if (!error)
        error = keep(&s3->own.session_token, settings->session_token);
    if (!error)
        error = keep(&s3->own.profile, settings->profile);
    if (!error)
        error = keep(&s3->own.credentials_file, settings->credentials_file);
    return error;
}

static int read_endpoint(struct s3 *s3, const struct grain_s3_settings *settings)
{
    struct grain_transfer_settings transfer = {
        .ca = settings->ca,
        .timeout_s = settings->timeout_s ? settings->timeout_s : TIMEOUT_S,
    };
    size_t length;

    if (settings->endpoint && strpbrk(settings->endpoint, "?#"))
        return grain_fail(-EINVAL, "the endpoint is a URL without ? and #");
    if (settings->endpoint)
        s3->endpoint = strdup(settings->endpoint);
    else if (asprintf(&s3->endpoint, "https://s3.%s.amazonaws.com", s3->region) < 0)
        s3->endpoint = NULL;
    if (!s3->endpoint)
        return grain_fail(-ENOMEM, "no memory");
    length = strlen(s3->endpoint);
    while (length && s3->endpoint[length - 1] == '/')
        s3->endpoint[--length] = 0;
    if (length > KEY_MAX)
        return grain_fail(-EINVAL, "the endpoint is longer than %d bytes", KEY_MAX);
    transfer.url = s3->endpoint;
    return grain_transfer_new(&s3->transfer, &transfer);
}

static int read_settings(struct s3 *s3, const struct grain_s3_settings *settings)
{
    int error = read_bucket(s3, settings->bucket);

    s3->object_bytes = settings->object_bytes ? settings->object_bytes : OBJECT_BYTES;
    if (!error &&
        (s3->object_bytes < GRAIN_S3_OBJECT_LEAST || s3->object_bytes > GRAIN_S3_OBJECT_MOST))
        error = grain_fail(-EINVAL, "an object has from %u to %llu bytes", GRAIN_S3_OBJECT_LEAST,
                           GRAIN_S3_OBJECT_MOST);
    if (!error)
        error = read_region(s3, settings->region);
    if (!error && settings->prefix)
        error = read_prefix(s3, settings->prefix);
    if (!error)
        error = read_host(s3, settings->host);
    if (!error)
        error = keep_source(s3, settings);
    if (!error)
        error = read_endpoint(s3, settings);
    return error ? error : grain_lines_reserve(&s3->lines, s3->object_bytes);
}

int grain_s3_new(void **out, const struct grain_s3_settings *settings)
{
    struct s3 *s3 = calloc(1, sizeof(*s3));
    int error = s3 ? read_settings(s3, settings) : grain_fail(-ENOMEM, "no memory");

    if (!error)
        *out = s3;
    else if (s3)
        s3_free(s3);
    return error;
}

const struct grain_sink_type grain_sink_s3 = {
    .name = "s3",
    .send = s3_send,
    .interrupt = s3_interrupt,
    .free = s3_free,
};
