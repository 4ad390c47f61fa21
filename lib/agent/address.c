// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../error_private.h"

static int read_port(struct grain_address *out, const char *text, const char *port)
{
    size_t digits = strspn(port, "0123456789");
    unsigned int number = 0;

    if (digits && digits <= 5 && !port[digits])
        for (const char *at = port; *at; at++)
            number = 10 * number + (unsigned int)(*at - '0');
    if (number < 1 || number > 65535)
        return grain_fail(-EINVAL, "%s: the port is a number from 1 to 65535", text);
    (void)snprintf(out->port, sizeof(out->port), "%u", number);
    return 0;
}

static int read_host(struct grain_address *out, const char *text, const char *host, size_t length)
{
    if (!length || length >= sizeof(out->host))
        return grain_fail(-EINVAL, "%s: expected HOST, HOST:PORT, [ADDRESS]:PORT or unix:PATH",
                          text);
    memcpy(out->host, host, length);
    out->host[length] = 0;
    return 0;
}

static int read_unix(struct grain_address *out, const char *text, const char *path)
{
    if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return grain_fail(-EINVAL, "%s: a Unix socket's path has from 1 to %zu bytes", text,
                          sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    out->unix_socket = true;
    (void)snprintf(out->host, sizeof(out->host), "%s", path);
    return 0;
}

int grain_address_read(struct grain_address *out, const char *text, const char *port)
{
    const char *colon = strrchr(text, ':'), *close = strrchr(text, ']');
    int error;

    *out = (struct grain_address){0};
    if (!strncmp(text, "unix:", 5))
        return read_unix(out, text, text + 5);
    if (*text == '[' && close) {
        error = read_host(out, text, text + 1, close - text - 1);
        if (!error && close[1] == ':')
            return read_port(out, text, close + 2);
        if (!error && close[1])
            error = grain_fail(-EINVAL, "%s: expected [ADDRESS]:PORT", text);
    } else if (colon && strchr(text, ':') == colon) {
        error = read_host(out, text, text, colon - text);
        return error ? error : read_port(out, text, colon + 1);
    } else {
        error = read_host(out, text, text, strlen(text));
    }
    if (error)
        return error;
    if (!port)
        return grain_fail(-EINVAL, "%s: the port is missing: expected HOST:PORT", text);
    return read_port(out, text, port);
}

static int connect_unix(const struct grain_address *address, int type)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0)
        return grain_fail(-errno, "cannot make a socket: %s", strerror(errno));
    memcpy(to.sun_path, address->host, strnlen(address->host, sizeof(to.sun_path) - 1));
    if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
        return fd;
    error = -errno;
    close(fd);
    return grain_fail(error, "unix:%s: %s", address->host, strerror(-error));
}

int grain_address_connect(const struct grain_address *address, int type)
{
    const struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int failed, error = -EHOSTUNREACH;

    if (address->unix_socket)
        return connect_unix(address, type);
    failed = getaddrinfo(address->host, address->port, &hints, &list);
    if (failed)
        return grain_fail(-EHOSTUNREACH, "%s: cannot look up: %s", address->host,
                          failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
    for (struct addrinfo *at = list; at; at = at->ai_next) {
        int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);

        if (fd >= 0 && !connect(fd, at->ai_addr, at->ai_addrlen)) {
            freeaddrinfo(list);
            return fd;
        }
        error = -errno;
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(list);
    return grain_fail(error, "%s port %s: %s", address->host, address->port, strerror(-error));
}
