// SPDX-License-Identifier: GPL-2.0-only
#include "sink_prometheus.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"
#include "address.h"
#include "metrics.h"

/* Enough for some scrapers, few enough that slow ones hold little memory. */
#define CONNECTIONS_MOST   32
#define CONNECTION_SECONDS 5
#define CONNECTION_MEMORY  16384
#define BACKLOG            64

#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TYPE_TEXT        "text/plain; version=0.0.4; charset=utf-8"

struct prometheus {
    struct MHD_Daemon *daemon;
    pthread_mutex_t mutex; /* of what follows */
    struct grain_address address;
    struct grain_metrics *metrics;
    bool ready;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- answers, in the server's thread ---- */

/* Takes the response over. */
static enum MHD_Result queue(struct MHD_Connection *connection, unsigned int status,
                             struct MHD_Response *response, const char *type)
{
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES)
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
                                   const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

    if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    return queue(connection, status, response, "text/plain; charset=utf-8");
}

static enum MHD_Result answer_metrics(struct prometheus *prometheus,
                                      struct MHD_Connection *connection)
{
    const char *accept =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
    struct grain_json w = {0};
    struct MHD_Response *response;

    pthread_mutex_lock(&prometheus->mutex);
    grain_metrics_expire(prometheus->metrics, now_ns());
    grain_metrics_text(&w, prometheus->metrics, openmetrics);
    pthread_mutex_unlock(&prometheus->mutex);
    if (w.failed) {
        grain_json_free(&w);
        return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory\n");
    }
    response = MHD_create_response_from_buffer(w.length, w.text, MHD_RESPMEM_MUST_FREE);
    if (!response)
        grain_json_free(&w);
    return queue(connection, MHD_HTTP_OK, response, openmetrics ? TYPE_OPENMETRICS : TYPE_TEXT);
}

static enum MHD_Result answer_ready(struct prometheus *prometheus,
                                    struct MHD_Connection *connection)
{
    bool ready;

    pthread_mutex_lock(&prometheus->mutex);
    ready = prometheus->ready;
    pthread_mutex_unlock(&prometheus->mutex);
    return ready ? answer_text(connection, MHD_HTTP_OK, "ready\n")
                 : answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "nothing to tell yet\n");
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_length, void **request)
{
    static int begun;

    (void)version;
    (void)upload;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
    if (!*request) { /* the headers are there, and the end of the request is not */
        *request = &begun;
        return MHD_YES;
    }
    if (*upload_length)
        return MHD_NO;
    if (!strcmp(url, "/metrics"))
        return answer_metrics(user, connection);
    if (!strcmp(url, "/-/healthy"))
        return answer_text(connection, MHD_HTTP_OK, "healthy\n");
    if (!strcmp(url, "/-/ready"))
        return answer_ready(user, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "/metrics, /-/healthy, /-/ready\n");
}

/* ---- deliveries ---- */

static int prometheus_send(void *state, struct grain_delivery *delivery)
{
    struct prometheus *prometheus = state;
    const struct grain_item *item;
    uint64_t now = now_ns();

    pthread_mutex_lock(&prometheus->mutex);
    while ((item = grain_delivery_next(delivery)))
        if (grain_metrics_add(prometheus->metrics, item, now))
            grain_delivery_skip(delivery);
    grain_metrics_expire(prometheus->metrics, now);
    prometheus->ready = true;
    pthread_mutex_unlock(&prometheus->mutex);
    return 0;
}

static void prometheus_free(void *state)
{
    struct prometheus *prometheus = state;

    if (prometheus->daemon)
        MHD_stop_daemon(prometheus->daemon);
    grain_metrics_free(prometheus->metrics);
    pthread_mutex_destroy(&prometheus->mutex);
    free(prometheus);
}

/* ---- listening ---- */

static int listen_at(const struct addrinfo *at)
{
    const int on = 1;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    int error;

    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!bind(fd, at->ai_addr, at->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    error = -errno;
    close(fd);
    return error;
}

/* A file descriptor or -errno. */
static int open_listener(const struct grain_address *address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int failed, fd = -EADDRNOTAVAIL;

    failed = getaddrinfo(address->host, address->port, &hints, &list);
    if (failed)
        return grain_fail(-EADDRNOTAVAIL, "%s: cannot look up: %s", address->host,
                          failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next)
        fd = listen_at(at);
    freeaddrinfo(list);
    if (fd < 0)
        return grain_fail(fd, "%s port %s: cannot listen: %s", address->host, address->port,
                          strerror(-fd));
    return fd;
}

static int prometheus_start(void *state)
{
    struct prometheus *prometheus = state;
    const struct grain_address *address = &prometheus->address;
    sigset_t all, before;
    int fd = open_listener(address);

    if (fd < 0)
        return fd;
    /* Signals are for the thread that waits for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    prometheus->daemon = MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, prometheus,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MOST,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (prometheus->daemon)
        return 0;
    close(fd);
    return grain_fail(-EIO, "%s port %s: cannot start the server", address->host, address->port);
}

static int read_settings(const struct grain_prometheus_settings *settings,
                         struct grain_address *address, struct grain_metrics_settings *metrics)
{
    const char *text = settings->address ? settings->address : GRAIN_PROMETHEUS_ADDRESS;
    int error = grain_address_read(address, text, GRAIN_PROMETHEUS_PORT);

    if (error)
        return error;
    if (address->unix_socket)
        return grain_fail(-EINVAL, "%s: expected HOST:PORT", text);
    metrics->series = settings->series ? settings->series : GRAIN_PROMETHEUS_SERIES;
    if (metrics->series > GRAIN_PROMETHEUS_SERIES_MOST)
        return grain_fail(-EINVAL, "at most %d series are kept", GRAIN_PROMETHEUS_SERIES_MOST);
    metrics->expire_ns =
        1000000000ULL * (settings->expire_s ? settings->expire_s : GRAIN_PROMETHEUS_EXPIRE_S);
    metrics->buckets = settings->buckets;
    metrics->bucket_count = settings->bucket_count;
    return 0;
}

int grain_prometheus_new(void **out, const struct grain_prometheus_settings *settings)
{
    struct grain_address address;
    struct grain_metrics_settings metrics = {0};
    struct prometheus *prometheus;
    int error = read_settings(settings, &address, &metrics);

    if (error)
        return error;
    prometheus = calloc(1, sizeof(*prometheus));
    if (!prometheus)
        return grain_fail(-ENOMEM, "no memory");
    pthread_mutex_init(&prometheus->mutex, NULL);
    error = grain_metrics_new(&prometheus->metrics, &metrics);
    prometheus->address = address;
    if (error)
        prometheus_free(prometheus);
    else
        *out = prometheus;
    return error;
}

const struct grain_sink_type grain_sink_prometheus = {
    .name = "prometheus",
    .start = prometheus_start,
    .send = prometheus_send,
    .free = prometheus_free,
};
