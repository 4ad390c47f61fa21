/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of the probe of files: an operation on a file that a way of hooking in has found,
 * selected, and told.
 */
#ifndef GRAIN_PROBES_FILES_H
#define GRAIN_PROBES_FILES_H

#include "select.bpf.h"

#define HOST_S_IFMT  0170000
#define HOST_S_IFREG 0100000
#define HOST_S_IFDIR 0040000

/* What is being told; in memory of this CPU, since functions take numbers only. */
struct host_access {
    __u64 rules; /* that are left */
    __u64 bytes;
    __s32 result;
    __u32 open_flags;
    __u32 mode;
    __u32 owner, group;
    __u32 flags; /* GRAIN_HOST_FILE_* */
    __u64 task;  /* who does it; 0: the current one */
    /* Addresses. Volatile: what is read back is a number, which functions may take. */
    volatile __u64 at; /* the open file, or the path */
    volatile __u64 mnt, dentry;
    __u64 ino; /* when there is no inode to ask any more */
    __u32 dev;
    __u8 operation, way;
    __u8 kernel_text; /* what was asked for is in the kernel's memory */
    __u8 reserved;
    __u32 start;        /* of the path in the scratch; 0: not there yet */
    __u32 path2_length; /* it stands in scratch->record behind the path */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct host_access);
} host_accesses SEC(".maps");

static __always_inline struct host_access *host_access(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&host_accesses, &zero);
}

/* Rules for this operation by this process; 0: nothing more to do. */
static __always_inline __u64 host_rules_for(__u8 operation)
{
    const struct host_files *files = host_files();
    __u64 rules;

    if (!files)
        return 0;
    rules = files->by_operation[operation & 15];
    return rules & files->conditioned ? host_rules_of_task(rules) : rules;
}

/* Whoever reads is left out. Asked last: most of what happens no rule chooses. */
static __always_inline bool host_is_reader(void)
{
    const struct host_settings *settings = host_settings();

    return settings && settings->self_pid == bpf_get_current_pid_tgid() >> 32;
}

/* Begin to tell; rules may be 0, then NULL. */
static __always_inline struct host_access *host_access_begin(__u8 operation, __u8 way, __u64 rules)
{
    struct host_access *access = rules ? host_access() : NULL;

    if (!access)
        return NULL;
    access->rules = rules;
    access->bytes = 0;
    access->result = 0;
    access->open_flags = 0;
    access->mode = 0;
    access->owner = ~0u;
    access->group = ~0u;
    access->flags = 0;
    access->operation = operation;
    access->way = way;
    access->start = 0;
    access->path2_length = 0;
    access->task = 0;
    access->kernel_text = 0;
    access->dev = 0;
    access->ino = 0;
    return access;
}

/* The record out of the access, its path in the scratch and the inode, unless that is NULL. */
static __always_inline void host_file_send(struct host_scratch *scratch,
                                           const struct host_access *access,
                                           struct task_struct *task, struct inode *inode)
{
    struct grain_host_file *record = (void *)scratch->record;
    __u32 path, path2 = access->path2_length & 4095;

    /* Whoever asked io_uring for it may not run just now. */
    if (HOST_READ(task, tgid) == bpf_get_current_pid_tgid() >> 32)
        host_process_known(task, access->way);
    host_task_fill(&record->task, task);
    record->rules = access->rules;
    record->bytes = access->bytes;
    record->result = access->result;
    record->open_flags = access->open_flags;
    record->mode = access->mode;
    record->owner = access->owner;
    record->group = access->group;
    record->ino = access->ino;
    record->dev = access->dev;
    if (inode) {
        record->ino = HOST_READ(inode, i_ino);
        record->dev = HOST_READ(inode, i_sb, s_dev);
        if (access->operation == GRAIN_HOST_OP_OPEN || access->operation == GRAIN_HOST_OP_READ ||
            access->operation == GRAIN_HOST_OP_WRITE) {
            record->mode = HOST_READ(inode, i_mode);
            record->owner = HOST_READ(inode, i_uid.val);
            record->group = HOST_READ(inode, i_gid.val);
        }
    }
    record->flags = access->flags;
    record->operation = access->operation;
    record->reserved = 0;
    path = host_text_put(scratch, sizeof(*record), access->start);
    record->path_length = path;
    record->path2_length = path2;
    if (path2)
        bpf_probe_read_kernel(&scratch->record[(sizeof(*record) + path) & 8191], path2,
                              scratch->second);
    host_output(scratch, GRAIN_HOST_FILE, access->way, sizeof(*record) + path + path2);
}

