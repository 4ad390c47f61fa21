// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../error_private.h"
#include "grain_files.skel.h"
#include "grain_files_fentry.skel.h"
#include "grain_files_fentry_typed.skel.h"
#include "grain_files_kprobe.skel.h"
#include "grain_files_kprobe_typed.skel.h"
#include "grain_files_typed.skel.h"
#include "host_functions.h"
#include "host_private.h"
#include "host_typed.h"

/* By tracepoint, or at functions. */
struct files_probe {
    struct bpf_object *object;
    struct grain_files *points; /* or NULL, and then */
    struct host_functions functions;
};

static const struct host_function functions[] = {
    {.program = "open_path", .returns = true},
    {.program = "open_root", .arguments = 3, .returns = true},
    {.program = "open_root_4", .arguments = 4, .returns = true},
    {.program = "read", .returns = true},
    {.program = "write", .returns = true},
    {.program = "readv", .returns = true},
    {.program = "writev", .returns = true},
    {.program = "splice", .returns = true},
    {.program = "copy", .returns = true},
    {.program = "splice_direct", .returns = true},
    {.program = "splice_to_pipe", .optional = true, .returns = true},
    {.program = "uring_done", .optional = true},
    {.program = "uring_later", .optional = true},
    {.program = "uring_polled", .optional = true},
    {.program = "mmap", .returns = true},
    {.program = "truncate", .returns = true},
    {.program = "ftruncate", .arguments = 4, .returns = true},
    {.program = "ftruncate_5", .arguments = 5, .returns = true},
    {.program = "chmod", .returns = true},
    {.program = "chown", .returns = true},
    {.program = "exec", .arguments = 1, .returns = true},
    {.program = "exec_4", .arguments = 4, .returns = true},
    {.program = "exec_check"},
    {.program = "exec_open", .returns = true},
    {.program = "unlink", .returns = true},
    {.program = "rmdir", .returns = true},
    {.program = "rename", .returns = true},
    {.program = "link", .returns = true},
    {.program = "symlink", .returns = true},
    {.program = "unlink_names"},
    {.program = "rmdir_names"},
    {.program = "symlink_names"},
    {.program = "link_names"},
    {.program = "rename_names"},
    {.program = NULL},
};

static int put_calls(struct grain_files *probe)
{
    struct host_call *calls = calloc(HOST_CALLS_MAX, sizeof(*calls));
    int map = bpf_map__fd(probe->maps.host_calls), error = calls ? 0 : -ENOMEM;

    if (calls)
        grain_host_calls(calls);
    for (uint32_t i = 0; !error && i < HOST_CALLS_MAX; i++)
        if (calls[i].kind || calls[i].compat || calls[i].moves)
            error = bpf_map_update_elem(map, &i, &calls[i], BPF_ANY) ? -errno : 0;
    free(calls);
    return error;
}

static bool is_named(const struct host_rules *rules, const struct host_file_key *key)
{
    for (size_t i = 0; i < rules->named_count; i++)
        if (rules->named[i].key.ino == key->ino && rules->named[i].key.dev == key->dev)
            return true;
    return false;
}

/* What no rule names any more goes last: until then it is chosen once too often, not too seldom. */
static int drop_named(int map, const struct host_rules *rules)
{
    struct host_file_key stale[2 * GRAIN_HOST_RULES_MAX], key, *before = NULL;
    size_t count = 0;

    while (count < sizeof(stale) / sizeof(stale[0]) && !bpf_map_get_next_key(map, before, &key)) {
        if (!is_named(rules, &key))
            stale[count++] = key;
        before = &key;
    }
    for (size_t i = 0; i < count; i++)
        if (bpf_map_delete_elem(map, &stale[i]) && errno != ENOENT)
            return -errno;
    return 0;
}

static int put_rules(const struct host_rules *rules, const struct bpf_object *object)
{
    int named = bpf_object__find_map_fd_by_name(object, "host_named");
    int numbered = bpf_object__find_map_fd_by_name(object, "host_rule_map");
    int all = bpf_object__find_map_fd_by_name(object, "host_files_map");
    struct host_files files = rules->files, before;
    uint32_t zero = 0;

    for (size_t i = 0; i < rules->named_count; i++)
        if (bpf_map_update_elem(named, &rules->named[i].key, &rules->named[i].rules, BPF_ANY))
            return -errno;
    for (uint32_t i = 0; i < rules->count; i++)
        if (bpf_map_update_elem(numbered, &i, &rules->rules[i], BPF_ANY))
            return -errno;
    if (bpf_map_lookup_elem(all, &zero, &before))
        return -errno;
    /* Far beyond what the kernel may have counted meanwhile. */
    files.generation = before.generation + (1ULL << 32);
    if (bpf_map_update_elem(all, &zero, &files, BPF_ANY))
        return -errno;
    return drop_named(named, rules);
}

static int attach(struct grain_files *probe)
{
    /* Which of the two there is depends on the kernel; without io_uring, neither. */
    probe->links.grain_files_uring = bpf_program__attach(probe->progs.grain_files_uring);
    if (!probe->links.grain_files_uring)
        probe->links.grain_files_uring_old =
            bpf_program__attach(probe->progs.grain_files_uring_old);
    probe->links.grain_files_exec = bpf_program__attach(probe->progs.grain_files_exec);
    if (!probe->links.grain_files_exec)
        return -errno;
    probe->links.grain_files_exit = bpf_program__attach(probe->progs.grain_files_exit);
    return probe->links.grain_files_exit ? 0 : -errno;
}

