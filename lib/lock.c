// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lock_private.h"

/* The holder in a line of /proc/locks such as "1: FLOCK  ADVISORY  WRITE 123 00:1c:456 0 EOF" when
 * that is about this inode; otherwise 0. */
static int holder_in(char *line, const struct stat *locked)
{
    char *field[6] = {NULL}, *rest = line, *end;
    unsigned long pid, major, minor;

    for (int i = 0; i < 6; i++)
        field[i] = strtok_r(i ? NULL : line, " \n", &rest);
    if (!field[5] || strcmp(field[1], "FLOCK") || strcmp(field[3], "WRITE"))
        return 0;
    pid = strtoul(field[4], NULL, 10);
    major = strtoul(field[5], &end, 16);
    minor = *end == ':' ? strtoul(end + 1, &end, 16) : 0;
    if (*end != ':' || strtoull(end + 1, NULL, 10) != locked->st_ino ||
        makedev(major, minor) != locked->st_dev || pid > INT_MAX)
        return 0;
    return (int)pid;
}

/* 0: unknown. */
static int holder_of(const struct stat *locked)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[256];
    int holder = 0;

    while (locks && !holder && fgets(line, sizeof(line), locks))
        holder = holder_in(line, locked);
    if (locks)
        (void)fclose(locks);
    return holder;
}

static void read_name(int pid, char *out, size_t size)
{
    char path[64];
    ssize_t length;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? 0 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[length > 0 ? length : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

void grain_lock_holder(int fd, char *out, size_t size)
{
    struct stat locked;
    int pid = fstat(fd, &locked) ? 0 : holder_of(&locked);
    char name[32] = "";

    if (pid > 0)
        read_name(pid, name, sizeof(name));
    if (pid > 0)
        (void)snprintf(out, size, "process %d (%s)", pid, *name ? name : "gone");
    else
        (void)snprintf(out, size, "another process");
}
