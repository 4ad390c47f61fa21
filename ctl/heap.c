// SPDX-License-Identifier: GPL-2.0-only
#include "heap.h"

#include <malloc.h>

#define LARGE_BYTES (128 << 10)

/*
 * Left to itself, the allocator raises both limits, up to 32 MiB and twice that, to the largest
 * piece that was ever freed, and so keeps what one busy collection took. Each sink's thread would
 * have a heap of its own that does the same.
 */
void heap_stay_small(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}
