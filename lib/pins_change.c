// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making, locking and removing the pinned set of maps.
 *
 * The record of the ABI is pinned last and unpinned first: a directory without it is one that a
 * killed command has left, and nothing is attached to it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error_private.h"
#include "lock_private.h"
#include "pins_private.h"

#define LOCK_POLL_NS 50000000

static int tell_busy(const struct grain_pinned *pinned, unsigned int seconds)
{
    char who[64];

    grain_lock_holder(pinned->lock, who, sizeof(who));
    return grain_fail(-EBUSY, "%s: %s has been changing it for %u s; try again", pinned->directory,
                      who, seconds);
}

/* Is the locked directory still the one of that name? */
static bool still_there(const struct grain_pinned *pinned)
{
    struct stat locked, named;

    return !fstat(pinned->lock, &locked) && !stat(pinned->directory, &named) &&
           locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

/* Who may rename or remove what is in a folder decides what grain finds there. */
static int check_owner(const char *path)
{
    struct stat folder;

    if (stat(path, &folder))
        return errno == ENOENT ? 0 : grain_fail(-errno, "%s: %s", path, strerror(errno));
    if (folder.st_uid && folder.st_uid != geteuid())
        return grain_fail(-EPERM,
                          "%s belongs to user %u, who could replace what is pinned in it: give it "
                          "to root, or choose another --pin-root",
                          path, folder.st_uid);
    if ((folder.st_mode & S_IWOTH) && !(folder.st_mode & S_ISVTX))
        return grain_fail(-EPERM,
                          "%s may be written by everybody, who could replace what is pinned in "
                          "it: chmod o-w it, or choose another --pin-root",
                          path);
    return 0;
}

static int check_owners(const struct grain_pinned *pinned)
{
    char root[PATH_MAX];
    char *slash;
    int error;

    memcpy(root, pinned->directory, sizeof(root));
    slash = strrchr(root, '/');
    if (!slash || slash == root)
        return check_owner(pinned->directory);
    *slash = '\0';
    error = check_owner(root);
    return error ? error : check_owner(pinned->directory);
}

static int wait_for_lock(const struct grain_pinned *pinned, unsigned int seconds)
{
    const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
    uint64_t turns = seconds * (1000000000ULL / LOCK_POLL_NS);

    while (flock(pinned->lock, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return grain_fail(-errno, "%s: cannot lock: %s", pinned->directory, strerror(errno));
        if (!turns--)
            return tell_busy(pinned, seconds);
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

int grain_pinned_lock(struct grain_pinned *pinned, unsigned int seconds)
{
    int error;

    for (;;) {
        pinned->lock = open(pinned->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (pinned->lock < 0 && errno == ENOENT)
            return grain_fail(-ENOENT, "nothing is attached: there is no %s", pinned->directory);
        if (pinned->lock < 0)
            return grain_fail(-errno, "%s: %s", pinned->directory, strerror(errno));
        error = check_owners(pinned);
        if (!error)
            error = wait_for_lock(pinned, seconds);
        if (error || still_there(pinned))
            return error;
        /* Whoever held the lock has removed the directory. */
        close(pinned->lock);
        pinned->lock = -1;
    }
}

static int remove_file(const struct grain_pinned *pinned, const char *name)
{
    char path[PATH_MAX];
    int error = grain_pinned_path(path, sizeof(path), pinned, name);

    if (!error && unlink(path) && errno != ENOENT)
        error = -errno;
    return error ? grain_fail(error, "%s/%s: cannot remove: %s", pinned->directory, name,
                              strerror(-error))
                 : 0;
}

/* Remove a folder of pins with what is in it. */
static int remove_folder(const struct grain_pinned *pinned, const char *name)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *folder;
    int fd, error = grain_pinned_path(path, sizeof(path), pinned, name);

    if (error)
        return error;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        error = errno == ENOENT ? 0 : -errno;
        if (fd >= 0)
            close(fd);
        return error ? grain_fail(error, "%s: cannot open: %s", path, strerror(-error)) : 0;
    }
    while ((entry = readdir(folder)))
        if (*entry->d_name != '.' && unlinkat(dirfd(folder), entry->d_name, 0) && !error)
            error = -errno;
    (void)closedir(folder);
    if (!error && rmdir(path) && errno != ENOENT)
        error = -errno;
    return error ? grain_fail(error, "%s: cannot remove: %s", path, strerror(-error)) : 0;
}

static int remove_maps(const struct grain_pinned *pinned)
{
    int error = remove_file(pinned, GRAIN_PIN_ABI);

    if (!error)
        error = remove_folder(pinned, GRAIN_PIN_LINKS);
    if (!error)
        error = remove_folder(pinned, GRAIN_PIN_PROGRAMS);
    if (!error)
        error = remove_file(pinned, GRAIN_PIN_SOURCES);
    for (int i = 0; !error && i < GRAIN_PINNED_MAP_COUNT; i++)
        error = remove_file(pinned, grain_pinned_files[i]);
    return error;
}

int grain_pinned_remove(struct grain_pinned *pinned)
{
    char root[PATH_MAX];
    char *slash;
    int error = remove_maps(pinned);

    if (error)
        return error;
    if (rmdir(pinned->directory) && errno != ENOENT)
        return grain_fail(-errno, "%s: cannot remove: %s", pinned->directory, strerror(errno));
    /* The root too, if nothing else is in it. */
    memcpy(root, pinned->directory, sizeof(root));
    slash = strrchr(root, '/');
    if (slash && slash != root) {
        *slash = '\0';
        (void)rmdir(root);
    }
    return 0;
}

static int change(struct grain_pinned *pinned, unsigned int seconds)
{
    int error = grain_pinned_lock(pinned, seconds);

    if (error)
        return error;
    if (grain_pinned_complete(pinned))
        return grain_pinned_load(pinned);
    error = grain_pinned_remove(pinned);
    return error ? error
                 : grain_fail(-ENOENT, "nothing is attached: there is no %s", pinned->directory);
}

int grain_pinned_change(struct grain_pinned **out, const char *root, unsigned int seconds)
{
    struct grain_pinned *pinned = grain_pinned_alloc(root);
    int error;

    if (!pinned)
        return grain_fail(-ENAMETOOLONG, "%s: too long for a pin root", grain_pinned_root(root));
    error = change(pinned, seconds);
    if (error)
        grain_pinned_free(pinned);
    else
        *out = pinned;
    return error;
}

static int create(struct grain_pinned *pinned, const char *root, unsigned int seconds,
                  const struct grain_table_sizes *sizes, bool *created)
{
    int error;

    /* Another command may remove the directory between the two steps. */
    do {
        error = grain_pinned_make_directory(pinned, root);
        if (error)
            return error;
        error = grain_pinned_lock(pinned, seconds);
    } while (error == -ENOENT);
    if (error)
        return error;
    *created = !grain_pinned_complete(pinned);
    if (!*created)
        return grain_pinned_load(pinned);
    error = remove_maps(pinned);
    if (!error)
        error = grain_pinned_make_maps(pinned, sizes);
    if (!error)
        error = grain_pinned_load(pinned);
    if (error) {
        char why[512];

        (void)snprintf(why, sizeof(why), "%s", grain_error());
        (void)grain_pinned_remove(pinned);
        (void)grain_fail(error, "%s", why);
    }
    return error;
}

int grain_pinned_create(struct grain_pinned **out, const char *root, unsigned int seconds,
                        const struct grain_table_sizes *sizes, bool *created)
{
    struct grain_pinned *pinned = grain_pinned_alloc(root);
    int error;

    if (!pinned)
        return grain_fail(-ENAMETOOLONG, "%s: too long for a pin root", grain_pinned_root(root));
    error = create(pinned, grain_pinned_root(root), seconds, sizes, created);
    if (error)
        grain_pinned_free(pinned);
    else
        *out = pinned;
    return error;
}
