// SPDX-License-Identifier: GPL-2.0-only
/* Where pins can live, and the maps as the shipping program declares them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/limits.h>

#include "engine_private.h"
#include "error_private.h"
#include "grain_xdp.skel.h"
#include "pins_private.h"
#include "quiet.h"

#define BPFFS "/sys/fs/bpf"

static bool on_bpffs(const char *path)
{
    struct statfs system;

    return !statfs(path, &system) && (uint32_t)system.f_type == BPF_FS_MAGIC;
}

/* The parent of a process; 0: unknown. */
static unsigned long parent_of(unsigned long pid)
{
    char path[64], text[512];
    const char *behind;
    ssize_t length;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    /* PID (NAME) STATE PARENT: the name may hold anything. */
    behind = strrchr(text, ')');
    return behind && strlen(behind) > 4 ? strtoul(behind + 4, NULL, 10) : 0;
}

/* Does what this process mounts outlive it? In a mount namespace made for one command it does not,
 * and the pins would go with it. Then one of the processes above lives in another. */
static bool mounts_last(void)
{
    struct stat own, above;
    char path[64];

    if (stat("/proc/self/ns/mnt", &own))
        return true;
    for (unsigned long pid = getppid(); pid; pid = parent_of(pid)) {
        (void)snprintf(path, sizeof(path), "/proc/%lu/ns/mnt", pid);
        if (!stat(path, &above) && above.st_ino != own.st_ino)
            return false;
    }
    return true;
}

static int mount_bpffs(const char *root)
{
    if (strncmp(root, BPFFS "/", sizeof(BPFFS)))
        return grain_fail(-EINVAL,
                          "%s is not on a BPF file system, where alone programs can be pinned: "
                          "choose a folder below one, or mount one there: mount -t bpf bpf FOLDER",
                          root);
    if (!mounts_last())
        return grain_fail(-EINVAL,
                          "no BPF file system on " BPFFS
                          " in this mount namespace, which may end with the command (\"ip netns "
                          "exec\" makes such): enter with nsenter --net=/run/netns/NAME, or mount "
                          "one first");
    if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
        return grain_fail(-errno, "cannot mount a BPF file system on " BPFFS ": %s",
                          strerror(errno));
    return 0;
}

/* Make the folders of `path` that are missing, on a BPF file system only. */
static int make_folders(char *path, const char *root)
{
    char *slash = strrchr(path, '/');
    int error;

    if (!access(path, F_OK))
        return on_bpffs(path) ? 0 : mount_bpffs(root);
    if (!slash || slash == path)
        return grain_fail(-EINVAL, "%s: a pin root is an absolute path", root);
    *slash = '\0';
    error = make_folders(path, root);
    *slash = '/';
    if (error)
        return error;
    if (!mkdir(path, 0700) || errno == EEXIST)
        return 0;
    if (errno == EPERM && strchr(slash, '.'))
        return grain_fail(-EPERM, "%s: a BPF file system takes no names with a dot", path);
    return grain_fail(-errno, "%s: cannot make the folder: %s", path, strerror(errno));
}

int grain_pinned_make_directory(struct grain_pinned *pinned, const char *root)
{
    if (*root != '/')
        return grain_fail(-EINVAL, "%s: a pin root is an absolute path", root);
    return make_folders(pinned->directory, root);
}

static int pin(const struct grain_pinned *pinned, int fd, const char *name)
{
    char path[PATH_MAX];
    int error = grain_pinned_path(path, sizeof(path), pinned, name);

    if (!error && bpf_obj_pin(fd, path))
        error = -errno;
    if (error)
        return grain_fail(error, "%s/%s: cannot pin: %s", pinned->directory, name,
                          strerror(-error));
    return 0;
}

/* An array that only libgrain knows. */
static int make_array(const struct grain_pinned *pinned, const char *name, uint32_t value_size,
                      uint32_t entries, const void *first)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grain_pins", 4, value_size, entries, NULL);
    uint32_t zero = 0;
    int error = 0;

    if (fd < 0)
        return grain_fail(-errno, "cannot make a BPF map: %s", strerror(errno));
    if (first && bpf_map_update_elem(fd, &zero, first, BPF_ANY))
        error = grain_fail(-errno, "cannot write a BPF map: %s", strerror(errno));
    if (!error)
        error = pin(pinned, fd, name);
    close(fd);
    return error;
}

