// SPDX-License-Identifier: GPL-2.0-or-later
// The other end of a live test: sends datagrams and counts them itself, or counts what arrives.
//
//   peer send ADDRESS PORT COUNT   COUNT datagrams that no stage takes, a millisecond apart
//   peer ask ADDRESS PORT NAME     DNS queries for NAME, two milliseconds apart, until SIGTERM
//   peer count ADDRESS PORT        receives until SIGTERM; says "ready" when it can
//
// Each prints its count at the end. ADDRESS is IPv4 or IPv6.
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 512

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static struct addrinfo *resolve(const char *address, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int err = getaddrinfo(address, port, &hints, &found);

    if (err) {
        fprintf(stderr, "peer: %s %s: %s\n", address, port, gai_strerror(err));
        exit(1);
    }
    return found;
}

// A query with recursion desired for A of `name`; its length.
static size_t write_query(uint8_t *out, const char *name)
{
    static const uint8_t header[12] = {0x12, 0x34, 0x01, 0, 0, 1};
    static const uint8_t question[5] = {0, 0, 1, 0, 1};
    uint8_t *at = out + sizeof(header);

    memcpy(out, header, sizeof(header));
    while (*name) {
        size_t length = strcspn(name, ".");

        if (length > 63 || at + length + 1 > out + 255)
            return 0;
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    memcpy(at, question, sizeof(question));
    return (size_t)(at - out) + sizeof(question);
}

static int send_all(const struct addrinfo *to, const void *bytes, size_t length,
                    unsigned long count, long pause_ns)
{
    int fd = socket(to->ai_family, SOCK_DGRAM, 0);
    unsigned long sent = 0;

    if (fd < 0)
        return 1;
    while (!stopped && sent < count) {
        struct timespec pause = {.tv_nsec = pause_ns};

        if (sendto(fd, bytes, length, 0, to->ai_addr, to->ai_addrlen) != (ssize_t)length) {
            fprintf(stderr, "peer: sendto: %s\n", strerror(errno));
            break;
        }
        sent++;
        nanosleep(&pause, NULL);
    }
    close(fd);
    printf("%lu\n", sent);
    return !stopped && sent < count;
}

static int count_all(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_DGRAM, 0), room = 1 << 22;
    unsigned long count = 0;
    uint8_t bytes[MESSAGE_MAX];

    if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen)) {
        fprintf(stderr, "peer: bind: %s\n", strerror(errno));
        return 1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    puts("ready");
    fflush(stdout);
    while (!stopped)
        if (recv(fd, bytes, sizeof(bytes), 0) >= 0)
            count++;
    // What had arrived when the signal came.
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
        count++;
    close(fd);
    printf("%lu\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};
    const char *what = argc >= 4 ? argv[1] : "";
    uint8_t query[MESSAGE_MAX];
    struct addrinfo *peer;
    int status = 2;

    // Without SA_RESTART: a waiting recv ends.
    sigaction(SIGTERM, &action, NULL);
    peer = argc >= 4 ? resolve(argv[2], argv[3]) : NULL;
    if (!strcmp(what, "send") && argc == 5)
        status = send_all(peer, "grain...", 8, strtoul(argv[4], NULL, 10), 1000000);
    else if (!strcmp(what, "ask") && argc == 5)
        status = send_all(peer, query, write_query(query, argv[4]), -1UL, 2000000);
    else if (!strcmp(what, "count") && argc == 4)
        status = count_all(peer);
    else
        fprintf(stderr, "usage: peer send|ask|count ADDRESS PORT [COUNT|NAME]\n");
    if (peer)
        freeaddrinfo(peer);
    return status;
}
