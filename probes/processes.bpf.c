// SPDX-License-Identifier: GPL-2.0-only
/* Which programs start and end, by tracepoint. A fork is told of when the child does something. */
#include "process.bpf.h"

static __always_inline bool left_out(void)
{
    const struct host_settings *settings = host_settings();

    return settings && settings->self_pid && settings->self_pid == bpf_get_current_pid_tgid() >> 32;
}

SEC("raw_tp/sched_process_exec")
int grain_processes_exec(void *ctx)
{
    struct task_struct *task = host_task_current();
    __u32 pid = bpf_get_current_pid_tgid() >> 32;
    __u64 start = HOST_READ(task, group_leader, start_boottime);

    (void)ctx;
    if (left_out())
        return 0;
    if (bpf_map_update_elem(&grain_host_told, &pid, &start, BPF_ANY))
        host_count(GRAIN_HOST_COUNTER_PROCESSES_FULL, 1);
    host_process_tell(GRAIN_HOST_WAY_TRACEPOINT, GRAIN_HOST_PROCESS_EXEC);
    return 0;
}

#define SIGNAL_GROUP_EXIT 4 /* of signal_struct.flags */

static __always_inline int exit_status(struct task_struct *task)
{
    if (HOST_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
        return HOST_READ(task, signal, group_exit_code);
    return HOST_READ(task, group_leader, exit_code);
}

SEC("raw_tp/sched_process_exit")
int grain_processes_exit(void *ctx)
{
    struct task_struct *task = host_task_current();
    __u32 pid = bpf_get_current_pid_tgid() >> 32;
    struct grain_host_exit *record;

    (void)ctx;
    if (HOST_READ(task, signal, live.counter))
        return 0;
    /* Whoever was not told of it need not know that it ended. */
    if (bpf_map_delete_elem(&grain_host_told, &pid))
        return 0;
    record = host_reserve(GRAIN_HOST_EXIT, GRAIN_HOST_WAY_TRACEPOINT, sizeof(*record));
    if (!record)
        return 0;
    host_task_fill(&record->task, task);
    record->status = exit_status(task);
    record->reserved = 0;
    host_submit(record, sizeof(*record));
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
