/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all probes have in common: the maps that they share (lib/host/ loads each object with the
 * same ones), and how a record is begun and sent.
 *
 * Records of one size are made in the ring: host_reserve(), host_submit(). Those with texts are
 * put together in this CPU's scratch and sent by host_output(). Nothing wakes the reader for one
 * record: it is woken when much waits, and looks by itself otherwise.
 */
#ifndef GRAIN_PROBES_HOST_H
#define GRAIN_PROBES_HOST_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <grain/host_record.h>

#include "read.bpf.h"
#include "settings.h"
#include "types.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 8 << 20);
} grain_host_ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct host_cpu);
} grain_host_cpus SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct host_settings);
} grain_host_settings SEC(".maps");

/* Which processes the reader has been told of: thread group's pid, start time. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, HOST_TOLD_MAX);
    __type(key, __u32);
    __type(value, __u64);
} grain_host_told SEC(".maps");

struct host_text {
    __u32 start; /* in scratch->backward; it ends at HOST_BACKWARD_MAX */
    __u32 length;
    __u32 flags; /* GRAIN_HOST_FILE_CUT, DELETED, NO_MOUNT */
};

/* Where texts are put together; not shared: each object has its own. A process may have to be told
 * of while another record is in the making. */
#define HOST_SCRATCH_PROCESS 0
#define HOST_SCRATCH_OTHER   1
#define HOST_SCRATCHES       2

struct host_scratch {
    __u8 record[HOST_RECORD_MAX];
    __u8 backward[HOST_BACKWARD_MAX + 256]; /* a path, written from its end */
    __u8 second[HOST_BACKWARD_MAX];         /* a path2 */
    __u8 name[256];
    __u32 busy;
    /* Of a walk: where `backward` begins, components still to be left out, a component's end, and
     * the text's. Volatile: what lies in memory the verifier does not follow through loops. */
    volatile __u32 at, skip, end, limit;
    volatile __u64 slash;  /* before what is looked at: the high bit of a byte */
    struct host_text text; /* what a walk came to */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, HOST_SCRATCHES);
    __type(key, __u32);
    __type(value, struct host_scratch);
} host_scratches SEC(".maps");

static __always_inline struct host_cpu *host_cpu(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&grain_host_cpus, &zero);
}

static __always_inline const struct host_settings *host_settings(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&grain_host_settings, &zero);
}

static __always_inline void host_count(enum grain_host_counter counter, __u64 n)
{
    struct host_cpu *cpu = host_cpu();

    if (cpu)
        cpu->counters[counter] += n;
}

/* CLOCK_BOOTTIME as it was when this CPU first asked in the current jiffy (1 to 10 ms): asking the
 * clock takes 38 ns. */
static __always_inline __u64 host_now_about(void)
{
    __u64 jiffies = bpf_jiffies64();
    struct host_cpu *cpu = host_cpu();

    if (!cpu)
        return bpf_ktime_get_boot_ns();
    if (cpu->clock_jiffies != jiffies) {
        cpu->clock_ns = bpf_ktime_get_boot_ns();
        cpu->clock_jiffies = jiffies;
    }
    return cpu->clock_ns;
}

/* A program that may be preempted can meet another's scratch: NULL then. */
static __always_inline struct host_scratch *host_scratch_take(__u32 which)
{
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);

    if (!scratch || scratch->busy)
        return NULL;
    scratch->busy = 1;
    return scratch;
}

static __always_inline void host_scratch_give(struct host_scratch *scratch)
{
    scratch->busy = 0;
}

/* How the reader is to be woken by a record of this length: not, unless it crosses one of the
 * marks at each eighth of the ring. */
static __always_inline __u64 host_wake(__u32 length)
{
    const struct host_settings *settings = host_settings();
    __u64 waits = bpf_ringbuf_query(&grain_host_ring, BPF_RB_AVAIL_DATA);

    if (!settings || ((waits ^ (waits + length)) >> (settings->wake_shift & 63)) == 0)
        return BPF_RB_NO_WAKEUP;
    return BPF_RB_FORCE_WAKEUP;
}

