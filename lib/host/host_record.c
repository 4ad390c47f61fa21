// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "host_private.h"

static size_t least_length(unsigned int type)
{
    switch (type) {
    case GRAIN_HOST_PROCESS:
        return sizeof(struct grain_host_process);
    case GRAIN_HOST_EXIT:
        return sizeof(struct grain_host_exit);
    case GRAIN_HOST_FILE:
        return sizeof(struct grain_host_file);
    case GRAIN_HOST_CONNECTION:
        return sizeof(struct grain_host_connection);
    case GRAIN_HOST_TRAFFIC:
        return sizeof(struct grain_host_traffic);
    default:
        return 0;
    }
}

/* How long its texts say that it is. */
static size_t said_length(const struct grain_host_header *header, size_t least)
{
    const struct grain_host_process *process = (const void *)header;
    const struct grain_host_file *file = (const void *)header;

    if (header->type == GRAIN_HOST_PROCESS)
        return least + process->exe_length + process->arguments_length + process->cgroup_length;
    if (header->type == GRAIN_HOST_FILE)
        return least + file->path_length + file->path2_length;
    return least;
}

int grain_host_record_check(const void *record, size_t length)
{
    const struct grain_host_header *header = record;
    size_t least;

    if (length < sizeof(*header) || header->version != GRAIN_HOST_VERSION ||
        header->length != length || header->way >= GRAIN_HOST_WAY_COUNT)
        return -EBADMSG;
    least = least_length(header->type);
    if (!least || length < least || said_length(header, least) != length)
        return -EBADMSG;
    if (header->type == GRAIN_HOST_FILE &&
        ((const struct grain_host_file *)record)->operation >= GRAIN_HOST_OP_COUNT)
        return -EBADMSG;
    return 0;
}
