// SPDX-License-Identifier: GPL-2.0-or-later
// Frames of a capture, in memory. pcap.h and libbpf's headers cannot share a file.
#ifndef GRAIN_TESTS_VM_FRAMES_H
#define GRAIN_TESTS_VM_FRAMES_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t length;
    uint8_t *bytes;
};

struct frames {
    struct frame *list;
    size_t count;
};

// Appends the frames of an Ethernet capture. Returns 0, -EPROTONOSUPPORT for another link type, or
// -EINVAL when the file can't be read to its end (what could be read is kept).
int frames_read(struct frames *frames, const char *path);
void frames_free(struct frames *frames);

#endif
