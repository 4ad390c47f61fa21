/* SPDX-License-Identifier: GPL-2.0-only */
/* The open file behind a descriptor. */
#ifndef GRAIN_PROBES_DESCRIPTOR_H
#define GRAIN_PROBES_DESCRIPTOR_H

#include "host.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kiocb {
    struct file *ki_filp;
};
#pragma clang attribute pop

/* all[fd]. The verifier knows no type for what a pointer to a pointer leads to: it is told of a
 * structure that has such a pointer, at the place where it has it. */
static __always_inline struct file *descriptor_entry(struct file **all, __s64 fd)
{
#ifdef HOST_TYPED
    struct kiocb *holder = (void *)(all + fd) - bpf_core_field_offset(struct kiocb, ki_filp);

    return HOST_READ(holder, ki_filp);
#else
    struct file *file = NULL;

    bpf_probe_read_kernel(&file, sizeof(file), all + fd);
    return file;
#endif
}

/* Of the task, which is the current one; NULL: there is none. `used`: the kernel has just taken it;
 * tables never shrink, so it is within. */
static __always_inline struct file *descriptor_file(struct task_struct *task, __s64 fd, bool used)
{
    struct fdtable *table = HOST_READ(task, files, fdt);

    if (fd < 0 || (!used && fd >= HOST_READ(table, max_fds)))
        return NULL;
    return descriptor_entry(HOST_READ(table, fd), fd);
}

#endif
