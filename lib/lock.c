// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lock_private.h"

/* From /proc/locks; 0: unknown. */
static int holder_of(const struct stat *locked)
{
    FILE *locks = fopen("/proc/locks", "re");
    unsigned int major, minor;
    char line[256];
    uint64_t inode;
    int pid, holder = 0;

    while (locks && !holder && fgets(line, sizeof(line), locks)) {
        /* NOLINTNEXTLINE(cert-err34-c): numbers that the kernel has written */
        if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%" SCNu64, &pid, &major, &minor, &inode) ==
                4 &&
            inode == locked->st_ino && makedev(major, minor) == locked->st_dev)
            holder = pid;
    }
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
