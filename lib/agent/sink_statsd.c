// SPDX-License-Identifier: GPL-2.0-only
/*
 * A datagram counts as delivered when the kernel has taken it and no refusal has come: from this
 * host that is known at once, from another one with a later datagram, which then takes the one
 * before back. Nothing tells of a datagram that got lost on its way; that is StatsD.
 */
#include "sink_statsd.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"
#include "address.h"

#define PAYLOAD_UDP  1432
#define PAYLOAD_UNIX 8192
#define LINES_MAX    65000
/* A name may lead elsewhere after a while. */
#define RESOLVE_SECONDS 300
#define SEND_MS         2000
#define WAIT_MS         50
#define REFUSAL_MS      20

struct statsd {
    struct grain_statsd_settings settings;
    struct grain_address address;
    char *prefix;
    int fd;
    time_t connected;
    bool failing; /* the last delivery failed */
    size_t length;
    char datagram[LINES_MAX];
    char lines[LINES_MAX];
};

/* ---- lines ---- */

struct out {
    char *text;
    size_t length, size;
    bool full;
};

static void put_bytes(struct out *out, const char *bytes, size_t length)
{
    if (out->size - out->length < length) {
        out->full = true;
        return;
    }
    memcpy(out->text + out->length, bytes, length);
    out->length += length;
}

static void put(struct out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct out *out, const char *format,
                                                             ...)
{
    char text[64];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put(out, text);
}

/* What servers of all kinds leave as it is: Graphite's own take nothing else. */
static bool plain_byte(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '_' || byte == '-';
}

static bool tag_byte(unsigned char byte, enum grain_statsd_format format)
{
    if (plain_byte(byte) || byte == '.')
        return true;
    if (format == GRAIN_STATSD_GRAPHITE || byte <= ' ' || byte == 0x7f)
        return false;
    if (format == GRAIN_STATSD_DOG)
        return !strchr(",|#@", byte);
    return !strchr(",|=:@\"", byte);
}

static void put_name(struct out *out, const char *name, bool dots)
{
    for (; *name; name++)
        put_bytes(out, plain_byte((unsigned char)*name) || (dots && *name == '.') ? name : "_", 1);
}

static void put_tag_text(struct out *out, const char *text, enum grain_statsd_format format)
{
    if (!*text)
        put(out, "_");
    for (; *text; text++)
        put_bytes(out, tag_byte((unsigned char)*text, format) ? text : "_", 1);
}

/* The tags that stand in the name. */
static void put_name_tags(struct out *out, const struct grain_item *item,
                          enum grain_statsd_format format)
{
    for (uint32_t i = 0; i < item->tag_count; i++) {
        if (format == GRAIN_STATSD_PLAIN) {
            put(out, ".");
            put_name(out, item->tags[i].key, false);
            put(out, ".");
            put_name(out, *item->tags[i].value ? item->tags[i].value : "_", false);
            continue;
        }
        put(out, format == GRAIN_STATSD_GRAPHITE ? ";" : ",");
        put_tag_text(out, item->tags[i].key, format);
        put(out, "=");
        put_tag_text(out, item->tags[i].value, format);
    }
}

/* DogStatsD: a key ends at the first colon. */
static void put_dog_tags(struct out *out, const struct grain_item *item)
{
    for (uint32_t i = 0; i < item->tag_count; i++) {
        put(out, i ? "," : "|#");
        for (const char *at = item->tags[i].key; *at; at++)
            put_bytes(out, *at != ':' && tag_byte((unsigned char)*at, GRAIN_STATSD_DOG) ? at : "_",
                      1);
        put(out, ":");
        put_tag_text(out, item->tags[i].value, GRAIN_STATSD_DOG);
    }
}

/* A colon or bar in a set's member would end it. */
static void put_member(struct out *out, const char *member)
{
    for (; *member; member++)
        put_bytes(out, (unsigned char)*member <= ' ' || strchr(":|@#", *member) ? "_" : member, 1);
}

/* Without an exponent, which not every server reads. */
static void put_number(struct out *out, double number)
{
    char text[400];
    size_t length;

    if (number == floor(number) && fabs(number) < 1e15) {
        put_format(out, "%.0f", number);
        return;
    }
    (void)snprintf(text, sizeof(text), "%.9f", number);
    length = strlen(text);
    while (text[length - 1] == '0')
        length--;
    if (text[length - 1] == '.')
        length--;
    put_bytes(out, text, length);
}

