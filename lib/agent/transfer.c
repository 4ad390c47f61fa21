// SPDX-License-Identifier: GPL-2.0-only
#include "transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "escape.h"

#define TIMEOUT_S         30
#define CONNECT_TIMEOUT_S 10
#define POLL_MS           100

struct grain_transfer {
    CURLM *multi;
    CURL *easy;
    char *ca;
    char peer[400]; /* escaped */
    long timeout_s, connect_timeout_s;
    char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global;

static void init(void)
{
    global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- the URL ---- */

static char *part(CURLU *url, CURLUPart which)
{
    char *text = NULL;

    return curl_url_get(url, which, &text, 0) ? NULL : text;
}

static int read_parts(struct grain_transfer *transfer, CURLU *url)
{
    char *scheme = part(url, CURLUPART_SCHEME), *host = part(url, CURLUPART_HOST);
    char *port = part(url, CURLUPART_PORT), *user = part(url, CURLUPART_USER);
    char text[300];
    int error = 0;

    if (!scheme || !host || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        error = grain_fail(-EINVAL, "the URL begins with neither http:// nor https://");
    else if (user)
        error = grain_fail(-EINVAL, "a user or password stands in the URL: use a header instead");
    if (!error) {
        (void)snprintf(text, sizeof(text), "%s://%s%s%s", scheme, host, port ? ":" : "",
                       port ? port : "");
        (void)grain_escape(transfer->peer, sizeof(transfer->peer), text, sizeof(text));
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    return error;
}

static int read_url(struct grain_transfer *transfer, const char *text)
{
    CURLU *url = curl_url();
    int error;

    if (!url)
        return grain_fail(-ENOMEM, "no memory");
    if (curl_url_set(url, CURLUPART_URL, text, 0))
        error = grain_fail(-EINVAL, "the URL is none: expected http://HOST... or https://HOST...");
    else
        error = read_parts(transfer, url);
    curl_url_cleanup(url);
    return error;
}

/* ---- */

int grain_transfer_new(struct grain_transfer **out, const struct grain_transfer_settings *settings)
{
    struct grain_transfer *transfer = calloc(1, sizeof(*transfer));
    int error;

    (void)pthread_once(&once, init);
    if (!transfer)
        return grain_fail(-ENOMEM, "no memory");
    error = global ? grain_fail(-EIO, "libcurl: %s", curl_easy_strerror(global))
                   : read_url(transfer, settings->url);
    if (!error) {
        transfer->multi = curl_multi_init();
        transfer->easy = curl_easy_init();
        transfer->ca = settings->ca ? strdup(settings->ca) : NULL;
        transfer->timeout_s = settings->timeout_s ? settings->timeout_s : TIMEOUT_S;
        transfer->connect_timeout_s =
            settings->connect_timeout_s ? settings->connect_timeout_s : CONNECT_TIMEOUT_S;
        if (!transfer->multi || !transfer->easy || (settings->ca && !transfer->ca))
            error = grain_fail(-ENOMEM, "no memory");
    }
    if (error)
        grain_transfer_free(transfer);
    else
        *out = transfer;
    return error;
}

void grain_transfer_free(struct grain_transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_multi_cleanup(transfer->multi);
    free(transfer->ca);
    free(transfer);
}

const char *grain_transfer_peer(const struct grain_transfer *transfer)
{
    return transfer->peer;
}

void grain_transfer_interrupt(struct grain_transfer *transfer)
{
    (void)curl_multi_wakeup(transfer->multi);
}

/* ---- a request ---- */

/* What is beyond the room is taken and thrown away, for as long as the whole may take. */
static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct grain_answer *answer = user;
    size_t length = size * count, room = sizeof(answer->body) - 1 - answer->length;

    if (length < room)
        room = length;
    memcpy(answer->body + answer->length, bytes, room);
    answer->length += room;
    return length;
}

static CURLcode sign(CURL *easy, const struct grain_request *request)
{
    CURLcode code;

    if (!request->signature)
        return CURLE_OK;
    code = curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, request->signature);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_USERNAME, request->access_key);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PASSWORD, request->secret_key);
    return code;
}

