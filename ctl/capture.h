/* SPDX-License-Identifier: GPL-2.0-only */
/* Captures: pcap and pcapng files and streams, by libpcap. Its headers stay in capture.c: they
 * clash with those of BPF. */
#ifndef GRAIN_CTL_CAPTURE_H
#define GRAIN_CTL_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_ERROR_MAX 320

struct capture;

struct capture_frame {
    const uint8_t *data; /* until the next call */
    uint32_t captured_length;
    uint32_t wire_length; /* not less than captured_length */
    uint64_t time_ns;     /* since the epoch */
    uint64_t number;      /* from 1 */
};

/*
 * Open a file, or standard input for "-". A FIFO is read like standard input: the call waits for a
 * writer. 0, or -1 with the reason in `error`; `*out` is then left alone.
 */
int capture_open(struct capture **out, const char *path, char error[CAPTURE_ERROR_MAX]);
void capture_close(struct capture *capture); /* takes NULL */

/* libpcap's number for the link type (DLT), and its name. */
int capture_link(const struct capture *capture);
const char *capture_link_name(const struct capture *capture);

/* 1: a frame; 0: the end; -1: the rest cannot be read, capture_error() says why. */
int capture_next(struct capture *capture, struct capture_frame *out);
const char *capture_error(const struct capture *capture);

/* True for a pipe or a terminal that has nothing to read just now: time to show what there is. */
bool capture_waits(const struct capture *capture);

#endif
