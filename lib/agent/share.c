// SPDX-License-Identifier: GPL-2.0-only
#include "share.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../engine_private.h"
#include "../error_private.h"

/* Of one message, which holds several records. */
#define MESSAGE_BYTES (64 << 10)
/* That may wait for a subscriber. */
#define BUFFER_BYTES (8 << 20)

/* A message: this, then records one after the other, each padded to 8 bytes. */
struct share_head {
    uint64_t lost; /* records, since the message before */
    uint32_t records;
    uint32_t reserved;
};

struct share_subscriber {
    int fd;
    uint64_t lost; /* not told yet */
};

struct grain_share {
    int fd;
    struct share_subscriber list[GRAIN_SHARE_SUBSCRIBERS_MAX];
    size_t count;
    uint64_t lost;
    size_t length;
    _Alignas(8) uint8_t message[MESSAGE_BYTES];
};

static socklen_t address_of(const struct grain_live *live, struct sockaddr_un *out)
{
    const char *directory = grain_pinned_directory(grain_live_pinned(live));
    struct stat stat_ = {0};
    int length;

    (void)stat(directory, &stat_);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    length = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "grain-events-%llx-%llx",
                      (unsigned long long)stat_.st_dev, (unsigned long long)stat_.st_ino);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static bool ask_peer(int fd, struct ucred *out)
{
    socklen_t size = sizeof(*out);

    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out, &size);
}

/* Anybody can bind an abstract name, and connect to one. */
static bool trusted(int fd)
{
    struct ucred who;

    return ask_peer(fd, &who) && (who.uid == 0 || who.uid == geteuid());
}

