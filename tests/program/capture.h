/* SPDX-License-Identifier: GPL-2.0-only */
/* Captures: testdata/, and a corpus beside the checkout where there is one. */
#ifndef GRAIN_TEST_CAPTURE_H
#define GRAIN_TEST_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#define CAPTURE_ETHERNET 1
#define CAPTURE_NULL     0
#define CAPTURE_RAW      101 /* all the numbers of raw IP are given as this one */
#define CAPTURE_COOKED   113
#define CAPTURE_COOKED2  276

struct capture_packet {
    uint8_t *data;
    uint32_t captured;
    uint32_t wire;
    uint64_t time_ns;
};

struct capture {
    int link;
    struct capture_packet *packets;
    size_t count;
};

/* What can be read of a file; a torn end ends it. -1: not a capture. */
int capture_read(struct capture *out, const char *path);
void capture_free(struct capture *capture);

/* Bytes in front of the IP header when there is no Ethernet header; -1: another link type. */
int capture_link_header(int link);

/*
 * Call `fn` for each capture. The first directory must be there; a missing corpus is said aloud.
 * Returns how many there were.
 */
size_t capture_each(void (*fn)(const char *path, const struct capture *capture, void *user),
                    void *user);

#endif
