// SPDX-License-Identifier: GPL-2.0-only
#include "host_private.h"

#define NAME_AT(names, i) ((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : NULL)

const char *grain_host_way_name(unsigned int way)
{
    static const char *const names[] = {
#define X(ID, name) name,
        GRAIN_HOST_WAYS(X)
#undef X
    };

    return NAME_AT(names, way);
}

const char *grain_host_probe_name(unsigned int probe)
{
    static const char *const names[] = {
#define X(ID, name, text) name,
        GRAIN_HOST_PROBES(X)
#undef X
    };

    return NAME_AT(names, probe);
}

const char *grain_host_operation_name(unsigned int operation)
{
    static const char *const names[] = {
#define X(ID, number, name) [number] = (name),
        GRAIN_HOST_OPERATIONS(X)
#undef X
    };

    return NAME_AT(names, operation);
}

const char *grain_host_counter_name(unsigned int counter)
{
    static const char *const names[] = {
#define X(ID, loss, name) name,
        GRAIN_HOST_COUNTERS(X)
#undef X
    };

    return NAME_AT(names, counter);
}

bool grain_host_counter_is_loss(unsigned int counter)
{
    static const bool losses[] = {
#define X(ID, loss, name) loss,
        GRAIN_HOST_COUNTERS(X)
#undef X
    };

    return counter < GRAIN_HOST_COUNTER_COUNT && losses[counter];
}

const char *grain_host_blind(enum grain_host_probe probe, enum grain_host_way way, size_t i)
{
    const struct host_probe_ops *ops = grain_host_ops(probe);
    const char *const *list =
        ops && (unsigned int)way < GRAIN_HOST_WAY_COUNT ? ops->blind[way] : NULL;

    for (size_t at = 0; list && list[at]; at++)
        if (at == i)
            return list[at];
    return NULL;
}
