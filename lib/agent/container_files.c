// SPDX-License-Identifier: GPL-2.0-only
#include "container_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#define ID_LEAST 12
#define ID_MOST  64
/* Of a folder: more entries are not looked at. */
#define ENTRIES_MOST 65536

typedef bool read_fn(struct grain_container_name *out, const json_t *object);

static read_fn read_docker, read_spec;

/* FOLDER/ID/[BELOW/]FILE, of one container each. */
static const struct {
    const char *folder, *below, *file;
    read_fn *read;
} folders[] = {
    {"/var/lib/docker/containers", NULL, "config.v2.json", read_docker},
    {"/run/containerd/io.containerd.runtime.v2.task/k8s.io", NULL, "config.json", read_spec},
    {"/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io", NULL, "config.json", read_spec},
    {"/run/containerd/io.containerd.runtime.v2.task/default", NULL, "config.json", read_spec},
    {"/run/containers/storage/overlay-containers", "userdata", "config.json", read_spec},
    {"/var/lib/containers/storage/overlay-containers", "userdata", "config.json", read_spec},
};

/* Lists of containers/storage, podman's: one for those with --rm, one for all others. */
static const char *const list_folders[] = {
    "/var/lib/containers/storage/overlay-containers",
    "/var/lib/containers/storage/vfs-containers",
    "/run/containers/storage/overlay-containers",
};
static const char *const list_files[] = {"containers.json", "volatile-containers.json"};

#define FOLDERS      (sizeof(folders) / sizeof(folders[0]))
#define LIST_FOLDERS (sizeof(list_folders) / sizeof(list_folders[0]))
#define LIST_FILES   (sizeof(list_files) / sizeof(list_files[0]))

bool grain_container_id_sound(const char *id)
{
    size_t length = strspn(id, "0123456789abcdef");

    return !id[length] && length >= ID_LEAST && length <= ID_MOST;
}

/* ---- texts ---- */

/* Cut at the end of a character: jansson has seen to it that they are UTF-8, without NUL. */
static bool put(char *out, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length >= size)
        for (length = size - 1; length && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    memcpy(out, text, length);
    out[length] = 0;
    return length;
}

/* The first of the keys that has a text. */
static bool put_first(char *out, size_t size, const json_t *object, const char *const *keys)
{
    for (; *keys; keys++) {
        const char *text = json_string_value(json_object_get(object, *keys));

        if (text && put(out, size, text))
            return true;
    }
    return false;
}

/* ---- forms ---- */

/* Labels and annotations of a container of Kubernetes, whoever made it. */
static bool read_labels(struct grain_container_name *out, const json_t *labels)
{
    static const char *const names[] = {"io.kubernetes.cri.container-name",
                                        "io.kubernetes.container.name", "nerdctl/name", NULL};
    static const char *const pods[] = {"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name",
                                       NULL};
    static const char *const namespaces[] = {"io.kubernetes.cri.sandbox-namespace",
                                             "io.kubernetes.pod.namespace", NULL};
    static const char *const images[] = {"io.kubernetes.cri.image-name",
                                         "io.kubernetes.cri-o.ImageName", NULL};
    bool found = put_first(out->name, sizeof(out->name), labels, names);

    found |= put_first(out->pod, sizeof(out->pod), labels, pods);
    found |= put_first(out->namespace, sizeof(out->namespace), labels, namespaces);
    found |= put_first(out->image, sizeof(out->image), labels, images);
    return found;
}

/* The runtime's specification (OCI), with annotations. */
static bool read_spec(struct grain_container_name *out, const json_t *object)
{
    return read_labels(out, json_object_get(object, "annotations"));
}

