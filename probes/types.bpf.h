/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's structures, as far as probes read them: members are found by name when the object
 * is loaded (CO-RE), so order and size here mean nothing.
 */
#ifndef GRAIN_PROBES_TYPES_H
#define GRAIN_PROBES_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    int counter;
} host_atomic;

struct host_kid {
    __u32 val;
};

struct ns_common {
    unsigned int inum;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct net {
    struct ns_common ns;
};

struct pid_namespace {
    struct ns_common ns;
};

struct nsproxy {
    struct mnt_namespace *mnt_ns;
    struct net *net_ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

struct pid {
    unsigned int level;
    struct upid numbers[1];
};

struct cred {
    struct host_kid uid, euid, egid;
};

struct kernfs_node {
    struct kernfs_node *parent;
    const char *name;
    __u64 id;
};

/* Since 6.15. */
struct kernfs_node___rcu {
    struct kernfs_node *__parent;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct cgroup_subsys_state {
    struct cgroup *cgroup;
};

struct css_set {
    struct cgroup_subsys_state *subsys[16];
    struct cgroup *dfl_cgrp;
};

struct qstr {
    __u32 len;
    const unsigned char *name;
};

struct hlist_bl_node {
    struct hlist_bl_node **pprev;
};

struct super_block {
    __u32 s_dev;
};

struct inode {
    unsigned short i_mode;
    struct host_kid i_uid, i_gid;
    struct super_block *i_sb;
    unsigned long i_ino;
};

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode;
};

struct vfsmount {
    struct dentry *mnt_root;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
    unsigned int f_flags;
    unsigned int f_mode;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct fs_struct {
    struct path root, pwd;
};

struct mm_struct {
    struct file *exe_file;
    unsigned long arg_start, arg_end;
};

struct signal_struct {
    host_atomic live;
    int group_exit_code;
    unsigned int flags;
};

struct thread_info {
    unsigned long flags;
};

struct thread_info___x86 {
    unsigned int status;
};

struct task_struct___x86 {
    struct thread_info___x86 thread_info;
};

struct task_struct {
    struct thread_info thread_info;
    struct mm_struct *mm;
    int exit_code;
    int pid, tgid;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    __u64 start_boottime;
    const struct cred *cred;
    char comm[16];
    struct fs_struct *fs;
    struct files_struct *files;
    struct nsproxy *nsproxy;
    struct signal_struct *signal;
    struct css_set *cgroups;
};

struct linux_binprm {
    struct file *file;
};

/* Registers of x86-64 and arm64: the one that the kernel knows is used. */
struct pt_regs___x86 {
    unsigned long r10, r9, r8, dx, si, di, orig_ax;
};

struct pt_regs___arm_64 {
    __u64 regs[31];
    __u64 orig_x0;
    int syscallno;
};

#pragma clang attribute pop

#endif
