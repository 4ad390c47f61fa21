// SPDX-License-Identifier: GPL-2.0-only
/* Whose the files are. Nothing here opens the database: closing it again would drop SQLite's locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <error_private.h>

#include "history.h"

#define DAMAGED_MAX 3 /* older ones give way */

static const char *const companions[] = {"", "-wal", "-shm", "-journal"};

static int check_directory(const char *directory)
{
    struct stat stat;

    if (mkdir(directory, 0700) && errno != EEXIST)
        return grain_fail(-errno, "%s: cannot be made: %s", directory, strerror(errno));
    if (lstat(directory, &stat))
        return grain_fail(-errno, "%s: %s", directory, strerror(errno));
    if (!S_ISDIR(stat.st_mode))
        return grain_fail(-ENOTDIR, "%s: not a directory; the history needs one of its own",
                          directory);
    if (stat.st_uid != geteuid() && stat.st_uid)
        return grain_fail(-EPERM,
                          "%s: belongs to user %u, who could replace the history; "
                          "choose another directory",
                          directory, stat.st_uid);
    if (stat.st_mode & (S_IWGRP | S_IWOTH))
        return grain_fail(-EPERM,
                          "%s: others may write there (mode %03o); chmod go-w, or choose "
                          "another directory",
                          directory, stat.st_mode & 0777);
    return 0;
}

static int check_file(const char *path)
{
    struct stat stat;

    if (lstat(path, &stat))
        return errno == ENOENT ? 0 : grain_fail(-errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(stat.st_mode) || stat.st_nlink != 1)
        return grain_fail(-EPERM, "%s: %s; the history is a plain file with one name", path,
                          S_ISLNK(stat.st_mode)   ? "a symbolic link"
                          : S_ISREG(stat.st_mode) ? "has several names"
                                                  : "not a file");
    if (stat.st_uid != geteuid())
        return grain_fail(-EPERM, "%s: belongs to user %u, not to %u, who writes the history", path,
                          stat.st_uid, geteuid());
    if (stat.st_mode & 0077)
        return grain_fail(-EPERM, "%s: others may read or write it (mode %03o); chmod 600 it first",
                          path, stat.st_mode & 0777);
    return 0;
}

/* SQLite gives its companions the mode of the database: it must be there before. */
static int make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0 : grain_fail(-errno, "%s: %s", path, strerror(errno));
    close(fd);
    return 0;
}

/* The lock also tells a history that was damaged from a file that never was one. */
static int take_lock(const char *path, int *lock, bool *known)
{
    char name[4096];
    int error;

    (void)snprintf(name, sizeof(name), "%s.lock", path);
    error = check_file(name);
    if (error)
        return error;
    *known = !access(name, F_OK);
    *lock = open(name, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*lock < 0)
        return grain_fail(-errno, "%s: %s", name, strerror(errno));
    if (!flock(*lock, LOCK_EX | LOCK_NB))
        return 0;
    error = errno == EWOULDBLOCK ? -EBUSY : -errno;
    close(*lock);
    *lock = -1;
    return grain_fail(error, "%s: %s", path,
                      error == -EBUSY ? "another process writes this history" : strerror(-error));
}

int grain_history_claim(const char *path, int *lock, bool *known)
{
    char name[4096], *slash;
    int error;

    if (strlen(path) > sizeof(name) - 32)
        return grain_fail(-ENAMETOOLONG, "%.64s...: too long for a history", path);
    (void)snprintf(name, sizeof(name), "%s", path);
    slash = strrchr(name, '/');
    if (slash)
        slash[slash == name] = 0;
    error = check_directory(slash ? name : ".");
    for (size_t i = 0; !error && i < sizeof(companions) / sizeof(companions[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, companions[i]);
        error = check_file(name);
    }
    if (!error)
        error = take_lock(path, lock, known);
    if (!error)
        error = make_file(path);
    return error;
}

/* The first number that is free, or the one that has been there longest. */
static int damaged_number(const char *path)
{
    time_t oldest = 0;
    int number = 1;

    for (int i = 1; i <= DAMAGED_MAX; i++) {
        char name[4200];
        struct stat stat;

        (void)snprintf(name, sizeof(name), "%s.damaged.%d", path, i);
        if (lstat(name, &stat))
            return i;
        if (i == 1 || stat.st_mtime < oldest) {
            oldest = stat.st_mtime;
            number = i;
        }
    }
    return number;
}

int grain_history_move_aside(const char *path)
{
    int number = damaged_number(path);

    for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        char from[4200], to[4200];

        (void)snprintf(from, sizeof(from), "%s%s", path, companions[i]);
        (void)snprintf(to, sizeof(to), "%s.damaged.%d%s", path, number, companions[i]);
        (void)unlink(to);
        if (rename(from, to) && errno != ENOENT)
            return grain_fail(-errno, "%s: damaged, and cannot be moved to %s: %s", from, to,
                              strerror(errno));
    }
    return make_file(path);
}