static void put_start(struct out *out, const struct grain_item *item,
                      const struct grain_statsd_settings *settings)
{
    if (settings->prefix && *settings->prefix) {
        put_name(out, settings->prefix, true);
        put(out, ".");
    }
    put_name(out, item->name, true);
    if (settings->format != GRAIN_STATSD_DOG)
        put_name_tags(out, item, settings->format);
    put(out, ":");
}

static void put_end(struct out *out, const struct grain_item *item,
                    const struct grain_statsd_settings *settings)
{
    if (settings->format == GRAIN_STATSD_DOG)
        put_dog_tags(out, item);
    put(out, "\n");
}

/* A gauge that begins with a sign is a change, so one below zero is told in two steps. */
static void put_gauge(struct out *out, const struct grain_item *item,
                      const struct grain_statsd_settings *settings)
{
    if (item->number < 0) {
        put_start(out, item, settings);
        put(out, "0|g");
        put_end(out, item, settings);
    }
    put_start(out, item, settings);
    put_number(out, item->number);
    put(out, "|g");
    put_end(out, item, settings);
}

static void put_histogram(struct out *out, const struct grain_item *item,
                          const struct grain_statsd_settings *settings)
{
    bool dog = settings->format == GRAIN_STATSD_DOG;
    bool seconds = !dog && !strcmp(item->unit, "seconds");

    put_start(out, item, settings);
    put_number(out, seconds ? item->number * 1000 : item->number);
    put(out, dog ? "|h" : "|ms");
    if (item->count > 1)
        put_format(out, "|@%.12g", 1.0 / (double)item->count);
    put_end(out, item, settings);
}

size_t grain_statsd_lines(char *text, size_t size, const struct grain_item *item,
                          const struct grain_statsd_settings *settings)
{
    struct out out = {.text = text, .size = size};

    switch (item->kind) {
    case GRAIN_ITEM_COUNTER:
        put_start(&out, item, settings);
        put_format(&out, "%" PRIu64 "|c", item->count);
        put_end(&out, item, settings);
        break;
    case GRAIN_ITEM_GAUGE:
        if (isfinite(item->number))
            put_gauge(&out, item, settings);
        break;
    case GRAIN_ITEM_HISTOGRAM:
        if (isfinite(item->number) && item->count)
            put_histogram(&out, item, settings);
        break;
    case GRAIN_ITEM_SET:
        put_start(&out, item, settings);
        put_member(&out, item->member);
        put(&out, "|s");
        put_end(&out, item, settings);
        break;
    default:
        break;
    }
    return out.full ? 0 : out.length;
}

/* ---- delivery ---- */

static void disconnect(struct statsd *statsd)
{
    if (statsd->fd >= 0)
        close(statsd->fd);
    statsd->fd = -1;
}

static int ensure_connected(struct statsd *statsd)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (statsd->fd >= 0 && now.tv_sec - statsd->connected > RESOLVE_SECONDS)
        disconnect(statsd);
    if (statsd->fd >= 0)
        return 0;
    statsd->fd = grain_address_connect(&statsd->address, SOCK_DGRAM);
    if (statsd->fd < 0)
        return statsd->fd;
    statsd->connected = now.tv_sec;
    return 0;
}

