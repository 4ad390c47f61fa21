// SPDX-License-Identifier: GPL-2.0-only
/* Opening the pinned set of maps. Whatever is pinned may have been made by somebody else, so that
 * every map is compared with what the ABI says before it is used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/limits.h>

#include "error_private.h"
#include "pins_private.h"
#include "probe.h"
#include "quiet.h"

const char *const grain_pinned_files[GRAIN_PINNED_MAP_COUNT] = {
#define X(map, file) file,
    GRAIN_PINNED_MAPS(X)
#undef X
};

struct shape {
    uint32_t type, key_size, value_size, entries;
};

const char *grain_pinned_root(const char *chosen)
{
    const char *set = getenv(GRAIN_PIN_ROOT_ENV);

    if (chosen)
        return chosen;
    return set && *set ? set : GRAIN_PIN_ROOT_DEFAULT;
}

struct grain_pinned *grain_pinned_alloc(const char *root)
{
    struct grain_pinned *pinned = calloc(1, sizeof(*pinned));
    int length;

    grain_quiet_always();
    if (!pinned)
        return NULL;
    pinned->lock = pinned->abi_fd = pinned->sources_fd = -1;
    for (int i = 0; i < GRAIN_PINNED_MAP_COUNT; i++)
        pinned->fds[i] = -1;
    /* Room for the names below is kept, so that no path is cut. */
    length = snprintf(pinned->directory, sizeof(pinned->directory) - 32, "%s/v%d",
                      grain_pinned_root(root), GRAIN_ABI_VERSION);
    if (length < 0 || (size_t)length >= sizeof(pinned->directory) - 32) {
        free(pinned);
        return NULL;
    }
    return pinned;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void grain_pinned_free(struct grain_pinned *pinned)
{
    if (!pinned)
        return;
    close_fd(&pinned->abi_fd);
    close_fd(&pinned->sources_fd);
    for (int i = 0; i < GRAIN_PINNED_MAP_COUNT; i++)
        close_fd(&pinned->fds[i]);
    close_fd(&pinned->lock);
    free(pinned);
}

int grain_pinned_path(char *out, size_t size, const struct grain_pinned *pinned, const char *name)
{
    int length = snprintf(out, size, "%s/%s", pinned->directory, name);

    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

bool grain_pinned_complete(const struct grain_pinned *pinned)
{
    char path[PATH_MAX];

    return !grain_pinned_path(path, sizeof(path), pinned, GRAIN_PIN_ABI) && !access(path, F_OK);
}

static int refused(const struct grain_pinned *pinned, int error, const char *name)
{
    if (error == -ENOENT && !grain_pinned_complete(pinned))
        return grain_fail(-ENOENT, "nothing is attached: there is no %s", pinned->directory);
    /* The record of the ABI goes first when grain removes the set. */
    if (error == -ENOENT)
        return grain_fail(-EPROTO,
                          "somebody has removed %s/%s, and programs may be attached still: remove "
                          "the whole folder, and with it go those that links hold; \"bpftool net\" "
                          "shows others",
                          pinned->directory, name);
    if (error == -EACCES || error == -EPERM)
        return grain_fail(error,
                          "%s/%s: %s; it takes root, or CAP_BPF and to be of the group that "
                          "\"grainctl attach --group\" "
                          "names",
                          pinned->directory, name, strerror(-error));
    return grain_fail(error, "%s/%s: %s", pinned->directory, name, strerror(-error));
}

/* Open one map and compare it with its shape. */
static int open_map(struct grain_pinned *pinned, const char *name, const struct shape *want,
                    int *out)
{
    struct bpf_map_info info = {0};
    uint32_t size = sizeof(info);
    char path[PATH_MAX];
    LIBBPF_OPTS(bpf_obj_get_opts, options);
    int fd;

    /* A reader may be of a group that cannot write, see pins_group.c. */
    if (pinned->lock < 0 && strcmp(name, grain_pinned_files[GRAIN_PINNED_grain_events]))
        options.file_flags = BPF_F_RDONLY;
    if (grain_pinned_path(path, sizeof(path), pinned, name))
        return grain_fail(-ENAMETOOLONG, "%s: the name is too long", pinned->directory);
    fd = bpf_obj_get_opts(path, &options);
    if (fd < 0)
        return refused(pinned, -errno, name);
    *out = fd;
    if (bpf_obj_get_info_by_fd(fd, &info, &size))
        return refused(pinned, -errno, name);
    if (info.type != want->type || info.key_size != want->key_size ||
        info.value_size != want->value_size || info.max_entries != want->entries)
        return grain_fail(-EPROTO,
                          "%s was not made by this version of grain; detach with the version that "
                          "made it",
                          path);
    return 0;
}

static bool power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

static int check_abi(const struct grain_pinned *pinned)
{
    const struct grain_abi *abi = &pinned->abi;
    int cpus = grain_cpus();

    if (abi->magic != GRAIN_ABI_MAGIC || abi->abi != GRAIN_ABI_VERSION ||
        abi->config_size != sizeof(struct grain_config) ||
        abi->cpu_size != sizeof(struct grain_cpu) ||
        abi->totals_size != sizeof(struct grain_totals) ||
        abi->bucket_size != sizeof(struct grain_name_bucket) ||
        abi->text_size != sizeof(struct grain_text_bucket) ||
        abi->flow_size != sizeof(struct grain_flow) ||
        abi->record_size != sizeof(struct grain_record) ||
        abi->source_size != sizeof(struct grain_source) || !power_of_two(abi->buckets) ||
        !power_of_two(abi->texts) || !power_of_two(abi->flow_buckets))
        return grain_fail(-EPROTO,
                          "%s/%s was not made by this version of grain; detach with the version "
                          "that made it",
                          pinned->directory, GRAIN_PIN_ABI);
    if (cpus < 0)
        return cpus;
    if (abi->cpus != (uint32_t)cpus)
        return grain_fail(-EPROTO, "%s was made for %u CPUs and there are %d", pinned->directory,
                          abi->cpus, cpus);
    return 0;
}

static void set_shapes(const struct grain_pinned *pinned, struct shape *out)
{
    const struct grain_abi *abi = &pinned->abi;
    const struct shape shapes[GRAIN_PINNED_MAP_COUNT] = {
        [GRAIN_PINNED_grain_config_map] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_config), 1},
        [GRAIN_PINNED_grain_cpu_map] = {BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct grain_cpu), 1},
        [GRAIN_PINNED_grain_totals_map] = {BPF_MAP_TYPE_PERCPU_ARRAY, 4,
                                           sizeof(struct grain_totals), GRAIN_SOURCE_SLOTS},
        [GRAIN_PINNED_grain_counts] = {BPF_MAP_TYPE_PERCPU_ARRAY, 4,
                                       sizeof(struct grain_name_bucket), abi->buckets},
        [GRAIN_PINNED_grain_texts] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_text_bucket),
                                      abi->texts},
        [GRAIN_PINNED_grain_flow_tags] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_flow_tags),
                                          abi->flow_buckets},
        [GRAIN_PINNED_grain_flows] = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_flow),
                                      abi->flow_buckets * GRAIN_FLOW_WAYS},
        [GRAIN_PINNED_grain_ingress_map] = {BPF_MAP_TYPE_HASH, sizeof(struct grain_ingress_key), 4,
                                            GRAIN_INGRESS_MAX},
        [GRAIN_PINNED_grain_events] = {BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, abi->cpus},
    };

    memcpy(out, shapes, sizeof(shapes));
}

