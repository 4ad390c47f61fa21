// SPDX-License-Identifier: GPL-2.0-only
/* Copies of the shipping programs that work on a pinned set of maps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "attach_private.h"
#include "error_private.h"
#include "grain_tc.skel.h"
#include "grain_xdp.skel.h"
#include "quiet.h"

static void fill_load(struct grain_load *load, const struct grain_pinned *pinned, uint32_t slot,
                      const struct grain_source *source)
{
    const struct grain_abi *abi = grain_pinned_abi(pinned);

    load->source_slot = slot;
    load->generation = source->generation;
    load->bucket_mask = abi->buckets - 1;
    load->text_mask = abi->texts - 1;
    load->flow_mask = abi->flow_buckets - 1;
    load->hook = source->hook;
    load->direction = source->direction;
    load->ethernet = (source->flags & GRAIN_SOURCE_FLAG_ETHERNET) != 0;
    load->netns = source->netns;
    load->xdp_frags = (source->flags & GRAIN_SOURCE_FLAG_FRAGS) != 0;
    load->xdp_load_bytes =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
}

static int reuse(struct bpf_object *object, const struct grain_pinned *pinned)
{
    static const char *const names[GRAIN_PINNED_MAP_COUNT] = {
#define X(map, file) #map,
        GRAIN_PINNED_MAPS(X)
#undef X
    };
    int error = 0;

    for (int i = 0; !error && i < GRAIN_PINNED_MAP_COUNT; i++) {
        struct bpf_map *map = bpf_object__find_map_by_name(object, names[i]);

        /* A program need not use every map. */
        if (map)
            error = bpf_map__reuse_fd(map, grain_pinned_fd(pinned, i));
    }
    return error;
}

int grain_program_open(struct grain_program *program, const struct grain_pinned *pinned,
                       uint32_t slot, const struct grain_source *source)
{
    struct grain_load load = {0};
    struct bpf_object *object;
    int error;

    *program = GRAIN_PROGRAM_NONE;
    fill_load(&load, pinned, slot, source);
    if (source->hook == GRAIN_HOOK_XDP) {
        program->xdp = grain_xdp__open();
        if (!program->xdp)
            return grain_fail(-errno, "cannot open the XDP program: %s", strerror(errno));
        if (load.xdp_frags)
            (void)bpf_program__set_flags(program->xdp->progs.grain_xdp, BPF_F_XDP_HAS_FRAGS);
        memcpy((void *)&program->xdp->rodata->grain_load, &load, sizeof(load));
        object = program->xdp->obj;
    } else {
        program->tc = grain_tc__open();
        if (!program->tc)
            return grain_fail(-errno, "cannot open the tc program: %s", strerror(errno));
        memcpy((void *)&program->tc->rodata->grain_load, &load, sizeof(load));
        object = program->tc->obj;
    }
    error = reuse(object, pinned);
    return error ? grain_fail(error, "cannot use the pinned maps of %s: %s",
                              grain_pinned_directory(pinned), strerror(-error))
                 : 0;
}

static int load_xdp(void *skeleton)
{
    return grain_xdp__load(skeleton);
}

static int load_tc(void *skeleton)
{
    return grain_tc__load(skeleton);
}

int grain_program_load(struct grain_program *program, const char *interface)
{
    int error =
        program->xdp ? grain_quietly(load_xdp, program->xdp) : grain_quietly(load_tc, program->tc);

    if (error == -EPERM)
        return grain_fail(error,
                          "%s: the kernel does not let this user load the program; it takes root, "
                          "or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
                          interface);
    if (error)
        return grain_fail(error, "%s: the kernel does not load the %s program: %s%s", interface,
                          program->xdp ? "XDP" : "tc", strerror(-error), grain_quiet_detail());
    program->fd = dup(bpf_program__fd(program->xdp ? program->xdp->progs.grain_xdp
                                                   : program->tc->progs.grain_tc));
    if (program->fd < 0)
        return grain_fail(-errno, "%s: %s", interface, strerror(errno));
    program->id = grain_program_id(program->fd);
    return 0;
}

void grain_program_free(struct grain_program *program)
{
    grain_xdp__destroy(program->xdp);
    grain_tc__destroy(program->tc);
    if (program->fd >= 0)
        close(program->fd);
    *program = GRAIN_PROGRAM_NONE;
}

uint32_t grain_program_id(int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

int grain_program_tag(int fd, uint8_t tag[8])
{
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);

    if (bpf_obj_get_info_by_fd(fd, &info, &size))
        return -errno;
    memcpy(tag, info.tag, sizeof(info.tag));
    return 0;
}

static uint32_t map_id(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t size = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

bool grain_program_is_ours(const struct grain_pinned *pinned, int fd)
{
    uint32_t maps[64], wanted = map_id(grain_pinned_fd(pinned, GRAIN_PINNED_grain_config_map));
    struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)maps};
    uint32_t size = sizeof(info);

    if (bpf_obj_get_info_by_fd(fd, &info, &size))
        return false;
    for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
        if (maps[i] == wanted)
            return true;
    return false;
}

void grain_program_describe(uint32_t id, char *out, size_t size)
{
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(id);

    if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length) && *info.name)
        (void)snprintf(out, size, "%.16s (id %u)", info.name, id);
    else
        (void)snprintf(out, size, "a program (id %u)", id);
    if (fd >= 0)
        close(fd);
}

int grain_pin_path(char *out, size_t size, const struct grain_pinned *pinned, const char *folder,
                   uint32_t slot, bool next)
{
    int length = snprintf(out, size, "%s/%s/%u%s", grain_pinned_directory(pinned), folder, slot,
                          next ? "n" : "");

    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int grain_pin_put(const struct grain_pinned *pinned, const char *folder, uint32_t slot, bool next,
                  int fd)
{
    char path[PATH_MAX];
    int error = grain_pin_path(path, sizeof(path), pinned, folder, slot, next);

    /* Something of that name is what a killed command left. */
    if (!error && unlink(path) && errno != ENOENT)
        error = -errno;
    if (!error && bpf_obj_pin(fd, path))
        error = -errno;
    return error ? grain_fail(error, "%s/%s/%u: cannot pin: %s", grain_pinned_directory(pinned),
                              folder, slot, strerror(-error))
                 : 0;
}

int grain_pin_get(const struct grain_pinned *pinned, const char *folder, uint32_t slot, bool next)
{
    char path[PATH_MAX];
    int error = grain_pin_path(path, sizeof(path), pinned, folder, slot, next);
    int fd = error ? error : bpf_obj_get(path);

    return fd < 0 && !error ? -errno : fd;
}

void grain_pin_drop(const struct grain_pinned *pinned, const char *folder, uint32_t slot, bool next)
{
    char path[PATH_MAX];

    if (!grain_pin_path(path, sizeof(path), pinned, folder, slot, next))
        (void)unlink(path);
}

int grain_pin_advance(const struct grain_pinned *pinned, const char *folder, uint32_t slot)
{
    char from[PATH_MAX], to[PATH_MAX];
    int error = grain_pin_path(from, sizeof(from), pinned, folder, slot, true);

    if (!error)
        error = grain_pin_path(to, sizeof(to), pinned, folder, slot, false);
    if (!error && rename(from, to))
        error = -errno;
    return error;
}
