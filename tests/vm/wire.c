// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SENDER     "wire1"
#define RECEIVER   "wire0"
#define FRAME_SIZE 100

int wire_open(void)
{
    int ifindex;

    if (unshare(CLONE_NEWNET) < 0)
        return -errno;
    // NOLINTNEXTLINE(cert-env33-c): a constant command
    if (system("ip link add " RECEIVER " type veth peer name " SENDER " && "
               "ip link set " RECEIVER " up && ip link set " SENDER " up"))
        return -ENODEV;
    ifindex = (int)if_nametoindex(RECEIVER);
    return ifindex ? ifindex : -ENODEV;
}

static int open_socket(const char *device)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(WIRE_ETHERTYPE),
        .sll_ifindex = (int)if_nametoindex(device),
    };
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(WIRE_ETHERTYPE));

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    return fd;
}

static void fill_frame(uint8_t *frame, unsigned int number)
{
    memset(frame, 0xff, 6);
    memcpy(frame + 6, "\x02\x00\x00\x00\x00\x01", 6);
    frame[12] = WIRE_ETHERTYPE >> 8;
    frame[13] = WIRE_ETHERTYPE & 0xff;
    for (unsigned int i = 14; i < FRAME_SIZE; i++)
        frame[i] = (uint8_t)(number * 31 + i * 7);
}

int wire_send(void)
{
    uint8_t sent[FRAME_SIZE], got[2 * FRAME_SIZE];
    int sender = open_socket(SENDER), receiver = open_socket(RECEIVER);
    int arrived = 0;

    if (sender < 0 || receiver < 0) {
        arrived = sender < 0 ? sender : receiver;
        goto out;
    }
    for (unsigned int i = 0; i < WIRE_FRAMES; i++) {
        fill_frame(sent, i);
        if (send(sender, sent, sizeof(sent), 0) != (ssize_t)sizeof(sent)) {
            arrived = -errno;
            goto out;
        }
        if (recv(receiver, got, sizeof(got), 0) == (ssize_t)sizeof(sent) &&
            !memcmp(sent, got, sizeof(sent)))
            arrived++;
    }
out:
    if (sender >= 0)
        close(sender);
    if (receiver >= 0)
        close(receiver);
    return arrived;
}

int wire_send_frame(const void *frame, size_t length)
{
    int fd = open_socket(SENDER), err = 0;

    if (fd < 0)
        return fd;
    for (unsigned int i = 0; i < WIRE_FRAMES && !err; i++)
        if (send(fd, frame, length, 0) != (ssize_t)length)
            err = -errno;
    close(fd);
    return err;
}
