// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host_cgroup.h"

/* Of <linux/mount.h>, which older C libraries cannot include beside <sys/mount.h>. */
#define CLOEXEC        1U
#define COMMAND_CREATE 6U

static int open_mounted(void)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    const struct mntent *entry;
    int fd = -ENOENT;

    if (!mounts)
        return -errno;
    while (fd < 0 && (entry = getmntent(mounts)))
        if (!strcmp(entry->mnt_type, "cgroup2")) {
            fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0)
                fd = -errno;
        }
    endmntent(mounts);
    return fd;
}

/* A mount that is nowhere to be seen, and gone with its descriptor. */
static int open_detached(void)
{
    int context = (int)syscall(SYS_fsopen, "cgroup2", CLOEXEC);
    int fd;

    if (context < 0)
        return -errno;
    fd = (int)syscall(SYS_fsconfig, context, COMMAND_CREATE, NULL, NULL, 0);
    if (!fd)
        fd = (int)syscall(SYS_fsmount, context, CLOEXEC, 0);
    if (fd < 0)
        fd = -errno;
    close(context);
    return fd;
}

int grain_host_cgroup_root(void)
{
    int fd = open_mounted();

    return fd < 0 ? open_detached() : fd;
}