/* Docker's name begins with a slash; one that Kubernetes started has it in a label, too. */
static bool read_docker(struct grain_container_name *out, const json_t *object)
{
    const json_t *config = json_object_get(object, "Config");
    const char *name = json_string_value(json_object_get(object, "Name"));
    const char *image = json_string_value(json_object_get(config, "Image"));
    bool found = read_labels(out, json_object_get(config, "Labels"));

    if (name && !*out->name)
        found |= put(out->name, sizeof(out->name), *name == '/' ? name + 1 : name);
    if (image)
        found |= put(out->image, sizeof(out->image), image);
    return found;
}

/* An entry of a list: its metadata is JSON in a text. */
static bool read_entry(struct grain_container_name *out, const json_t *entry)
{
    static const char *const pods[] = {"pod-name", NULL};
    static const char *const images[] = {"image-name", NULL};
    const char *text = json_string_value(json_object_get(entry, "metadata"));
    const char *name = json_string_value(json_array_get(json_object_get(entry, "names"), 0));
    json_t *metadata = text ? json_loads(text, 0, NULL) : NULL;
    bool found = name && put(out->name, sizeof(out->name), name);

    found |= put_first(out->pod, sizeof(out->pod), metadata, pods);
    found |= put_first(out->image, sizeof(out->image), metadata, images);
    json_decref(metadata);
    return found;
}

/* ---- files ---- */

static json_t *load(int fd, size_t size)
{
    char *text = malloc(size);
    size_t length = 0;
    ssize_t got;
    json_t *object;

    if (!text)
        return NULL;
    while (length < size && (got = read(fd, text + length, size - length)) > 0)
        length += (size_t)got;
    object = json_loadb(text, length, 0, NULL);
    free(text);
    return object;
}

/* NULL: it is not there, not a plain file, too large, or not JSON. errno is left alone, or says why
 * it could not be opened. */
static json_t *load_file(int folder, const char *name, size_t most)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    json_t *object = NULL;
    struct stat stat;

    if (fd < 0)
        return NULL;
    if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) && stat.st_size > 0 &&
        (size_t)stat.st_size <= most)
        object = load(fd, (size_t)stat.st_size);
    close(fd);
    return object;
}

/* The folder itself may be a link: it is root's. */
static int open_folder(const char *root, const char *folder, int flags)
{
    char path[PATH_MAX];

    errno = 0;
    if (snprintf(path, sizeof(path), "%s%s", root, folder) >= (int)sizeof(path))
        return -1;
    return open(path, flags | O_DIRECTORY | O_CLOEXEC);
}

