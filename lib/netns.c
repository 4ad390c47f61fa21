// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces are known by their inode number; one is found again by its name or by a
 * process that lives in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices.h"

static uint64_t number_of(const char *path)
{
    struct stat namespace;

    return stat(path, &namespace) ? 0 : namespace.st_ino;
}

uint64_t grain_netns_own(void)
{
    return number_of("/proc/thread-self/ns/net");
}

/* An entry of `folder`, with `below` behind its name, that is the namespace; -ENOENT. */
static int search(const char *folder, const char *below, uint64_t number_wanted)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int fd = -ENOENT;

    while (entries && fd < 0 && (entry = readdir(entries))) {
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s%s", folder, entry->d_name, below);
        if (*entry->d_name != '.' && number_of(path) == number_wanted) {
            fd = open(path, O_RDONLY | O_CLOEXEC);
            fd = fd < 0 ? -ENOENT : fd;
        }
    }
    if (entries)
        (void)closedir(entries);
    return fd;
}

int grain_netns_enter(uint64_t number_wanted, int *back)
{
    int fd, error = 0;

    *back = -1;
    if (number_wanted == grain_netns_own())
        return 0;
    fd = search("/run/netns", "", number_wanted);
    if (fd < 0)
        fd = search("/proc", "/ns/net", number_wanted);
    if (fd < 0)
        return fd;
    *back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (*back < 0 || setns(fd, CLONE_NEWNET))
        error = -errno;
    close(fd);
    if (error && *back >= 0) {
        close(*back);
        *back = -1;
    }
    return error;
}

void grain_netns_leave(int back)
{
    if (back < 0)
        return;
    (void)setns(back, CLONE_NEWNET);
    close(back);
}
