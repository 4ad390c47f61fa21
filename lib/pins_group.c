// SPDX-License-Identifier: GPL-2.0-only
/*
 * Letting a group read the set of maps.
 *
 * The group may read all maps and write to one: who reads events puts its rings into the map of
 * events. Folders cannot be written to by it, so that nothing is replaced; programs and links, by
 * which one could detach, stay root's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error_private.h"
#include "pins_private.h"

#define FOLDER_MODE 0750
#define MAP_MODE    0640
#define EVENTS_MODE 0660

static int give_path(const char *path, gid_t group, mode_t mode)
{
    if (lchown(path, (uid_t)-1, group) || chmod(path, mode))
        return grain_fail(-errno, "%s: cannot give it to group %u: %s", path, group,
                          strerror(errno));
    return 0;
}

static int give_entry(const struct grain_pinned *pinned, const char *name, gid_t group, mode_t mode)
{
    char path[PATH_MAX];

    if (grain_pinned_path(path, sizeof(path), pinned, name))
        return grain_fail(-ENAMETOOLONG, "%s: the name is too long", pinned->directory);
    return give_path(path, group, mode);
}

static bool passes(const struct stat *folder, gid_t group)
{
    return folder->st_mode & (folder->st_gid == group ? S_IXGRP : S_IXOTH);
}

/* The folder above the set, unless it is where the file system is mounted, or lets the group pass
 * already. */
static int give_root(const struct grain_pinned *pinned, gid_t group)
{
    char root[PATH_MAX], above[PATH_MAX + 4];
    struct stat folder, parent;
    char *slash;

    memcpy(root, pinned->directory, sizeof(root));
    slash = strrchr(root, '/');
    if (!slash || slash == root)
        return 0;
    *slash = '\0';
    (void)snprintf(above, sizeof(above), "%s/..", root);
    if (stat(root, &folder) || stat(above, &parent))
        return grain_fail(-errno, "%s: %s", root, strerror(errno));
    if (folder.st_dev != parent.st_dev || passes(&folder, group))
        return 0;
    return give_path(root, group, FOLDER_MODE);
}

int grain_pinned_give(const struct grain_pinned *pinned, uint32_t group)
{
    int error = give_entry(pinned, GRAIN_PIN_ABI, group, MAP_MODE);

    if (!error)
        error = give_entry(pinned, GRAIN_PIN_SOURCES, group, MAP_MODE);
    for (int i = 0; !error && i < GRAIN_PINNED_MAP_COUNT; i++)
        error = give_entry(pinned, grain_pinned_files[i], group,
                           i == GRAIN_PINNED_grain_events ? EVENTS_MODE : MAP_MODE);
    if (!error)
        error = give_entry(pinned, GRAIN_PIN_READER, group, FOLDER_MODE);
    /* Folders from below: whoever can enter finds everything readable. */
    if (!error)
        error = give_path(pinned->directory, group, FOLDER_MODE);
    return error ? error : give_root(pinned, group);
}

bool grain_pinned_barred(const struct grain_pinned *pinned, uint32_t group, char *out, size_t size)
{
    char path[PATH_MAX];
    struct stat folder;
    char *slash;

    memcpy(path, pinned->directory, sizeof(path));
    while ((slash = strrchr(path, '/'))) {
        slash[slash == path] = '\0';
        if (!stat(path, &folder) && !passes(&folder, group)) {
            (void)snprintf(out, size, "%s", path);
            return true;
        }
        if (slash == path)
            break;
    }
    return false;
}