static int open_below(int folder, const char *name)
{
    return openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What one container's own file says. */
static bool read_one(struct grain_container_name *out, int folder, size_t form, const char *id,
                     const char **denied)
{
    int own, below = -1;
    json_t *object = NULL;
    bool found;

    errno = 0;
    own = open_below(folder, id);
    if (own >= 0 && folders[form].below)
        below = open_below(own, folders[form].below);
    if (own >= 0 && (below >= 0 || !folders[form].below))
        object = load_file(below >= 0 ? below : own, folders[form].file, GRAIN_CONTAINER_FILE_MAX);
    if (!object && errno == EACCES)
        *denied = folders[form].folder;
    memset(out, 0, sizeof(*out));
    found = object && folders[form].read(out, object);
    json_decref(object);
    if (below >= 0)
        close(below);
    if (own >= 0)
        close(own);
    return found;
}

static json_t *load_list(const char *root, size_t at, const char **denied)
{
    const char *name = list_folders[at / LIST_FILES];
    int folder = open_folder(root, name, O_PATH);
    json_t *list = NULL;

    if (folder >= 0)
        list = load_file(folder, list_files[at % LIST_FILES], GRAIN_CONTAINER_LIST_MAX);
    if (!list && errno == EACCES)
        *denied = name;
    if (folder >= 0)
        close(folder);
    return list;
}

static bool read_list(struct grain_container_name *out, const json_t *list, const char *id)
{
    size_t at;
    json_t *entry;

    json_array_foreach((json_t *)list, at, entry)
    {
        const char *own = json_string_value(json_object_get(entry, "id"));

        memset(out, 0, sizeof(*out));
        if (own && !strcmp(own, id))
            return read_entry(out, entry);
    }
    return false;
}

/* By its own file. */
static bool read_own(struct grain_container_name *out, const char *root, const char *id,
                     const char **denied)
{
    bool found = false;

    for (size_t i = 0; !found && i < FOLDERS; i++) {
        int folder = open_folder(root, folders[i].folder, O_PATH);

        if (folder < 0 && errno == EACCES)
            *denied = folders[i].folder;
        if (folder < 0)
            continue;
        found = read_one(out, folder, i, id, denied);
        close(folder);
    }
    return found;
}

bool grain_container_files_read(struct grain_container_name *out, const char *root, const char *id,
                                const char **denied)
{
    bool found;

    if (!grain_container_id_sound(id))
        return false;
    found = read_own(out, root, id, denied);
    for (size_t i = 0; !found && i < LIST_FOLDERS * LIST_FILES; i++) {
        json_t *list = load_list(root, i, denied);

        found = read_list(out, list, id);
        json_decref(list);
    }
    return found;
}

/* ---- all of them ---- */

static int each_of_folder(const char *root, size_t form, grain_container_fn fn, void *user,
                          const char **denied)
{
    int fd = open_folder(root, folders[form].folder, O_RDONLY), result = 0;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    struct grain_container_name name;

    if (!folder) {
        if (errno == EACCES)
            *denied = folders[form].folder;
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (int i = 0; !result && i < ENTRIES_MOST && (entry = readdir(folder)); i++)
        if (grain_container_id_sound(entry->d_name) &&
            read_one(&name, fd, form, entry->d_name, denied))
            result = fn(user, entry->d_name, &name);
    closedir(folder);
    return result;
}

/* CRI-O has lists as well, which know less of a container than its own file. */
static int each_of_list(const char *root, const json_t *list, grain_container_fn fn, void *user,
                        const char **denied)
{
    struct grain_container_name name;
    int result = 0;
    size_t at;
    json_t *entry;

    json_array_foreach((json_t *)list, at, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));

        if (result)
            break;
        if (!id || !grain_container_id_sound(id) || read_own(&name, root, id, denied))
            continue;
        memset(&name, 0, sizeof(name));
        if (read_entry(&name, entry))
            result = fn(user, id, &name);
    }
    return result;
}

int grain_container_files_each(const char *root, grain_container_fn fn, void *user,
                               const char **denied)
{
    int result = 0;

    for (size_t i = 0; !result && i < FOLDERS; i++)
        result = each_of_folder(root, i, fn, user, denied);
    for (size_t i = 0; !result && i < LIST_FOLDERS * LIST_FILES; i++) {
        json_t *list = load_list(root, i, denied);

        result = each_of_list(root, list, fn, user, denied);
        json_decref(list);
    }
    return result;
}

static uint64_t stamp_of(const char *root, const char *folder, const char *file)
{
    char path[PATH_MAX];
    struct stat found;

    if (snprintf(path, sizeof(path), "%s%s/%s", root, folder, file) >= (int)sizeof(path) ||
        stat(path, &found))
        return 0;
    return (uint64_t)found.st_mtim.tv_sec * 1000000000 + (uint64_t)found.st_mtim.tv_nsec +
           found.st_ino * 0x9e3779b97f4a7c15ULL;
}

uint64_t grain_container_files_stamp(const char *root)
{
    uint64_t stamp = 0;

    for (size_t i = 0; i < FOLDERS; i++)
        stamp = stamp * 31 + stamp_of(root, folders[i].folder, "");
    for (size_t i = 0; i < LIST_FOLDERS * LIST_FILES; i++)
        stamp =
            stamp * 31 + stamp_of(root, list_folders[i / LIST_FILES], list_files[i % LIST_FILES]);
    return stamp;
}