/* ---- who ---- */

static __always_inline struct task_struct *host_task_current(void)
{
    return (struct task_struct *)bpf_get_current_task();
}

static __always_inline void host_task_fill(struct grain_host_task *out, struct task_struct *task)
{
    struct task_struct *leader = HOST_READ(task, group_leader);
    const struct cred *cred = HOST_READ(task, cred);
    struct nsproxy *names = HOST_READ(task, nsproxy);
    struct pid *pid = HOST_READ(task, thread_pid);
    unsigned int level = HOST_READ(pid, level);
    struct upid number = {0};

    out->start_ns = HOST_READ(leader, start_boottime);
    out->cgroup_id = bpf_get_current_cgroup_id();
    out->pid = HOST_READ(task, tgid);
    out->tid = HOST_READ(task, pid);
    out->ppid = HOST_READ(leader, real_parent, tgid);
    out->uid = HOST_READ(cred, euid.val);
    out->gid = HOST_READ(cred, egid.val);
    /* A task that ends has no namespaces any more. */
    out->mnt_ns = names ? HOST_READ(names, mnt_ns, ns.inum) : 0;
    out->net_ns = names ? HOST_READ(names, net_ns, ns.inum) : 0;
    bpf_core_read(&number.ns, sizeof(number.ns),
                  (void *)pid + bpf_core_field_offset(struct pid, numbers) +
                      (level & 31) * bpf_core_type_size(struct upid) +
                      bpf_core_field_offset(struct upid, ns));
    out->pid_ns = HOST_READ(number.ns, ns.inum);
    host_read_16(out->comm, &task->comm);
}

/* ---- records ---- */

static __always_inline void host_header_fill(struct grain_host_header *header, struct host_cpu *cpu,
                                             __u8 type, __u8 way, __u32 length)
{
    header->type = type;
    header->version = GRAIN_HOST_VERSION;
    header->way = way;
    header->reserved = 0;
    header->length = length;
    header->time_ns = bpf_ktime_get_boot_ns();
    header->sequence = cpu->sequence++;
    header->cpu = bpf_get_smp_processor_id();
    header->reserved2 = 0;
}

static __always_inline void host_sent(struct host_cpu *cpu, bool sent)
{
    cpu->counters[sent ? GRAIN_HOST_COUNTER_RECORDS : GRAIN_HOST_COUNTER_RING_FULL]++;
}

/* A record of a constant size in the ring, its header filled; NULL: no room, and counted. */
static __always_inline void *host_reserve(__u8 type, __u8 way, __u32 length)
{
    struct host_cpu *cpu = host_cpu();
    struct grain_host_header *header;

    if (!cpu)
        return NULL;
    header = bpf_ringbuf_reserve(&grain_host_ring, length, 0);
    if (!header) {
        cpu->sequence++;
        host_sent(cpu, false);
        return NULL;
    }
    host_header_fill(header, cpu, type, way, length);
    return header;
}

static __always_inline void host_submit(void *record, __u32 length)
{
    struct host_cpu *cpu = host_cpu();

    if (cpu)
        host_sent(cpu, true);
    bpf_ringbuf_submit(record, host_wake(length));
}

/* Send what stands at the beginning of the scratch. */
static __always_inline void host_output(struct host_scratch *scratch, __u8 type, __u8 way,
                                        __u32 length)
{
    struct host_cpu *cpu = host_cpu();

    if (!cpu)
        return;
    /* The bound stands beside the use, in the register that the call takes. */
    asm volatile("" : "+r"(length));
    if (length < sizeof(struct grain_host_header) || length > HOST_RECORD_MAX)
        return;
    host_header_fill((void *)scratch->record, cpu, type, way, length);
    host_sent(cpu,
              !bpf_ringbuf_output(&grain_host_ring, scratch->record, length, host_wake(length)));
}

#endif