static uint64_t boot_time(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int make_abi(const struct grain_pinned *pinned, const struct grain_table_sizes *sizes)
{
    struct grain_abi abi = {
        .magic = GRAIN_ABI_MAGIC,
        .abi = GRAIN_ABI_VERSION,
        .cpus = libbpf_num_possible_cpus(),
        .buckets = sizes->buckets,
        .texts = sizes->texts,
        .flow_buckets = sizes->flow_buckets,
        .config_size = sizeof(struct grain_config),
        .cpu_size = sizeof(struct grain_cpu),
        .totals_size = sizeof(struct grain_totals),
        .bucket_size = sizeof(struct grain_name_bucket),
        .text_size = sizeof(struct grain_text_bucket),
        .flow_size = sizeof(struct grain_flow),
        .record_size = sizeof(struct grain_record),
        .source_size = sizeof(struct grain_source),
        .created_ns = boot_time(),
    };

    return make_array(pinned, GRAIN_PIN_ABI, sizeof(abi), 1, &abi);
}

static int load_maps(void *skeleton)
{
    return grain_xdp__load(skeleton);
}

/* The maps of the program, without the program. */
static int make_program_maps(struct grain_xdp *skeleton, const struct grain_table_sizes *sizes)
{
    int error = bpf_map__set_max_entries(skeleton->maps.grain_counts, sizes->buckets);

    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_texts, sizes->texts);
    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_flow_tags, sizes->flow_buckets);
    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_flows,
                                         sizes->flow_buckets * GRAIN_FLOW_WAYS);
    if (!error)
        error = bpf_program__set_autoload(skeleton->progs.grain_xdp, false);
    if (error)
        return grain_fail(error, "cannot size the maps: %s", strerror(-error));
    error = grain_quietly(load_maps, skeleton);
    if (error == -EPERM)
        return grain_fail(error, "cannot make BPF maps: not allowed; it takes root, or CAP_BPF, "
                                 "CAP_NET_ADMIN and CAP_PERFMON");
    return error ? grain_fail(error, "cannot make the BPF maps: %s%s", strerror(-error),
                              grain_quiet_detail())
                 : 0;
}

static int set_first_config(const struct grain_xdp *skeleton)
{
    struct grain_config config = {.abi = GRAIN_ABI_VERSION, .generation = 1};
    int error = grain_hash_key_fill(&config.key, 0);
    uint32_t zero = 0;

    if (!error &&
        bpf_map_update_elem(bpf_map__fd(skeleton->maps.grain_config_map), &zero, &config, BPF_ANY))
        error = -errno;
    return error ? grain_fail(error, "cannot write the configuration: %s", strerror(-error)) : 0;
}

static int pin_program_maps(const struct grain_pinned *pinned, const struct grain_xdp *skeleton)
{
    const struct bpf_map *const maps[GRAIN_PINNED_MAP_COUNT] = {
#define X(map, file) skeleton->maps.map,
        GRAIN_PINNED_MAPS(X)
#undef X
    };
    int error = 0;

    for (int i = 0; !error && i < GRAIN_PINNED_MAP_COUNT; i++)
        error = pin(pinned, bpf_map__fd(maps[i]), grain_pinned_files[i]);
    return error;
}

static int make_folder(const struct grain_pinned *pinned, const char *name)
{
    char path[PATH_MAX];
    int error = grain_pinned_path(path, sizeof(path), pinned, name);

    if (!error && mkdir(path, 0700) && errno != EEXIST)
        error = -errno;
    return error ? grain_fail(error, "%s/%s: cannot make the folder: %s", pinned->directory, name,
                              strerror(-error))
                 : 0;
}

int grain_pinned_make_maps(struct grain_pinned *pinned, const struct grain_table_sizes *sizes)
{
    struct grain_xdp *skeleton = grain_xdp__open();
    int error;

    if (!skeleton)
        return grain_fail(-errno, "cannot open the XDP program: %s", strerror(errno));
    error = make_program_maps(skeleton, sizes);
    if (!error)
        error = set_first_config(skeleton);
    if (!error)
        error = pin_program_maps(pinned, skeleton);
    grain_xdp__destroy(skeleton);
    if (!error)
        error = make_folder(pinned, GRAIN_PIN_PROGRAMS);
    if (!error)
        error = make_folder(pinned, GRAIN_PIN_LINKS);
    if (!error)
        error = make_array(pinned, GRAIN_PIN_SOURCES, sizeof(struct grain_source),
                           GRAIN_SOURCE_SLOTS, NULL);
    /* Last: see pins_change.c. */
    return error ? error : make_abi(pinned, sizes);
}
