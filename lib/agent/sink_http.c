// SPDX-License-Identifier: GPL-2.0-only
#include "sink_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../error_private.h"
#include "body.h"
#include "item_json.h"
#include "lines.h"
#include "transfer.h"

#define BODY_BYTES         (1 << 20)
#define RETRY_AFTER_MOST_S 300
#define PAUSE_MS           50
/* From the lines themselves: tried again, also by another process, it is the same. */
#define BATCH        "Grain-Batch: "
#define BATCH_DIGITS 32

struct http {
    struct grain_transfer *transfer;
    char *url;
    struct curl_slist *headers;
    bool gzip;
    uint64_t body_bytes, retry_after_most_s;
    uint64_t not_before_ns; /* of CLOCK_MONOTONIC */
    struct grain_lines lines;
    struct grain_body body;
    struct grain_answer answer;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The pause that the server asked for. */
static int wait_allowed(const struct http *http, const struct grain_delivery *delivery)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000};

    while (now_ns() < http->not_before_ns) {
        if (grain_delivery_stopping(delivery))
            return grain_fail(-ECANCELED, "%s: stopped in the pause that the server asked for",
                              grain_transfer_peer(http->transfer));
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

/* The batch itself is what the server does not want. A token that has run out, or an address that
 * is wrong, is put right by people: until then the queue keeps what it can. */
static bool refused_for_good(long status)
{
    switch (status) {
    case 401:
    case 403:
    case 404:
    case 407:
    case 408:
    case 425:
    case 429:
        return false;
    default:
        return status < 500;
    }
}

static int judge(struct http *http)
{
    const char *peer = grain_transfer_peer(http->transfer);
    long status = http->answer.status;
    uint64_t pause = http->answer.retry_after_s;

    if (status >= 200 && status < 300)
        return 0;
    if (status >= 300 && status < 400)
        return grain_fail(-EIO, "%s: answered %ld, a redirect, which is not followed", peer,
                          status);
    if (refused_for_good(status))
        return grain_fail(GRAIN_SINK_REFUSED, "%s: refused the batch with %ld", peer, status);
    if (pause > http->retry_after_most_s)
        pause = http->retry_after_most_s;
    http->not_before_ns = now_ns() + pause * 1000000000;
    if (!pause)
        return grain_fail(-EIO, "%s: answered %ld", peer, status);
    return grain_fail(-EIO, "%s: answered %ld and asked for a pause of %llu s", peer, status,
                      (unsigned long long)pause);
}

static int send_body(struct http *http, struct grain_delivery *delivery)
{
    struct grain_request request = {
        .method = "POST",
        .url = http->url,
        .headers = http->headers,
        .body = http->lines.text.text,
        .length = http->lines.text.length,
    };
    char digest[GRAIN_DIGEST_TEXT];
    int error = grain_body_digest(digest, request.body, request.length);

    if (!error && http->gzip) {
        error = grain_body_gzip(&http->body, request.body, request.length);
        request.body = http->body.bytes;
        request.length = http->body.length;
    }
    if (error)
        return error;
    memcpy(http->headers->data + sizeof(BATCH) - 1, digest, BATCH_DIGITS);
    error = grain_transfer_run(http->transfer, &request, delivery, &http->answer);
    return error ? error : judge(http);
}

static int http_send(void *state, struct grain_delivery *delivery)
{
    struct http *http = state;
    int found = 1, error = wait_allowed(http, delivery);

    while (!error && (found = grain_lines_fill(&http->lines, delivery, grain_item_json,
                                               http->body_bytes)) > 0) {
        error = send_body(http, delivery);
        if (!error)
            grain_delivery_done(delivery);
    }
    return error ? error : found;
}

static void http_interrupt(void *state)
{
    struct http *http = state;

    grain_transfer_interrupt(http->transfer);
}

static void http_free(void *state)
{
    struct http *http = state;

    grain_transfer_free(http->transfer);
    for (struct curl_slist *at = http->headers; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(http->headers);
    grain_lines_free(&http->lines);
    grain_body_free(&http->body);
    free(http->url);
    free(http);
}

/* ---- settings ---- */

static int add_header(struct http *http, const char *text)
{
    struct curl_slist *list = curl_slist_append(http->headers, text);

    if (!list)
        return grain_fail(-ENOMEM, "no memory");
    http->headers = list;
    return 0;
}

static bool has_header(const struct grain_http_settings *settings, const char *name)
{
    size_t length = strlen(name);

    for (const char *const *at = settings->headers; at && *at; at++)
        if (!strncasecmp(*at, name, length) && (*at)[length] == ':')
            return true;
    return false;
}

/* RFC 9110 5.6.2: a token, a colon; then what is not a control character. The value is a secret. */
static int check_header(const char *text, size_t number)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t name = strspn(text, token);

    if (!name || text[name] != ':')
        return grain_fail(-EINVAL, "header %zu: expected NAME: VALUE", number);
    for (const char *at = text + name + 1; *at; at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
            return grain_fail(-EINVAL, "header %zu (%.*s): its value has a control character",
                              number, (int)name, text);
    return 0;
}

/* The first one is written anew for each body. */
static int read_headers(struct http *http, const struct grain_http_settings *settings)
{
    int error = add_header(http, BATCH "00000000000000000000000000000000");

    if (!error)
        error = add_header(http, "Expect:");
    if (!error && !has_header(settings, "Content-Type"))
        error = add_header(http, "Content-Type: application/x-ndjson");
    if (!error && settings->gzip)
        error = add_header(http, "Content-Encoding: gzip");
    for (size_t i = 0; !error && settings->headers && settings->headers[i]; i++) {
        error = check_header(settings->headers[i], i + 1);
        if (!error)
            error = add_header(http, settings->headers[i]);
    }
    return error;
}

static int read_settings(struct http *http, const struct grain_http_settings *settings)
{
    const struct grain_transfer_settings transfer = {
        .url = settings->url,
        .ca = settings->ca,
        .timeout_s = settings->timeout_s,
        .connect_timeout_s = settings->connect_timeout_s,
    };
    int error = grain_transfer_new(&http->transfer, &transfer);

    if (error)
        return error;
    http->gzip = settings->gzip;
    http->body_bytes = settings->body_bytes ? settings->body_bytes : BODY_BYTES;
    http->retry_after_most_s =
        settings->retry_after_most_s ? settings->retry_after_most_s : RETRY_AFTER_MOST_S;
    if (http->body_bytes < GRAIN_HTTP_BODY_LEAST || http->body_bytes > GRAIN_HTTP_BODY_MOST)
        return grain_fail(-EINVAL, "a body has from %u to %llu bytes", GRAIN_HTTP_BODY_LEAST,
                          GRAIN_HTTP_BODY_MOST);
    http->url = strdup(settings->url);
    if (!http->url)
        return grain_fail(-ENOMEM, "no memory");
    error = grain_lines_reserve(&http->lines, http->body_bytes);
    return error ? error : read_headers(http, settings);
}

int grain_http_new(void **out, const struct grain_http_settings *settings)
{
    struct http *http = calloc(1, sizeof(*http));
    int error = http ? read_settings(http, settings) : grain_fail(-ENOMEM, "no memory");

    if (!error)
        *out = http;
    else if (http)
        http_free(http);
    return error;
}

const struct grain_sink_type grain_sink_http = {
    .name = "http",
    .send = http_send,
    .interrupt = http_interrupt,
    .free = http_free,
};
