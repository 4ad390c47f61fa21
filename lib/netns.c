// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces are known by their inode number; one is found again by its name, by a process
 * that lives in it, or by a mount that keeps it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int open_namespace(const char *path, uint64_t number_wanted)
{
    int fd = number_of(path) == number_wanted ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    return fd < 0 ? -ENOENT : fd;
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
        if (*entry->d_name != '.')
            fd = open_namespace(path, number_wanted);
    }
    if (entries)
        (void)closedir(entries);
    return fd;
}

/* Blanks and backslashes in the kernel's lists of mounts are written as three octal digits. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && isdigit((unsigned char)from[1]) && isdigit((unsigned char)from[2]) &&
            isdigit((unsigned char)from[3])) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Where a line of mountinfo says that `root` is mounted; NULL: it is something else's. The fields
 * are: number, parent, device, root, mount point, and more. */
static char *mounted_at(char *line, const char *root)
{
    char *rest = line, *field = NULL;

    for (int i = 0; i < 4; i++)
        field = strtok_r(i ? NULL : line, " ", &rest);
    if (!field || strcmp(field, root))
        return NULL;
    field = strtok_r(NULL, " ", &rest);
    if (field)
        unescape(field);
    return field;
}

/* A mount of the namespace, wherever it is; -ENOENT. */
static int search_mounts(uint64_t number_wanted)
{
    FILE *mounts = fopen("/proc/thread-self/mountinfo", "re");
    char root[32], *line = NULL;
    size_t size = 0;
    int fd = -ENOENT;

    (void)snprintf(root, sizeof(root), "net:[%" PRIu64 "]", number_wanted);
    while (mounts && fd < 0 && getline(&line, &size, mounts) > 0) {
        const char *path = mounted_at(line, root);

        if (path)
            fd = open_namespace(path, number_wanted);
    }
    free(line);
    if (mounts)
        (void)fclose(mounts);
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
        fd = search_mounts(number_wanted);
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