#define SET(option, value)                                            \
    do {                                                              \
        if (!code)                                                    \
            code = curl_easy_setopt(easy, CURLOPT_##option, (value)); \
    } while (0)

static CURLcode prepare(struct grain_transfer *transfer, const struct grain_request *request,
                        struct grain_answer *answer)
{
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;

    curl_easy_reset(easy);
    SET(NOSIGNAL, 1L);
    SET(PROTOCOLS_STR, "http,https");
    SET(URL, request->url);
    SET(PATH_AS_IS, 1L);
    SET(CUSTOMREQUEST, request->method);
    SET(POSTFIELDS, request->body);
    SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
    SET(HTTPHEADER, request->headers);
    SET(USERAGENT, "grain");
    SET(TIMEOUT_MS, transfer->timeout_s * 1000);
    SET(CONNECTTIMEOUT_MS, transfer->connect_timeout_s * 1000);
    SET(QUICK_EXIT, 1L);
    SET(WRITEFUNCTION, take_body);
    SET(WRITEDATA, answer);
    SET(ERRORBUFFER, transfer->error);
    if (transfer->ca) {
        SET(CAINFO, transfer->ca);
        SET(CAPATH, NULL);
    }
    return code ? code : sign(easy, request);
}

/* Let it run; CURLE_ABORTED_BY_CALLBACK: the sink is being stopped. */
static CURLcode perform(struct grain_transfer *transfer, const struct grain_delivery *delivery)
{
    int running, left;

    if (curl_multi_add_handle(transfer->multi, transfer->easy))
        return CURLE_OUT_OF_MEMORY;
    for (;;) {
        const CURLMsg *message;

        if (curl_multi_perform(transfer->multi, &running))
            return CURLE_OUT_OF_MEMORY;
        message = curl_multi_info_read(transfer->multi, &left);
        if (message && message->msg == CURLMSG_DONE)
            return message->data.result;
        if (grain_delivery_stopping(delivery))
            return CURLE_ABORTED_BY_CALLBACK;
        if (curl_multi_poll(transfer->multi, NULL, 0, POLL_MS, NULL))
            return CURLE_OUT_OF_MEMORY;
    }
}

static int run_error(const struct grain_transfer *transfer, CURLcode code)
{
    char why[2 * CURL_ERROR_SIZE];

    (void)grain_escape(why, sizeof(why),
                       *transfer->error ? transfer->error : curl_easy_strerror(code),
                       CURL_ERROR_SIZE);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return grain_fail(-ECANCELED, "%s: stopped before the answer was there", transfer->peer);
    case CURLE_OPERATION_TIMEDOUT:
        return grain_fail(-ETIMEDOUT, "%s: %s", transfer->peer, why);
    case CURLE_COULDNT_CONNECT:
        return grain_fail(-ECONNREFUSED, "%s: %s", transfer->peer, why);
    case CURLE_OUT_OF_MEMORY:
        return grain_fail(-ENOMEM, "no memory");
    default:
        return grain_fail(-EIO, "%s: %s", transfer->peer, why);
    }
}

int grain_transfer_run(struct grain_transfer *transfer, const struct grain_request *request,
                       const struct grain_delivery *delivery, struct grain_answer *answer)
{
    curl_off_t after = 0;
    CURLcode code;

    answer->length = 0;
    transfer->error[0] = 0;
    code = prepare(transfer, request, answer);
    if (!code) {
        code = perform(transfer, delivery);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &after);
        (void)curl_multi_remove_handle(transfer->multi, transfer->easy);
    }
    answer->body[answer->length] = 0;
    answer->retry_after_s = after > 0 ? (uint64_t)after : 0;
    return code ? run_error(transfer, code) : 0;
}