static bool has_group(int fd, const struct ucred *who, gid_t group)
{
    gid_t groups[256];
    socklen_t size = sizeof(groups);
    bool found = who->gid == group;

    if (!found && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
        for (size_t i = 0; !found && i < size / sizeof(*groups); i++)
            found = groups[i] == group;
    return found;
}

/* Does somebody of the group that may read the events, and so could take them anyway, share them?
 */
static bool may_read(int fd, const struct grain_live *live)
{
    struct stat directory;
    struct ucred who;

    return !stat(grain_pinned_directory(grain_live_pinned(live)), &directory) &&
           (directory.st_mode & S_IRWXG) == (S_IRGRP | S_IXGRP) && ask_peer(fd, &who) &&
           has_group(fd, &who, directory.st_gid);
}

/* ---- the agent's side ---- */

int grain_share_new(struct grain_share **out, const struct grain_live *live)
{
    struct grain_share *share = calloc(1, sizeof(*share));
    struct sockaddr_un address;
    socklen_t length = address_of(live, &address);
    int error;

    if (!share)
        return grain_fail(-ENOMEM, "no memory");
    share->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    share->length = sizeof(struct share_head);
    if (share->fd >= 0 && !bind(share->fd, (struct sockaddr *)&address, length) &&
        !listen(share->fd, GRAIN_SHARE_SUBSCRIBERS_MAX)) {
        *out = share;
        return 0;
    }
    error = -errno;
    grain_share_free(share);
    return grain_fail(error, "events are not shared: %s", strerror(-error));
}

void grain_share_free(struct grain_share *share)
{
    if (!share)
        return;
    grain_share_flush(share);
    for (size_t i = 0; i < share->count; i++)
        close(share->list[i].fd);
    if (share->fd >= 0)
        close(share->fd);
    free(share);
}

int grain_share_fd(const struct grain_share *share)
{
    return share->fd;
}

static void forget(struct grain_share *share, size_t i)
{
    close(share->list[i].fd);
    share->list[i] = share->list[--share->count];
}

static void let_in(struct grain_share *share)
{
    const int size = BUFFER_BYTES;
    int fd;

    while ((fd = accept4(share->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (share->count == GRAIN_SHARE_SUBSCRIBERS_MAX || !trusted(fd)) {
            close(fd);
            continue;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
            (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        share->list[share->count++] = (struct share_subscriber){.fd = fd};
    }
}

/* Losses that no later record has carried. */
static void tell_losses(struct grain_share *share)
{
    for (size_t i = 0; i < share->count; i++) {
        const struct share_head head = {.lost = share->list[i].lost};

        if (head.lost &&
            send(share->list[i].fd, &head, sizeof(head), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            share->list[i].lost = 0;
    }
}

void grain_share_look(struct grain_share *share)
{
    for (size_t i = 0; i < share->count;) {
        char byte;

        /* A subscriber says nothing until it goes. */
        if (recv(share->list[i].fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
            i++;
        else
            forget(share, i);
    }
    tell_losses(share);
    let_in(share);
}

size_t grain_share_subscribers(const struct grain_share *share)
{
    return share->count;
}

static struct share_head *head_of(struct grain_share *share)
{
    return (struct share_head *)share->message;
}

/* False: it has gone. */
static bool send_to(struct grain_share *share, struct share_subscriber *subscriber)
{
    struct share_head *head = head_of(share);

    head->lost = subscriber->lost;
    if (send(subscriber->fd, share->message, share->length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        subscriber->lost = 0;
        return true;
    }
    if (errno != EAGAIN && errno != ENOBUFS)
        return false;
    subscriber->lost += head->records;
    share->lost += head->records;
    return true;
}

void grain_share_flush(struct grain_share *share)
{
    if (head_of(share)->records)
        for (size_t i = 0; i < share->count;) {
            if (send_to(share, &share->list[i]))
                i++;
            else
                forget(share, i);
        }
    head_of(share)->records = 0;
    share->length = sizeof(struct share_head);
}

void grain_share_record(struct grain_share *share, const struct grain_record *record,
                        const uint8_t *bytes, size_t length)
{
    size_t padded = (sizeof(*record) + length + 7) & ~(size_t)7;

    if (!share->count || padded > sizeof(share->message) - sizeof(struct share_head))
        return;
    if (sizeof(share->message) - share->length < padded)
        grain_share_flush(share);
    memcpy(share->message + share->length, record, sizeof(*record));
    memcpy(share->message + share->length + sizeof(*record), bytes, length);
    share->length += padded;
    head_of(share)->records++;
}

uint64_t grain_share_lost(const struct grain_share *share)
{
    return share->lost;
}

/* ---- a subscriber's side ---- */

struct grain_subscriber {
    int fd;
    uint64_t received, lost;
    _Alignas(8) uint8_t message[MESSAGE_BYTES];
};

int grain_subscriber_new(struct grain_subscriber **out, const struct grain_live *live)
{
    struct grain_subscriber *subscriber = calloc(1, sizeof(*subscriber));
    struct sockaddr_un address;
    socklen_t length = address_of(live, &address);

    if (!subscriber)
        return grain_fail(-ENOMEM, "no memory");
    subscriber->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (subscriber->fd < 0 || connect(subscriber->fd, (struct sockaddr *)&address, length)) {
        grain_subscriber_free(subscriber);
        return grain_fail(-ENOENT, "no agent shares these events here");
    }
    if (!trusted(subscriber->fd) && !may_read(subscriber->fd, live)) {
        grain_subscriber_free(subscriber);
        return grain_fail(-ENOENT, "whoever shares events here is neither root, nor this user, nor "
                                   "of the group that may read them");
    }
    *out = subscriber;
    return 0;
}

void grain_subscriber_free(struct grain_subscriber *subscriber)
{
    if (!subscriber)
        return;
    if (subscriber->fd >= 0)
        close(subscriber->fd);
    free(subscriber);
}

static int deliver(struct grain_subscriber *subscriber, size_t length, grain_record_fn fn,
                   void *user)
{
    size_t at = sizeof(struct share_head);
    struct share_head head;

    if (length < sizeof(head))
        return grain_fail(-EBADMSG, "the agent shares something else than events");
    memcpy(&head, subscriber->message, sizeof(head));
    subscriber->lost += head.lost;
    for (uint32_t i = 0; i < head.records; i++) {
        struct grain_record record;
        int result;

        if (at > length || !grain_record_take(&record, subscriber->message + at, length - at))
            return grain_fail(-EBADMSG, "the agent is of another version");
        subscriber->received++;
        result = fn(user, &record, subscriber->message + at + sizeof(record),
                    record.header.length - sizeof(record));
        if (result)
            return result;
        at += (record.header.length + 7) & ~7U;
    }
    return 0;
}

int grain_subscriber_poll(struct grain_subscriber *subscriber, int timeout_ms, grain_record_fn fn,
                          void *user)
{
    struct pollfd ready = {.fd = subscriber->fd, .events = POLLIN};
    int found = poll(&ready, 1, timeout_ms);
    int error = 0;

    if (found < 0)
        return -errno;
    while (!error && found) {
        ssize_t length =
            recv(subscriber->fd, subscriber->message, sizeof(subscriber->message), MSG_DONTWAIT);

        if (length < 0)
            return errno == EAGAIN
                       ? 0
                       : grain_fail(-errno, "cannot read shared events: %s", strerror(errno));
        if (!length)
            return grain_fail(-EPIPE, "the agent that shared the events has ended");
        error = deliver(subscriber, (size_t)length, fn, user);
    }
    return error;
}

void grain_subscriber_counts(const struct grain_subscriber *subscriber, uint64_t *received,
                             uint64_t *lost)
{
    *received = subscriber->received;
    *lost = subscriber->lost;
}
