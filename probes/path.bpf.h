/* SPDX-License-Identifier: GPL-2.0-only */
/* The true path of a dentry on a mount: up to the root of all mounts, whatever the process's own
 * root is. Written from its end into scratch->backward. */
#ifndef GRAIN_PROBES_PATH_H
#define GRAIN_PROBES_PATH_H

#include "host.bpf.h"

#define HOST_WALK_MAX 96 /* components and mounts of one path */

static __always_inline struct mount *host_mount(struct vfsmount *mnt)
{
    return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline bool host_dentry_deleted(struct dentry *dentry)
{
    return !HOST_READ(dentry, d_hash.pprev) && HOST_READ(dentry, d_parent) != dentry;
}

/* "/name" in front of what there is; false: no room. */
static __always_inline bool host_path_prepend(struct host_scratch *scratch, struct dentry *dentry)
{
    __u32 length = HOST_READ(dentry, d_name.len);
    __u32 start = scratch->at;

    if (length > 255 || start < length + 1)
        return false;
    start -= length;
    asm volatile("%0 &= 255" : "+r"(length));
    bpf_probe_read_kernel(&scratch->backward[start & (HOST_BACKWARD_MAX - 1)], length,
                          HOST_READ(dentry, d_name.name));
    start--;
    scratch->backward[start & (HOST_BACKWARD_MAX - 1)] = '/';
    scratch->at = start;
    return true;
}

/*
 * In front of what stands from scratch->at on, without as many components as scratch->skip says.
 * Not static, here and elsewhere: the verifier walks such a function once, whoever calls it.
 * Numbers are all that it may take on Linux 5.10.
 */
__noinline int host_path_walk(__u32 which, __u64 mnt_address, __u64 dentry_address)
{
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    struct vfsmount *mnt = (void *)mnt_address;
    struct dentry *dentry = (void *)dentry_address;
    struct mount *mount = host_mount(mnt), *above;
    struct dentry *root = HOST_READ(mnt, mnt_root), *parent;
    __u32 flags = 0;
    int turn;

    if (!scratch)
        return 0;
    for (turn = 0; turn < HOST_WALK_MAX; turn++) {
        if (dentry == root) {
            above = HOST_READ(mount, mnt_parent);
            if (!above || above == mount)
                break;
            dentry = HOST_READ(mount, mnt_mountpoint);
            mount = above;
            root = HOST_READ(mount, mnt.mnt_root);
            continue;
        }
        parent = HOST_READ(dentry, d_parent);
        if (!parent || parent == dentry) {
            /* Outside of what the mount shows, or of no mount at all. */
            flags = GRAIN_HOST_FILE_NO_MOUNT;
            break;
        }
        if (scratch->skip) {
            scratch->skip--;
        } else if (!host_path_prepend(scratch, dentry)) {
            flags = GRAIN_HOST_FILE_CUT;
            break;
        }
        dentry = parent;
    }
    scratch->text.flags = turn == HOST_WALK_MAX ? GRAIN_HOST_FILE_CUT : flags;
    return 0;
}

static __always_inline void host_path_on(__u32 which, struct host_scratch *scratch,
                                         const struct path *path, struct host_text *out)
{
    __u32 at;

    host_path_walk(which, (__u64)path->mnt, (__u64)path->dentry);
    out->flags = scratch->text.flags;
    if (out->flags & GRAIN_HOST_FILE_CUT)
        host_count(GRAIN_HOST_COUNTER_PATHS_CUT, 1);
    at = scratch->at;
    if (at >= HOST_BACKWARD_MAX) {
        at = HOST_BACKWARD_MAX - 1;
        scratch->backward[HOST_BACKWARD_MAX - 1] = '/';
    }
    out->start = at;
    out->length = HOST_BACKWARD_MAX - at;
}

static __always_inline void host_path(__u32 which, struct host_scratch *scratch,
                                      const struct path *path, struct host_text *out)
{
    scratch->at = HOST_BACKWARD_MAX;
    scratch->skip = 0;
    host_path_on(which, scratch, path, out);
    if (host_dentry_deleted(path->dentry))
        out->flags |= GRAIN_HOST_FILE_DELETED;
}

/* Copy what stands in `backward` to `to` bytes into the record; how long it is. */
static __always_inline __u32 host_text_put(struct host_scratch *scratch, __u32 to, __u32 start)
{
    __u32 length = HOST_BACKWARD_MAX - start;

    asm volatile("%0 &= 8191" : "+r"(length));
    if (length > HOST_BACKWARD_MAX)
        return 0;
    asm volatile("%0 &= 4095" : "+r"(start));
    asm volatile("%0 &= 8191" : "+r"(to));
    bpf_probe_read_kernel(&scratch->record[to], length, &scratch->backward[start]);
    return length;
}

#endif