GRAIN_HOST_OPEN_TYPED(grain_files)

static int load_points(struct grain_host *host, bool typed, struct files_probe *probe)
{
    int error;

    probe->points = grain_files_open_typed(typed);
    if (!probe->points)
        return -errno;
    probe->object = probe->points->obj;
    error = grain_host_share_maps(host, probe->object);
    if (!error)
        error = grain_files__load(probe->points);
    if (!error)
        error = put_calls(probe->points);
    if (!error)
        error = put_rules(host->rules, probe->object);
    return error ? error : attach(probe->points);
}

static const void *functions_elf(enum grain_host_way way, bool typed, size_t *size)
{
    if (way == GRAIN_HOST_WAY_FENTRY)
        return typed ? grain_files_fentry_typed__elf_bytes(size)
                     : grain_files_fentry__elf_bytes(size);
    return typed ? grain_files_kprobe_typed__elf_bytes(size) : grain_files_kprobe__elf_bytes(size);
}

static int load_functions(struct grain_host *host, enum grain_host_way way, bool typed,
                          struct files_probe *probe)
{
    size_t size = 0;
    const void *elf = functions_elf(way, typed, &size);
    int error;

    probe->object = bpf_object__open_mem(elf, size, NULL);
    if (!probe->object)
        return -errno;
    probe->functions.object = probe->object;
    error = grain_host_functions_choose(probe->object, functions);
    if (!error)
        error = grain_host_share_maps(host, probe->object);
    if (!error)
        error = bpf_object__load(probe->object);
    if (!error)
        error = put_rules(host->rules, probe->object);
    return error ? error : grain_host_functions_attach(&probe->functions, functions);
}

static void unload(void *object)
{
    struct files_probe *probe = object;

    if (probe->points)
        grain_files__destroy(probe->points);
    else
        grain_host_functions_free(&probe->functions);
    free(probe);
}

static int load_typed(struct grain_host *host, enum grain_host_way way, bool typed, void **object)
{
    struct files_probe *probe = calloc(1, sizeof(*probe));
    int error;

    if (!probe)
        return -ENOMEM;
    error = way == GRAIN_HOST_WAY_TRACEPOINT ? load_points(host, typed, probe)
                                             : load_functions(host, way, typed, probe);
    if (error) {
        unload(probe);
        return error;
    }
    *object = probe;
    return 0;
}

static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    return grain_host_load_typed(load_typed, host, way, object);
}

static int take_rules(struct grain_host *host, void *object)
{
    const struct files_probe *probe = object;
    int error = put_rules(host->rules, probe->object);

    return error ? grain_fail(error, "probe files: rules: %s", strerror(-error)) : 0;
}

static int refresh(struct grain_host *host, void *object)
{
    const size_t count = host->rules->named_count;
    struct host_named before[2 * GRAIN_HOST_RULES_MAX];
    int error;

    memcpy(before, host->rules->named, count * sizeof(*before));
    error = grain_host_rules_find(host->rules);
    if (error)
        return error;
    if (count == host->rules->named_count &&
        !memcmp(before, host->rules->named, count * sizeof(*before)))
        return 0;
    return take_rules(host, object);
}

static const char by_path[] =
    "renames and the like by path: as the process named it; another name of a watched file, or a "
    "symbolic link on the way, is not noticed";

static const char *const blind_points[] = {
    "io_uring: what goes through it is counted, not told",
    "mapped memory: reads and writes there, after the mmap",
    by_path,
    "32-bit programs: opens and changes are counted, not told",
    "descriptors: one that another thread replaces while the call ends is taken for the new one",
    "scripts: the interpreter is executed, and opens the script",
    "the kernel itself: NFS and SMB servers, loop devices, swap",
    NULL,
};

/* Trampolines and kprobes see the same, but the latter not all at once. */
#define BLIND_FUNCTIONS                                                                         \
    "mapped files: what is read and written there, after the mmap",                             \
        "paths that could not be opened or executed: as the process named them",                \
        "rename, link, unlink and symlink of names that were not there, or there already",      \
        "opens and changes by servers in the kernel that call below these functions: NFS, SMB", \
        "on kernels before 5.12: the process of an open that an io_uring worker does"

static const char too_many[] =
    "return probes: the kernel has some for twice the processors, at least 10, or one for each; "
    "more calls of one function at a time are counted when a later one stands in their place";

static const char *const blind_fentry[] = {BLIND_FUNCTIONS, NULL};
static const char *const blind_kprobe[] = {
    BLIND_FUNCTIONS,
    too_many,
    NULL,
};

const struct host_probe_ops grain_host_files_ops = {
    .load = load,
    .free = unload,
    .rules = take_rules,
    .refresh = refresh,
    .blind = {[GRAIN_HOST_WAY_FENTRY] = blind_fentry,
              [GRAIN_HOST_WAY_KPROBE] = blind_kprobe,
              [GRAIN_HOST_WAY_TRACEPOINT] = blind_points},
};
