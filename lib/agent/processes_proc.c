// SPDX-License-Identifier: GPL-2.0-only
/* What /proc says of one process. It may end at any moment: what is half read is not taken. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes_private.h"

/* Up to `size` bytes; 0: there are none, or it is gone. */
static size_t slurp(int folder, const char *name, char *out, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;

    if (fd < 0)
        return 0;
    while (length < size && (got = read(fd, out + length, size - length)) > 0)
        length += (size_t)got;
    close(fd);
    return length;
}

/* "PID (COMM) STATE PPID ... START": the comm may hold anything, brackets too. */
static bool read_stat(struct process_seen *out, int folder)
{
    char text[1024], *open, *close_, *at;
    size_t length = slurp(folder, "stat", text, sizeof(text) - 1);

    text[length] = 0;
    open = strchr(text, '(');
    close_ = strrchr(text, ')');
    if (!open || !close_ || close_ < open || strlen(close_) < 5)
        return false;
    (void)snprintf(out->comm, sizeof(out->comm), "%.*s", (int)(close_ - open - 1), open + 1);
    at = close_ + 4;
    out->ppid = (uint32_t)strtoul(at, &at, 10);
    /* The start is field 22, the parent field 4. */
    for (int field = 4; field < 21 && at; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return false;
    out->start_ns = strtoull(at, NULL, 10) * PROCESS_TICK_NS;
    return true;
}

/* "Uid: REAL EFFECTIVE ...": newlines in the comm are escaped there. */
static uint32_t effective(const char *status, const char *key)
{
    const char *at = strstr(status, key);
    char *end;

    if (!at)
        return UINT32_MAX;
    (void)strtoul(at + strlen(key), &end, 10);
    return (uint32_t)strtoul(end, NULL, 10);
}

static bool read_status(struct process_seen *out, int folder)
{
    char text[4096];
    size_t length = slurp(folder, "status", text, sizeof(text) - 1);

    text[length] = 0;
    out->uid = effective(text, "\nUid:\t");
    out->gid = effective(text, "\nGid:\t");
    return length;
}

static void read_texts(struct process_seen *out, int folder)
{
    static const char deleted[] = " (deleted)";
    ssize_t length = readlinkat(folder, "exe", out->exe_room, sizeof(out->exe_room));
    size_t size = length > 0 ? (size_t)length : 0;

    if (size > sizeof(deleted) &&
        !memcmp(out->exe_room + size - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1))
        size -= sizeof(deleted) - 1;
    out->exe = (struct process_text){out->exe_room, size};
    size = slurp(folder, "cmdline", out->arguments_room, sizeof(out->arguments_room));
    out->arguments = (struct process_text){out->arguments_room, size};
    size = slurp(folder, "cgroup", out->cgroup_room, sizeof(out->cgroup_room));
    (void)grain_container_of_lines(&out->container, out->cgroup_room, size, &out->cgroup.bytes,
                                   &out->cgroup.length);
}

bool process_look(struct process_seen *out, const char *proc, uint32_t pid)
{
    char path[64];
    bool found;
    int folder;

    (void)snprintf(path, sizeof(path), "%s/%u", proc, pid);
    folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    found = read_stat(out, folder) && read_status(out, folder);
    if (found)
        read_texts(out, folder);
    close(folder);
    return found;
}
