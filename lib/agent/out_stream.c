// SPDX-License-Identifier: GPL-2.0-only
#include "out_stream.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../error_private.h"

#define POLL_MS 50
/* A peer that reads nothing for so long is none. */
#define PATIENCE_SECONDS 10

void grain_out_stream_close(struct grain_out_stream *stream)
{
    if (!stream->socket)
        return;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

void grain_out_stream_free(struct grain_out_stream *stream)
{
    grain_out_stream_close(stream);
    free(stream->torn);
    stream->torn = NULL;
}

static int failed(struct grain_out_stream *stream, int error)
{
    const char *why = error == -ETIMEDOUT ? "the reader does not read" : strerror(-error);

    if (!stream->socket)
        return grain_fail(error, "standard output: %s", why);
    grain_out_stream_close(stream);
    return grain_fail(error, "unix:%s: cannot send: %s", stream->address.host, why);
}

static int ensure_connected(struct grain_out_stream *stream)
{
    if (stream->fd >= 0)
        return 0;
    stream->fd = grain_address_connect(&stream->address, SOCK_STREAM | SOCK_NONBLOCK);
    if (stream->fd == -EAGAIN) /* its backlog is full */
        return grain_fail(-EAGAIN, "unix:%s: the listener does not accept", stream->address.host);
    return stream->fd < 0 ? stream->fd : 0;
}

static time_t now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* The stream takes something within a while. */
static int wait_writable(const struct grain_out_stream *stream,
                         const struct grain_delivery *delivery)
{
    time_t until = now_seconds() + PATIENCE_SECONDS;
    struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};

    while (now_seconds() <= until) {
        int count = poll(&ready, 1, POLL_MS);

        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
        if (grain_delivery_stopping(delivery))
            break;
    }
    return -ETIMEDOUT;
}

/* A pipe that is ready takes this much without waiting, and we must not wait: somebody may want to
 * stop. The descriptor is shared with others, so it stays as it is. */
static ssize_t write_some(const struct grain_out_stream *stream, const char *text, size_t length)
{
    if (stream->socket)
        return send(stream->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return write(stream->fd, text, length < PIPE_BUF ? length : PIPE_BUF);
}

/* Bytes written; *error says why not all. */
static size_t write_all(const struct grain_out_stream *stream, const char *text, size_t length,
                        const struct grain_delivery *delivery, int *error)
{
    size_t done = 0;

    *error = 0;
    while (done < length) {
        ssize_t written;

        *error = wait_writable(stream, delivery);
        if (*error)
            break;
        written = write_some(stream, text + done, length - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || (errno != EAGAIN && errno != EINTR)) {
            *error = written ? -errno : -EIO;
            break;
        }
    }
    return done;
}

static int keep_torn(struct grain_out_stream *stream, const char *line, size_t length, size_t at)
{
    char *copy = malloc(length);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, line, length);
    free(stream->torn);
    stream->torn = copy;
    stream->torn_length = length;
    stream->torn_at = at;
    return 0;
}

/* The rest of a torn line goes first. When it is of the first line here, that one is out: *skip. */
static int finish_torn(struct grain_out_stream *stream, const struct grain_lines *lines,
                       struct grain_delivery *delivery, uint32_t *skip)
{
    size_t left = stream->torn_length - stream->torn_at;
    int error;

    if (!stream->torn)
        return 0;
    if (lines->ends[0].end == stream->torn_length &&
        !memcmp(lines->text.text, stream->torn, stream->torn_length)) {
        grain_delivery_sending(delivery, lines->ends[0].mark);
        *skip = 1;
    }
    stream->torn_at += write_all(stream, stream->torn + stream->torn_at, left, delivery, &error);
    if (error)
        return failed(stream, error);
    free(stream->torn);
    stream->torn = NULL;
    if (*skip)
        grain_delivery_done_to(delivery, lines->ends[0].mark);
    return 0;
}

static int write_output(struct grain_out_stream *stream, struct grain_lines *lines,
                        struct grain_delivery *delivery)
{
    uint32_t first = 0, done;
    size_t start, written, torn;
    int error = finish_torn(stream, lines, delivery, &first);

    if (error || first == lines->count)
        return error;
    start = grain_lines_start(lines, first);
    grain_delivery_sending(delivery, lines->ends[lines->count - 1].mark);
    written =
        write_all(stream, lines->text.text + start, lines->text.length - start, delivery, &error);
    done = grain_lines_out(lines, first, written, delivery);
    if (!error)
        return 0;
    torn = start + written - grain_lines_start(lines, done);
    start = grain_lines_start(lines, done);
    if (torn)
        (void)keep_torn(stream, lines->text.text + start, lines->ends[done].end - start, torn);
    return failed(stream, error);
}

int grain_out_stream_write(struct grain_out_stream *stream, struct grain_lines *lines,
                           struct grain_delivery *delivery)
{
    int error;

    if (!stream->socket)
        return write_output(stream, lines, delivery);
    error = ensure_connected(stream);
    if (error)
        return error;
    (void)write_all(stream, lines->text.text, lines->text.length, delivery, &error);
    return error ? failed(stream, error) : 0;
}

/* When a peer closes with something unread, the error is there before the bytes go. */
static int connection_error(const struct grain_out_stream *stream)
{
    socklen_t size = sizeof(int);
    int error = 0;

    (void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return -error;
}

int grain_out_stream_end(struct grain_out_stream *stream, struct grain_delivery *delivery)
{
    const struct timespec pause = {0, 1000000};
    time_t until = now_seconds() + PATIENCE_SECONDS;
    int unread = 1, error = 0;

    if (!stream->socket || stream->fd < 0)
        return 0;
    while (!error) {
        if (ioctl(stream->fd, SIOCOUTQ, &unread))
            error = -errno;
        else
            error = connection_error(stream);
        if (!error && !unread)
            return 0;
        if (!error && (grain_delivery_stopping(delivery) || now_seconds() > until))
            error = -ETIMEDOUT;
        (void)nanosleep(&pause, NULL);
    }
    return failed(stream, error);
}