int grain_pinned_load(struct grain_pinned *pinned)
{
    const struct shape abi = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_abi), 1};
    const struct shape sources = {BPF_MAP_TYPE_ARRAY, 4, sizeof(struct grain_source),
                                  GRAIN_SOURCE_SLOTS};
    struct shape shapes[GRAIN_PINNED_MAP_COUNT];
    uint32_t zero = 0;
    int error = open_map(pinned, GRAIN_PIN_ABI, &abi, &pinned->abi_fd);

    if (error)
        return error;
    if (bpf_map_lookup_elem(pinned->abi_fd, &zero, &pinned->abi))
        return refused(pinned, -errno, GRAIN_PIN_ABI);
    error = check_abi(pinned);
    if (!error)
        error = open_map(pinned, GRAIN_PIN_SOURCES, &sources, &pinned->sources_fd);
    set_shapes(pinned, shapes);
    for (int i = 0; !error && i < GRAIN_PINNED_MAP_COUNT; i++)
        error = open_map(pinned, grain_pinned_files[i], &shapes[i], &pinned->fds[i]);
    return error;
}

int grain_pinned_open(struct grain_pinned **out, const char *root)
{
    struct grain_pinned *pinned = grain_pinned_alloc(root);
    int error;

    if (!pinned)
        return grain_fail(-ENAMETOOLONG, "%s: too long for a pin root", grain_pinned_root(root));
    error = grain_pinned_load(pinned);
    if (error)
        grain_pinned_free(pinned);
    else
        *out = pinned;
    return error;
}

const char *grain_pinned_directory(const struct grain_pinned *pinned)
{
    return pinned->directory;
}

int grain_pinned_fd(const struct grain_pinned *pinned, enum grain_pinned_map map)
{
    return pinned->fds[map];
}

const struct grain_abi *grain_pinned_abi(const struct grain_pinned *pinned)
{
    return &pinned->abi;
}

int grain_pinned_source(const struct grain_pinned *pinned, uint32_t slot, struct grain_source *out)
{
    if (bpf_map_lookup_elem(pinned->sources_fd, &slot, out))
        return refused(pinned, -errno, GRAIN_PIN_SOURCES);
    out->name[sizeof(out->name) - 1] = '\0';
    return 0;
}

int grain_pinned_set_source(struct grain_pinned *pinned, uint32_t slot,
                            const struct grain_source *source)
{
    if (bpf_map_update_elem(pinned->sources_fd, &slot, source, BPF_ANY))
        return refused(pinned, -errno, GRAIN_PIN_SOURCES);
    return 0;
}

int grain_pinned_config(const struct grain_pinned *pinned, struct grain_config *out)
{
    uint32_t zero = 0;

    if (bpf_map_lookup_elem(pinned->fds[GRAIN_PINNED_grain_config_map], &zero, out))
        return refused(pinned, -errno, "config");
    return 0;
}

int grain_pinned_set_config(struct grain_pinned *pinned, const struct grain_config *config)
{
    uint32_t zero = 0;

    if (bpf_map_update_elem(pinned->fds[GRAIN_PINNED_grain_config_map], &zero, config, BPF_ANY))
        return refused(pinned, -errno, "config");
    return 0;
}