/* Of all that may be opened, what has a place among files: not sockets, pipes, memfds. */
static __always_inline bool host_file_named(struct dentry *dentry, struct dentry *parent,
                                            struct inode *inode)
{
    if (!parent || parent != dentry)
        return parent;
    return (HOST_READ(inode, i_mode) & HOST_S_IFMT) == HOST_S_IFDIR;
}

/* The path into a scratch, which is taken for it; NULL: there was none, and that is counted. */
static __always_inline struct host_scratch *host_access_path(struct host_access *access,
                                                             const struct path *path)
{
    struct host_scratch *scratch = host_scratch_take(HOST_SCRATCH_OTHER);
    struct host_text text = {0};

    if (!scratch) {
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
        return NULL;
    }
    host_path(HOST_SCRATCH_OTHER, scratch, path, &text);
    access->start = text.start;
    access->flags |= text.flags;
    return scratch;
}

/* Of the rules that are left, those that choose this file by its inode and by what its directory
 * stands for; into *texts those that its path has to be compared with. */
static __always_inline __u64 host_file_rules(const struct host_files *files,
                                             const struct host_access *access,
                                             const struct path *path, struct dentry *parent,
                                             struct inode *inode, __u64 *texts)
{
    struct host_directory *directory;
    struct host_file_rules *named;
    struct host_file_key key = {.ino = HOST_READ(inode, i_ino)};
    __u64 found = files->all;

    if (files->inodes[key.ino >> 6 & 7] >> (key.ino & 63) & 1) {
        key.dev = HOST_READ(inode, i_sb, s_dev);
        named = bpf_map_lookup_elem(&host_named, &key);
        if (named)
            found |= named->itself | named->below;
    }
    if (access->rules & ~files->all) {
        directory = host_directory(files, path->mnt, parent);
        if (!directory)
            return 0;
        found |= directory->below;
        *texts = directory->prefix & access->rules & files->texts & ~found;
    }
    return found;
}

#define HOST_FMODE_CREATED (1u << 20)

static __always_inline void host_access_opened(struct host_access *access, struct file *file)
{
    access->open_flags = HOST_READ(file, f_flags);
    if (HOST_READ(file, f_mode) & HOST_FMODE_CREATED)
        access->flags |= GRAIN_HOST_FILE_CREATED;
}

/* An operation on a file, at this path, of this open file or NULL: chosen, and told. Its access has
 * been begun. The verifier walks the two functions below once, whoever calls them. */
static __always_inline int host_tell(struct host_access *access, const struct path *at,
                                     struct inode *inode, struct file *file)
{
    const struct host_files *files = host_files();
    struct host_scratch *scratch = NULL;
    __u64 found, texts = 0;
    struct dentry *parent;
    struct path path;

    access->mnt = (__u64)HOST_READ(at, mnt);
    access->dentry = (__u64)HOST_READ(at, dentry);
    path.mnt = (void *)access->mnt;
    path.dentry = (void *)access->dentry;
    parent = HOST_READ(path.dentry, d_parent);
    if (!files || !host_file_named(path.dentry, parent, inode))
        return 0;
    found = host_file_rules(files, access, &path, parent, inode, &texts);
    if (texts) {
        scratch = host_access_path(access, &path);
        if (!scratch)
            return 0;
        if (!(access->flags & GRAIN_HOST_FILE_CUT))
            found |= host_match_all(access->start, texts);
    }
    access->rules &= found;
    if (access->rules & files->exclude)
        access->rules = 0;
    if (access->rules && !host_is_reader()) {
        if (!scratch)
            scratch = host_access_path(access, &path);
        if (!scratch)
            return 0;
        if (file && access->operation == GRAIN_HOST_OP_OPEN)
            host_access_opened(access, file);
        host_file_send(scratch, access, access->task ? (void *)access->task : host_task_current(),
                       inode);
    }
    if (scratch)
        host_scratch_give(scratch);
    return 0;
}

__noinline int host_path_told(void)
{
    struct host_access *access = host_access();
    const struct path *path;

    if (!access)
        return 0;
    path = (void *)access->at;
    return host_tell(access, path, HOST_READ(path, dentry, d_inode), NULL);
}

__noinline int host_file_told(void)
{
    struct host_access *access = host_access();
    struct file *file;

    if (!access)
        return 0;
    file = (void *)access->at;
    return host_tell(access, &file->f_path, HOST_READ(file, f_inode), file);
}

static __always_inline int host_path_tell(struct host_access *access, const struct path *path)
{
    access->at = (__u64)path;
    return host_path_told();
}

/* The same on an open file. */
static __always_inline int host_file_tell(struct host_access *access, const struct file *file)
{
    access->at = (__u64)file;
    return host_file_told();
}

#endif
