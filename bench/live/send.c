// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends frames through an interface at a steady rate and says what a frame cost this thread.
 *
 *   send IFACE mixed|dns FRAMES RATE      (RATE in frames a second; 0: as fast as it goes)
 *
 * On a veth pair the receiving side runs in the sender's own time, up to where a reader in another
 * process is woken; so the thread's processor time holds what a program at the receiver's hook
 * costs. The frames are for another station than the receiver: its stack drops them at its door,
 * everything that listens below it sees them. Prints `sent N cpu_ns N wall_ns N`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

#define FRAMES 4096
#define BATCH  32

static uint8_t frames[FRAMES][TRAFFIC_FRAME_MAX];
static struct iovec parts[FRAMES];
static struct mmsghdr messages[FRAMES];

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "send: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_frames(traffic_fn traffic)
{
    static const uint8_t station[6] = {2, 0, 0, 0, 0, 0x99};

    for (uint32_t i = 0; i < FRAMES; i++) {
        parts[i] = (struct iovec){frames[i], traffic(frames[i], i)};
        memcpy(frames[i], station, sizeof(station));
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static int open_socket(const char *name)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    if (!address.sll_ifindex)
        fail(name);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
        fail("socket");
    return fd;
}

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void wait_until(uint64_t when)
{
    struct timespec time = {when / 1000000000, when % 1000000000};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static uint64_t send_all(int fd, uint64_t wanted, double rate)
{
    uint64_t start = now(CLOCK_MONOTONIC), sent = 0;

    while (sent < wanted) {
        int count = sendmmsg(fd, messages + sent % FRAMES, BATCH, 0);

        if (count < 0 && errno != ENOBUFS && errno != EAGAIN)
            fail("sendmmsg");
        sent += count > 0 ? count : 0;
        if (rate > 0 && sent % (4 * BATCH) == 0)
            wait_until(start + sent * 1e9 / rate);
    }
    return sent;
}

int main(int argc, char **argv)
{
    uint64_t sent, cpu, wall;
    int fd;

    if (argc != 5) {
        fputs("usage: send IFACE mixed|dns FRAMES RATE\n", stderr);
        return 2;
    }
    make_frames(strcmp(argv[2], "dns") ? traffic_mixed : traffic_dns);
    fd = open_socket(argv[1]);
    wall = now(CLOCK_MONOTONIC);
    cpu = now(CLOCK_THREAD_CPUTIME_ID);
    sent = send_all(fd, strtoull(argv[3], NULL, 10), strtod(argv[4], NULL));
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("sent %llu cpu_ns %llu wall_ns %llu\n", (unsigned long long)sent,
           (unsigned long long)cpu, (unsigned long long)wall);
    close(fd);
    return 0;
}
