// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard.h"

int guard_open(struct guard *g, size_t most)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (most + GUARD_BEFORE + page - 1) / page * page;

    g->map_length = inner + 2 * page;
    g->map = mmap(NULL, g->map_length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED)
        return -errno;
    g->from = g->map + page;
    g->to = g->from + inner;
    if (mprotect(g->from, inner, PROT_READ | PROT_WRITE)) {
        int error = -errno;

        guard_close(g);
        return error;
    }
    return 0;
}

void guard_close(struct guard *g)
{
    munmap(g->map, g->map_length);
}

static uint8_t *guard_put(struct guard *g, uint8_t *at, const void *bytes, size_t length)
{
    if (at - GUARD_BEFORE < g->from || at + length > g->to)
        abort();
    memset(at - GUARD_BEFORE, 0xa5, GUARD_BEFORE);
    if (length)
        memcpy(at, bytes, length);
    return at;
}

uint8_t *guard_put_last(struct guard *g, const void *bytes, size_t length)
{
    return guard_put(g, g->to - length, bytes, length);
}

uint8_t *guard_put_first(struct guard *g, const void *bytes, size_t length)
{
    return guard_put(g, g->from + GUARD_BEFORE, bytes, length);
}
