/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of type PROCESS: what a process runs, and where it belongs. Any probe tells of a process
 * before it tells what the process did. */
#ifndef GRAIN_PROBES_PROCESS_H
#define GRAIN_PROBES_PROCESS_H

#include "path.bpf.h"

#define HOST_CGROUP_DEPTH 16
#define HOST_HIERARCHIES  16

static __always_inline struct kernfs_node *host_kernfs_parent(struct kernfs_node *node)
{
    struct kernfs_node___rcu *newer = (void *)node;

    if (bpf_core_field_exists(newer->__parent))
        return HOST_READ(newer, __parent);
    return HOST_READ(node, parent);
}

/* The cgroup to name the process by: of v2, or when that is the root the first v1 hierarchy with
 * another one. */
static __always_inline struct kernfs_node *host_cgroup(struct task_struct *task, __u16 *flags)
{
    struct css_set *set = HOST_READ(task, cgroups);
    struct kernfs_node *node = HOST_READ(set, dfl_cgrp, kn), *other;
    struct cgroup_subsys_state *state;
    __u32 count = bpf_core_field_size(set->subsys) / sizeof(void *);

    if (node && host_kernfs_parent(node))
        return node;
    for (__u32 i = 0; i < HOST_HIERARCHIES; i++) {
        if (i >= count)
            break;
        if (bpf_core_read(&state, sizeof(state),
                          (void *)set + bpf_core_field_offset(struct css_set, subsys) +
                              i * sizeof(void *)) ||
            !state)
            continue;
        other = HOST_READ(state, cgroup, kn);
        if (other && host_kernfs_parent(other)) {
            *flags |= GRAIN_HOST_PROCESS_CGROUP_V1;
            return other;
        }
    }
    return node;
}

/* "/name" in front of what there is; false: no room. */
static __always_inline bool host_cgroup_prepend(struct host_scratch *scratch,
                                                struct kernfs_node *node)
{
    long length =
        bpf_probe_read_kernel_str(scratch->name, sizeof(scratch->name), HOST_READ(node, name));
    __u32 at = scratch->at;

    if (length <= 1 || at > HOST_BACKWARD_MAX ||
        at < HOST_BACKWARD_MAX - GRAIN_HOST_CGROUP_MAX + length)
        return false;
    length = (length - 1) & 255;
    at -= length;
    bpf_probe_read_kernel(&scratch->backward[at & (HOST_BACKWARD_MAX - 1)], length, scratch->name);
    at--;
    scratch->backward[at & (HOST_BACKWARD_MAX - 1)] = '/';
    scratch->at = at;
    return true;
}

/* Its path into scratch->backward; where it starts. */
static __noinline int host_cgroup_path(struct host_scratch *scratch, struct kernfs_node *node)
{
    struct kernfs_node *parent;

    scratch->at = HOST_BACKWARD_MAX;
    for (int turn = 0; turn < HOST_CGROUP_DEPTH && node; turn++) {
        parent = host_kernfs_parent(node);
        if (!parent || !host_cgroup_prepend(scratch, node))
            break;
        node = parent;
    }
    if (scratch->at == HOST_BACKWARD_MAX) {
        scratch->at--;
        scratch->backward[HOST_BACKWARD_MAX - 1] = '/';
    }
    return scratch->at;
}

static __always_inline __u32 host_arguments_put(struct host_scratch *scratch, __u32 to,
                                                struct mm_struct *mm, __u16 *flags)
{
    unsigned long start = HOST_READ(mm, arg_start), end = HOST_READ(mm, arg_end);
    __u32 length = GRAIN_HOST_ARGUMENTS_MAX;

    if (!mm || start >= end)
        return 0;
    if (end - start < GRAIN_HOST_ARGUMENTS_MAX)
        length = end - start;
    else if (end - start > GRAIN_HOST_ARGUMENTS_MAX)
        *flags |= GRAIN_HOST_PROCESS_CUT;
    asm volatile("%0 &= 2047" : "+r"(length));
    if (length > GRAIN_HOST_ARGUMENTS_MAX)
        return 0;
    asm volatile("%0 &= 8191" : "+r"(to));
    /* Not in memory just now: this must not wait for it. */
    if (bpf_probe_read_user(&scratch->record[to], length, (void *)start))
        return 0;
    return length;
}

/* Tell what the current process is. */
__noinline int host_process_tell(__u32 way, __u32 flag)
{
    struct task_struct *task = host_task_current();
    struct host_scratch *scratch = host_scratch_take(HOST_SCRATCH_PROCESS);
    struct grain_host_process *record;
    struct host_text path = {.start = HOST_BACKWARD_MAX};
    struct path where = {0};
    struct mm_struct *mm = HOST_READ(task, mm);
    struct file *exe = mm ? HOST_READ(mm, exe_file) : NULL;
    __u32 to = sizeof(*record), length;
    __u16 flags = flag;
    int start;

    if (!scratch)
        return -1;
    record = (void *)scratch->record;
    host_task_fill(&record->task, task);
    record->real_uid = HOST_READ(task, cred, uid.val);
    record->exe_ino = 0;
    record->exe_dev = 0;
    record->exe_length = 0;
    if (exe) {
        record->exe_ino = HOST_READ(exe, f_inode, i_ino);
        record->exe_dev = HOST_READ(exe, f_inode, i_sb, s_dev);
        bpf_core_read(&where, sizeof(where), &exe->f_path);
        host_path(HOST_SCRATCH_PROCESS, scratch, &where, &path);
        if (path.flags & GRAIN_HOST_FILE_CUT)
            flags |= GRAIN_HOST_PROCESS_CUT;
        length = host_text_put(scratch, to, path.start);
        record->exe_length = length;
        to += length;
    }
    length = host_arguments_put(scratch, to, mm, &flags);
    record->arguments_length = length;
    to += length;
    start = host_cgroup_path(scratch, host_cgroup(task, &flags));
    length = host_text_put(scratch, to, start);
    record->cgroup_length = length;
    to += length;
    record->flags = flags;
    host_output(scratch, GRAIN_HOST_PROCESS, way, to);
    host_scratch_give(scratch);
    return 0;
}

/* Tell of the current process unless that has been done. */
static __always_inline void host_process_known(struct task_struct *task, __u32 way)
{
    __u32 pid = bpf_get_current_pid_tgid() >> 32;
    __u64 start = HOST_READ(task, group_leader, start_boottime);
    __u64 *told = bpf_map_lookup_elem(&grain_host_told, &pid);

    if (told && *told == start)
        return;
    if (bpf_map_update_elem(&grain_host_told, &pid, &start, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_PROCESSES_FULL, 1);
    host_process_tell(way, 0);
}

#endif
