/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on names, for probes at the kernel's functions: what a name stood for before it was
 * changed is kept by thread, and told when it is known what came of it.
 */
#ifndef GRAIN_PROBES_NAMES_H
#define GRAIN_PROBES_NAMES_H

#include "asked.bpf.h"

#define FN_NAMES_MAX 1024

/* The entries as they were: afterwards one may have the other's name, or no inode. */
struct fn_names {
    __u64 mnt;
    __u64 parent, parent2; /* dentries; 0: the first is a text only, there is no second name */
    __u64 old, new;
    __u64 ino;
    __u32 dev;
    __u32 length;
    __u64 named; /* rules that name what was there, under either name */
    char name[256];
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, FN_NAMES_MAX);
    __type(key, __u64);
    __type(value, struct fn_names);
} fn_names SEC(".maps");

/* ---- begin ---- */

static __always_inline struct host_access *fn_begin(__u8 operation, __u8 way, int result)
{
    __u64 rules = host_rules_for(operation);
    struct host_access *access = host_access_begin(operation, way, rules);

    if (access)
        access->result = result < 0 ? result : 0;
    return access;
}

/* ---- what was asked for in vain ---- */

/* `name` is the kernel's copy of the text. */
static __always_inline int fn_failed_tell(__u8 operation, __u8 way, int directory, const char *name,
                                          __u32 open_flags, long result)
{
    struct task_struct *task = host_task_current();
    struct host_access *access = fn_begin(operation, way, (int)result);
    struct host_asked asked = {.path = (__u64)name};

    if (!access || !name)
        return 0;
    access->open_flags = open_flags;
    access->kernel_text = 1;
    asked.directory = descriptor_file(task, directory, false);
    return host_asked_tell(task, &asked);
}

/* ---- names ---- */

/* Rules that name this inode itself. */
static __always_inline __u64 fn_named(struct inode *inode)
{
    struct host_file_key key = {0};
    struct host_file_rules *named;

    if (!inode)
        return 0;
    key.ino = HOST_READ(inode, i_ino);
    key.dev = HOST_READ(inode, i_sb, s_dev);
    named = bpf_map_lookup_elem(&host_named, &key);
    return named ? named->itself | named->below : 0;
}

static __always_inline int fn_names_put(const struct fn_names *names)
{
    __u64 task = (__u64)bpf_get_current_task();

    if (bpf_map_update_elem(&fn_names, &task, names, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
    return 0;
}

/* An entry, and another one or NULL, on one mount. */
static __always_inline int fn_names_keep(struct vfsmount *mnt, struct dentry *old,
                                         struct dentry *new)
{
    struct inode *inode = HOST_READ(old, d_inode);
    struct fn_names names = {
        .mnt = (__u64)mnt,
        .old = (__u64)old,
        .new = (__u64) new,
        .parent = (__u64)HOST_READ(old, d_parent),
    };

    if (inode) {
        names.ino = HOST_READ(inode, i_ino);
        names.dev = HOST_READ(inode, i_sb, s_dev);
        names.named = fn_named(inode);
    }
    if (new) {
        names.parent2 = (__u64)HOST_READ(new, d_parent);
        names.named |= fn_named(HOST_READ(new, d_inode));
    }
    names.length = HOST_READ(old, d_name.len) & 255;
    bpf_probe_read_kernel(names.name, names.length & 255, HOST_READ(old, d_name.name));
    return fn_names_put(&names);
}

/* A symbolic link to be made: the text that it holds is the first name. */
static __always_inline int fn_symlink_keep(struct vfsmount *mnt, struct dentry *entry,
                                           const char *text)
{
    struct fn_names names = {
        .mnt = (__u64)mnt,
        .new = (__u64)entry,
        .parent2 = (__u64)HOST_READ(entry, d_parent),
    };
    long length = bpf_probe_read_kernel_str(names.name, sizeof(names.name), text);

    names.length = length > 0 ? length - 1 : 0;
    return fn_names_put(&names);
}

/* What the directory, and the text that stands in the scratch, stand for. */
static __always_inline __u64 fn_rules(struct host_access *access, __u64 mnt, __u64 parent,
                                      __u32 start)
{
    const struct host_files *files = host_files();
    struct host_directory *directory;
    __u64 texts;

    if (!files)
        return 0;
    directory = host_directory(files, (struct vfsmount *)mnt, (struct dentry *)parent);
    if (!directory)
        return files->all;
    texts = directory->prefix & access->rules & files->texts;
    return files->all | directory->below | (texts ? host_match_all(start, texts) : 0);
}

/* The first name as it was: its directory has not moved meanwhile. */
static __always_inline void fn_first_path(struct host_scratch *scratch,
                                          const struct fn_names *names, struct host_text *text)
{
    struct path path = {.mnt = (void *)names->mnt, .dentry = (void *)names->parent};
    __u32 length = names->length & 255, start = HOST_BACKWARD_MAX - length;

    bpf_probe_read_kernel(&scratch->backward[start & (HOST_BACKWARD_MAX - 1)], length, names->name);
    text->start = start;
    text->flags = 0;
    if (!names->parent)
        return;
    scratch->backward[(start - 1) & (HOST_BACKWARD_MAX - 1)] = '/';
    scratch->at = start - 1;
    scratch->skip = 0;
    host_path_on(HOST_SCRATCH_OTHER, scratch, &path, text);
}

/*
 * What the current thread has kept is told: `operation` ended with `result`. Nothing is kept when
 * the call did not get that far.
 */
__noinline int fn_names_tell(__u32 operation, __u32 way, int result)
{
    __u64 key = (__u64)bpf_get_current_task(), rules;
    struct fn_names *names = bpf_map_lookup_elem(&fn_names, &key);
    const struct host_files *files = host_files();
    struct host_access *access;
    struct host_scratch *scratch;
    struct host_text text = {0};
    struct inode *made = NULL; /* a symbolic link, now */
    struct dentry *entry;
    struct path path;

    if (!names || !files)
        return 0;
    if (!result)
        host_paths_changed();
    access = fn_begin(operation, way, result);
    scratch = access ? host_scratch_take(HOST_SCRATCH_OTHER) : NULL;
    if (!scratch) {
        if (access)
            host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
        bpf_map_delete_elem(&fn_names, &key);
        return 0;
    }
    rules = names->named;
    if (names->parent2) {
        path.mnt = (void *)names->mnt;
        /* A renamed entry is now where it was to go; the other may be where it came from. */
        path.dentry =
            (void *)(operation == GRAIN_HOST_OP_RENAME && !result ? names->old : names->new);
        host_path(HOST_SCRATCH_OTHER, scratch, &path, &text);
        rules |= fn_rules(access, names->mnt, names->parent2, text.start);
        host_asked_second(scratch, access, text.start);
        if (text.flags & GRAIN_HOST_FILE_CUT)
            access->flags |= GRAIN_HOST_FILE_CUT2;
    }
    fn_first_path(scratch, names, &text);
    if (names->parent)
        rules |= fn_rules(access, names->mnt, names->parent, text.start);
    rules &= access->rules;
    if (rules && !(rules & files->exclude) && !host_is_reader()) {
        access->rules = rules;
        access->start = text.start;
        access->flags |= text.flags & ~GRAIN_HOST_FILE_DELETED;
        access->ino = names->ino;
        access->dev = names->dev;
        if (!names->parent) {
            entry = (void *)names->new;
            made = HOST_READ(entry, d_inode);
        }
        host_file_send(scratch, access, host_task_current(), made);
    }
    host_scratch_give(scratch);
    bpf_map_delete_elem(&fn_names, &key);
    return 0;
}

#endif
