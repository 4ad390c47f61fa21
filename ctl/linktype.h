/* SPDX-License-Identifier: GPL-2.0-only */
/* Link types of captures, and how their frames become frames that grain reads. */
#ifndef GRAIN_CTL_LINKTYPE_H
#define GRAIN_CTL_LINKTYPE_H

#include <stdbool.h>
#include <stddef.h>

#include <grain/engine.h>

#include "capture.h"

struct link_type;

/* NULL: grain does not read this type. */
const struct link_type *link_type_find(int number);

/* Do its frames run with an Ethernet header (their own or a made-up one), or from layer 3 on? */
bool link_type_ethernet(const struct link_type *link);

/* Room for a frame with another header; starts out as all zeros. */
struct link_buffer {
    uint8_t *bytes;
    size_t size;
};

void link_buffer_free(struct link_buffer *buffer);

/*
 * A frame as grain reads it; `out` points into `in` or into `buffer`. A frame shorter than its link
 * header becomes one of no bytes, so that it is counted as truncated.
 */
void link_frame(const struct link_type *link, struct link_buffer *buffer,
                const struct capture_frame *in, struct grain_frame *out);

#endif
