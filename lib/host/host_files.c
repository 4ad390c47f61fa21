// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../error_private.h"
#include "grain_files.skel.h"
#include "host_private.h"

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

static int put_rules(const struct host_rules *rules, const struct grain_files *probe)
{
    int named = bpf_map__fd(probe->maps.host_named);
    int numbered = bpf_map__fd(probe->maps.host_rule_map);
    int all = bpf_map__fd(probe->maps.host_files_map);
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

static int load(struct grain_host *host, enum grain_host_way way, void **object)
{
    struct grain_files *probe;
    int error;

    if (way != GRAIN_HOST_WAY_TRACEPOINT)
        return -ENOTSUP;
    probe = grain_files__open();
    if (!probe)
        return -errno;
    error = grain_host_share_maps(host, probe->obj);
    if (!error)
        error = grain_files__load(probe);
    if (!error)
        error = put_calls(probe);
    if (!error)
        error = put_rules(host->rules, probe);
    if (!error)
        error = attach(probe);
    if (error) {
        grain_files__destroy(probe);
        return error;
    }
    *object = probe;
    return 0;
}

static void unload(void *object)
{
    grain_files__destroy(object);
}

static int take_rules(struct grain_host *host, void *object)
{
    int error = put_rules(host->rules, object);

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

static const char *const blind[] = {
    "io_uring: what goes through it is counted, not told",
    "mapped files: what is read and written there, after the mmap",
    "paths of rename, link, unlink, symlink, and of truncate, chmod and chown without a descriptor:"
    " as the process named them, symbolic links not followed; another name of a watched file (hard "
    "link, bind mount) is not noticed there",
    "32-bit programs: their opens and changes are counted, not told",
    "descriptors that another thread closes before the call is looked at",
    "scripts: the interpreter is what is executed; it opens the script",
    "what the kernel does by itself: NFS and SMB servers, loop devices",
    NULL,
};

const struct host_probe_ops grain_host_files_ops = {
    .load = load,
    .free = unload,
    .rules = take_rules,
    .refresh = refresh,
    .blind = {[GRAIN_HOST_WAY_TRACEPOINT] = blind},
};
