/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines to a stream, which takes nothing back: standard output, or a Unix stream socket.
 *
 * What standard output took is delivered; a line that it took half of is finished with the next
 * write. A socket's peer has got what it has read: a delivery is done when nothing is unread and
 * the connection stands. Of a connection that breaks before, nobody knows how much was read, and
 * the delivery is made once more with the next one: its lines may come twice.
 */
#ifndef GRAIN_AGENT_OUT_STREAM_H
#define GRAIN_AGENT_OUT_STREAM_H

#include "address.h"
#include "lines.h"

/* Starts as zeros with fd = -1 (or 1 for standard output) and the address. */
struct grain_out_stream {
    bool socket; /* of `address`; otherwise fd, which is not closed */
    struct grain_address address;
    int fd;
    char *torn; /* the line that was cut, all of it */
    size_t torn_length, torn_at;
};

/* Lines as grain_lines_fill gave them. */
int grain_out_stream_write(struct grain_out_stream *stream, struct grain_lines *lines,
                           struct grain_delivery *delivery);

/* After the last lines of a delivery. */
int grain_out_stream_end(struct grain_out_stream *stream, struct grain_delivery *delivery);

/* The connection; the next write makes another one. */
void grain_out_stream_close(struct grain_out_stream *stream);

void grain_out_stream_free(struct grain_out_stream *stream);

#endif
