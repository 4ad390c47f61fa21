// SPDX-License-Identifier: GPL-2.0-only
/* Each feature by using it once. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "check_private.h"

#define XDP_PASS_RESULT  2
#define XDP_HAS_FRAGS    (1U << 5) /* BPF_F_XDP_HAS_FRAGS, which older headers have not */
#define DISPATCHER_FILES "/usr/lib*/bpf/xdp-dispatcher.o"

static int done(int fd)
{
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int grain_try_load(uint32_t type, uint32_t result, uint32_t flags)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = (int)result},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags);

    return bpf_prog_load(type, "grain_check", "GPL", code, 2, &options);
}

int grain_try_xdp_program(void)
{
    return done(grain_try_load(BPF_PROG_TYPE_XDP, XDP_PASS_RESULT, 0));
}

int grain_try_tc_program(void)
{
    return done(grain_try_load(BPF_PROG_TYPE_SCHED_CLS, 0, 0));
}

int grain_try_xdp_frags(void)
{
    return done(grain_try_load(BPF_PROG_TYPE_XDP, XDP_PASS_RESULT, XDP_HAS_FRAGS));
}

int grain_try_test_run(void)
{
    uint8_t frame[64] = {0};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
                .repeat = 1);
    int fd = grain_try_load(BPF_PROG_TYPE_XDP, XDP_PASS_RESULT, 0), error;

    if (fd < 0)
        return fd;
    error = bpf_prog_test_run_opts(fd, &run) ? -errno : 0;
    close(fd);
    return error;
}

int grain_try_xdp_load_bytes(void)
{
    /* Where nothing loads, the probe takes that for a yes. */
    int result = grain_try_xdp_program();

    if (result)
        return result;
    result = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL);
    return result > 0 ? 0 : result < 0 ? result : -EINVAL;
}

int grain_try_jit(void)
{
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);
    int fd = grain_try_load(BPF_PROG_TYPE_XDP, XDP_PASS_RESULT, 0), error;

    if (fd < 0)
        return fd;
    error = bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : 0;
    close(fd);
    return error ? error : info.jited_prog_len ? 0 : -EOPNOTSUPP;
}

int grain_try_btf(void)
{
    int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : done(fd);
}

int grain_try_dispatcher_file(void)
{
    static const char *const places[] = {DISPATCHER_FILES, "/usr/lib/*/bpf/xdp-dispatcher.o",
                                         "/usr/local/lib*/bpf/xdp-dispatcher.o"};
    const char *chosen = getenv("LIBXDP_OBJECT_PATH");
    char path[4096];
    bool found = false;
    glob_t files;

    if (chosen) {
        (void)snprintf(path, sizeof(path), "%s/xdp-dispatcher.o", chosen);
        found = !access(path, R_OK);
    }
    for (size_t i = 0; !found && i < sizeof(places) / sizeof(places[0]); i++) {
        found = !glob(places[i], 0, NULL, &files);
        globfree(&files);
    }
    return found ? 0 : -ENOENT;
}

static int try_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries)
{
    return done(bpf_map_create(type, "grain_check", key, value, entries, NULL));
}

static int perf_open(struct perf_event_attr *attr)
{
    int fd;

    attr->size = sizeof(*attr);
    fd = (int)syscall(SYS_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The array, and a ring to put into it. */
int grain_try_perf_array(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .config = PERF_COUNT_SW_BPF_OUTPUT,
                                   .sample_type = PERF_SAMPLE_RAW};
    int error = try_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, libbpf_num_possible_cpus());

    return error ? error : done(perf_open(&attr));
}

int grain_try_ring_buffer(void)
{
    return try_map(BPF_MAP_TYPE_RINGBUF, 0, 0, getpagesize());
}

int grain_try_batch(void)
{
    uint32_t position, count = 1, key;
    int cpus = libbpf_num_possible_cpus();
    uint64_t *values = calloc(cpus > 0 ? cpus : 1, sizeof(*values));
    int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "grain_check", 4, 8, 1, NULL);
    int error = fd;
    LIBBPF_OPTS(bpf_map_batch_opts, options);

    if (fd >= 0 && values) {
        error = bpf_map_lookup_batch(fd, NULL, &position, &key, values, &count, &options) &&
                        errno != ENOENT
                    ? -errno
                    : 0;
        close(fd);
    }
    free(values);
    return error;
}

int grain_try_bpffs(void)
{
    struct statfs system;

    if (statfs("/sys/fs/bpf", &system))
        return -errno;
    return (uint32_t)system.f_type == BPF_FS_MAGIC ? 0 : -ENOENT;
}

/* A map for which the limit of locked memory leaves no room. */
int grain_try_cgroup_memory(void)
{
    struct rlimit before, none;
    int error;

    if (getrlimit(RLIMIT_MEMLOCK, &before))
        return -errno;
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    if (setrlimit(RLIMIT_MEMLOCK, &none))
        return -errno;
    error = try_map(BPF_MAP_TYPE_ARRAY, 4, 65536, 4);
    (void)setrlimit(RLIMIT_MEMLOCK, &before);
    return error;
}

/* The number in a file; negative: there is none. */
static int number_in(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[32] = "", *end;
    long number;

    if (!file)
        return -errno;
    if (!fgets(line, sizeof(line), file))
        *line = '\0';
    (void)fclose(file);
    number = strtol(line, &end, 10);
    return end == line || number < 0 || number > INT_MAX ? -EINVAL : (int)number;
}

/* Let a perf event run a program, and take both away. */
static int try_perf_program(struct perf_event_attr *attr, enum bpf_prog_type type)
{
    int program = grain_try_load(type, 0, 0), event, error = 0;

    if (program < 0)
        return program;
    event = perf_open(attr);
    if (event < 0)
        error = event;
    else if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program))
        error = -errno;
    if (event >= 0)
        close(event);
    close(program);
    return error;
}

int grain_try_tracepoint(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .sample_type = PERF_SAMPLE_RAW};
    int id = number_in("/sys/kernel/tracing/events/sched/sched_process_exec/id");

    if (id < 0)
        id = number_in("/sys/kernel/debug/tracing/events/sched/sched_process_exec/id");
    if (id < 0)
        return id;
    attr.config = (uint32_t)id;
    return try_perf_program(&attr, BPF_PROG_TYPE_TRACEPOINT);
}

int grain_try_kprobe(void)
{
    int type = number_in("/sys/bus/event_source/devices/kprobe/type");
    struct perf_event_attr attr = {.config1 = (uint64_t)(unsigned long)"do_exit"};

    if (type < 0)
        return type;
    attr.type = (uint32_t)type;
    return try_perf_program(&attr, BPF_PROG_TYPE_KPROBE);
}

static int try_raw_open(int program, const char *name)
{
    int link;

    if (program < 0)
        return program;
    link = bpf_raw_tracepoint_open(name, program);
    close(program);
    return done(link);
}

int grain_try_raw_tracepoint(void)
{
    return try_raw_open(grain_try_load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0), "sched_process_exec");
}

int grain_try_fentry(void)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int id = libbpf_find_vmlinux_btf_id("do_exit", BPF_TRACE_FENTRY);
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
                .attach_btf_id = (uint32_t)id);

    if (id < 0)
        return id;
    return try_raw_open(
        bpf_prog_load(BPF_PROG_TYPE_TRACING, "grain_check", "GPL", code, 2, &options), NULL);
}