/* An error that belongs to a datagram sent before. */
static int pending_error(struct statsd *statsd, int wait_ms)
{
    struct pollfd ready = {.fd = statsd->fd};
    socklen_t size = sizeof(int);
    int error = 0;

    if (wait_ms)
        (void)poll(&ready, 1, wait_ms);
    (void)getsockopt(statsd->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return -error;
}

static int failed(struct statsd *statsd, int error)
{
    disconnect(statsd);
    statsd->failing = true;
    if (statsd->address.unix_socket)
        return grain_fail(error, "unix:%s: cannot send: %s", statsd->address.host,
                          error == -EAGAIN ? "the receiver does not read" : strerror(-error));
    return grain_fail(error, "%s port %s: cannot send: %s", statsd->address.host,
                      statsd->address.port, strerror(-error));
}

struct progress {
    struct grain_delivery *delivery;
    struct grain_mark before; /* where the datagram that was sent last began */
    struct grain_mark sent;   /* where it ended */
    struct grain_mark seen;   /* all lines so far are in the datagram, or before it */
};

/* Never waits inside of the call: a process that is killed there has either sent or not begun. */
static int send_now(struct statsd *statsd, struct progress *progress)
{
    int error = 0;

    grain_delivery_sending(progress->delivery, progress->seen);
    if (send(statsd->fd, statsd->datagram, statsd->length - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        error = -errno;
    if (error)
        grain_delivery_done_to(progress->delivery, progress->sent);
    return error;
}

/* A Unix receiver that does not read makes us wait, but not long, and not when we are to stop. */
static int send_or_wait(struct statsd *statsd, struct progress *progress)
{
    struct pollfd ready = {.fd = statsd->fd, .events = POLLOUT};
    int error = send_now(statsd, progress);

    for (int waited = 0; error == -EAGAIN && waited < SEND_MS; waited += WAIT_MS) {
        if (grain_delivery_stopping(progress->delivery))
            break;
        if (poll(&ready, 1, WAIT_MS) > 0)
            error = send_now(statsd, progress);
    }
    return error;
}

/* *before: the error is of the datagram before this one. */
static int send_datagram(struct statsd *statsd, struct progress *progress, bool *before)
{
    int error = pending_error(statsd, 0);

    *before = error;
    if (!error)
        error = send_or_wait(statsd, progress);
    /* Of a peer that was dead it is known only after a while that it lives again. */
    if (!error)
        error = pending_error(statsd, statsd->failing ? REFUSAL_MS : 0);
    if (error == -EMSGSIZE && !*before)
        return error;
    if (error)
        return failed(statsd, error);
    statsd->failing = false;
    statsd->length = 0;
    return 0;
}

/* The way to the peer takes no datagram of this size, now or later: one line that is too long, or a
 * payload that does not fit the network. */
static void skip_datagram(struct statsd *statsd, struct progress *progress)
{
    uint32_t items = progress->seen.place - progress->sent.place;
    uint32_t skipped = progress->seen.skipped - progress->sent.skipped;

    for (; skipped < items; skipped++) {
        grain_delivery_skip(progress->delivery);
        progress->seen.skipped++;
    }
    statsd->length = 0;
}

static int flush(struct statsd *statsd, struct progress *progress)
{
    bool before;
    int error;

    if (!statsd->length)
        return 0;
    error = send_datagram(statsd, progress, &before);
    if (error == -EMSGSIZE && !before)
        skip_datagram(statsd, progress);
    else if (error) {
        if (before)
            grain_delivery_done_to(progress->delivery, progress->before);
        return error;
    }
    grain_delivery_done_to(progress->delivery, progress->seen);
    progress->before = progress->sent;
    progress->sent = progress->seen;
    return 0;
}

static int statsd_send(void *state, struct grain_delivery *delivery)
{
    struct statsd *statsd = state;
    const struct grain_mark start = grain_delivery_mark(delivery);
    struct progress progress = {delivery, start, start, start};
    const struct grain_item *item;
    int error = ensure_connected(statsd);

    statsd->length = 0;
    while (!error && (item = grain_delivery_next(delivery))) {
        size_t length =
            grain_statsd_lines(statsd->lines, sizeof(statsd->lines), item, &statsd->settings);

        if (!length)
            grain_delivery_skip(delivery);
        /* The newline at the end is not sent. */
        if (length && statsd->length + length - 1 > statsd->settings.payload)
            error = flush(statsd, &progress);
        if (error)
            break;
        memcpy(statsd->datagram + statsd->length, statsd->lines, length);
        statsd->length += length;
        progress.seen = grain_delivery_mark(delivery);
    }
    return error ? error : flush(statsd, &progress);
}

static void statsd_free(void *state)
{
    struct statsd *statsd = state;

    disconnect(statsd);
    free(statsd->prefix);
    free(statsd);
}

int grain_statsd_new(void **out, const struct grain_statsd_settings *settings)
{
    struct statsd *statsd = calloc(1, sizeof(*statsd));
    int error;

    if (!statsd)
        return grain_fail(-ENOMEM, "no memory");
    error = grain_address_read(&statsd->address, settings->address, GRAIN_STATSD_PORT);
    if (error) {
        free(statsd);
        return error;
    }
    statsd->fd = -1;
    statsd->settings = *settings;
    statsd->settings.address = NULL;
    statsd->prefix = strdup(settings->prefix ? settings->prefix : "");
    statsd->settings.prefix = statsd->prefix;
    if (!settings->payload)
        statsd->settings.payload = statsd->address.unix_socket ? PAYLOAD_UNIX : PAYLOAD_UDP;
    if (!statsd->prefix) {
        statsd_free(statsd);
        return grain_fail(-ENOMEM, "no memory");
    }
    *out = statsd;
    return 0;
}

const struct grain_sink_type grain_sink_statsd = {
    .name = "statsd",
    .send = statsd_send,
    .free = statsd_free,
};
