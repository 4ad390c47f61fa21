/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a peer is. */
#ifndef GRAIN_AGENT_ADDRESS_H
#define GRAIN_AGENT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct grain_address {
    bool unix_socket;
    char host[256]; /* or the path of the socket */
    char port[16];
};

/*
 * Read "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", a bare IPv6 address, or "unix:PATH"; `port` is for
 * those without one, NULL: there must be one. -EINVAL; grain_error() says why.
 */
int grain_address_read(struct grain_address *out, const char *text, const char *port);

/* A connected socket of this type (SOCK_DGRAM, SOCK_STREAM); the name is looked up, which may take
 * the resolver's time. A file descriptor, or -errno. */
int grain_address_connect(const struct grain_address *address, int type);

#endif
