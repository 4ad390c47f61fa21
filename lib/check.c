// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <grain/check.h>
#include <grain/config.h>
#include <grain/flow.h>

#include "check_private.h"
#include "grain_tc.skel.h"
#include "grain_xdp.skel.h"
#include "probe.h"
#include "quiet.h"

#define BUCKETS_SMALLEST 64
#define TEXTS_SMALLEST   64
#define FLOWS_SMALLEST   8

#define ROOT_OR_BPF     "run it as root, or with CAP_BPF and CAP_NET_ADMIN"
#define ROOT_OR_PERFMON "run it as root, or with CAP_BPF and CAP_PERFMON"
#define NEWER           "a newer kernel, or one built with it, has it"

enum place {
    HERE,
    IN_NAMESPACE, /* tried in a network namespace of its own */
};

struct
try {
    const char *name, *text;
    int (*run)(void);
    int capability; /* that the kernel asks for, beside CAP_SYS_ADMIN; -1: none */
    enum place place;
    const char *consequence, *remedy;
};

static const struct try tries[] = {
    {"btf", "kernel type information (/sys/kernel/btf/vmlinux)", grain_try_btf, -1, HERE,
     "tracing programs cannot be fitted to this kernel", "a kernel with CONFIG_DEBUG_INFO_BTF"},
    {"jit", "BPF is compiled to machine code", grain_try_jit, CAP_BPF, HERE,
     "programs run several times slower", "sysctl net.core.bpf_jit_enable=1"},
    {"bpffs", "a BPF file system on /sys/fs/bpf", grain_try_bpffs, -1, HERE,
     "nothing can stay attached until it is mounted; attach mounts it as root",
     "mount -t bpf bpf /sys/fs/bpf"},
    {"cgroup_memory", "memory of maps is charged to the cgroup", grain_try_cgroup_memory, CAP_BPF,
     HERE, "maps count against the limit of locked memory (before 5.11)", "ulimit -l unlimited"},
    {"xdp_program", "XDP programs load", grain_try_xdp_program, CAP_BPF, HERE,
     "nothing is seen at the driver; tc is used", ROOT_OR_BPF},
    {"xdp_attach", "XDP programs attach (generic mode)", grain_try_xdp_attach, CAP_NET_ADMIN,
     IN_NAMESPACE, "only tc can be used", ROOT_OR_BPF},
    {"xdp_frags", "XDP on frames of several buffers", grain_try_xdp_frags, CAP_BPF, HERE,
     "XDP does not attach where the MTU does not fit into a page; tc does", NEWER " (5.18)"},
    {"xdp_load_bytes", "XDP programs copy packet bytes by a helper", grain_try_xdp_load_bytes,
     CAP_BPF, HERE, "another helper is used, which reads the first buffer only", NEWER " (5.18)"},
    {"extension", "a program replaces a function of another (freplace)", grain_probe_extension,
     CAP_SYS_ADMIN, HERE,
     "no libxdp dispatcher: at the XDP hook grain is alone, or gives way and uses tc", NEWER},
    {"dispatcher_file", "libxdp's dispatcher is installed", grain_try_dispatcher_file, -1, HERE,
     "no sharing of the XDP hook: grain is alone there, or gives way and uses tc",
     "install libxdp1, or set LIBXDP_OBJECT_PATH"},
    {"tc_program", "tc programs load", grain_try_tc_program, CAP_BPF, HERE,
     "what leaves is not seen, nor what comes in where XDP cannot be used", ROOT_OR_BPF},
    {"tcx", "tcx links (6.6)", grain_try_tcx, CAP_NET_ADMIN, IN_NAMESPACE,
     "clsact filters are used for tc", NEWER " (6.6)"},
    {"clsact", "clsact filters", grain_try_clsact, CAP_NET_ADMIN, IN_NAMESPACE,
     "without tcx too, nothing can be attached at tc", "a kernel with CONFIG_NET_CLS_BPF"},
    {"test_run", "programs run on frames out of memory", grain_try_test_run, CAP_BPF, HERE,
     "replay uses the host engine; first and last seen are not shown", ROOT_OR_BPF},
    {"perf_array", "perf event arrays", grain_try_perf_array, CAP_PERFMON, HERE,
     "no events; counts and names are there", ROOT_OR_PERFMON},
    {"batch", "per-CPU tables are read by batch", grain_try_batch, CAP_BPF, HERE,
     "reading all names takes longer", NEWER " (5.13)"},
    {"ring_buffer", "ring buffers", grain_try_ring_buffer, CAP_BPF, HERE,
     "no events of processes and files", NEWER " (5.8)"},
    {"tracepoint", "programs at tracepoints", grain_try_tracepoint, CAP_PERFMON, HERE,
     "no tracing there; tracefs may not be mounted", "mount -t tracefs none /sys/kernel/tracing"},
    {"raw_tracepoint", "programs at raw tracepoints", grain_try_raw_tracepoint, CAP_PERFMON, HERE,
     "fewer events of processes", ROOT_OR_PERFMON},
    {"fentry", "programs at the entry of kernel functions", grain_try_fentry, CAP_PERFMON, HERE,
     "kprobes or tracepoints are used for tracing", NEWER},
    {"kprobe", "kprobes", grain_try_kprobe, CAP_PERFMON, HERE,
     "without fentry too, only tracepoints are used for tracing", "a kernel with CONFIG_KPROBES"},
};

static const struct {
    const char *name, *text;
    int number;
    const char *consequence;
} capabilities[] = {
    {"cap_bpf", "CAP_BPF: load programs, make maps", CAP_BPF, "nothing loads"},
    {"cap_net_admin", "CAP_NET_ADMIN: attach to interfaces", CAP_NET_ADMIN,
     "nothing attaches to interfaces"},
    {"cap_perfmon", "CAP_PERFMON: read packets in programs, events", CAP_PERFMON,
     "the shipped programs do not load, no events are read"},
    {"cap_sys_admin", "CAP_SYS_ADMIN: mount, find programs by number", CAP_SYS_ADMIN,
     "libxdp's dispatcher cannot be used, nobody else's programs are shown"},
};

/* It is root's, or the one that the kernel asks for is there. */
static bool may_try(const struct try *one)
{
    return one->capability < 0 || grain_has_capability(CAP_SYS_ADMIN) ||
           grain_has_capability(one->capability);
}

static void report(const struct try *one, int error, grain_check_fn fn, void *user)
{
    struct grain_check_item item = {
        .name = one->name,
        .text = one->text,
        .answer = error ? GRAIN_CHECK_NO : GRAIN_CHECK_YES,
        .error = error,
        .consequence = error ? one->consequence : NULL,
        .remedy = error ? one->remedy : NULL,
    };

    if ((error == -EPERM || error == -EACCES) && !may_try(one)) {
        item.answer = GRAIN_CHECK_UNTRIED;
        item.consequence = "this user may not try it";
        item.remedy = one->capability == CAP_PERFMON ? ROOT_OR_PERFMON : ROOT_OR_BPF;
    }
    fn(user, &item);
}

static int run_try(const struct try *one)
{
    int back, error;

    if (one->place == HERE)
        return one->run();
    error = grain_try_enter(&back);
    if (error)
        return error;
    error = one->run();
    grain_try_leave(back);
    return error;
}

static void check_capabilities(grain_check_fn fn, void *user)
{
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
        bool held = grain_has_capability(capabilities[i].number);
        const struct grain_check_item item = {
            .name = capabilities[i].name,
            .text = capabilities[i].text,
            .answer = held ? GRAIN_CHECK_YES : GRAIN_CHECK_NO,
            .consequence = held ? NULL : capabilities[i].consequence,
            .remedy = held ? NULL : "run it as root, or give the file or unit that capability",
        };

        fn(user, &item);
    }
}

int grain_check_kernel(grain_check_fn fn, void *user)
{
    const struct grain_quiet before = grain_quiet_begin();

    check_capabilities(fn, user);
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        report(&tries[i], run_try(&tries[i]), fn, user);
    grain_quiet_end(&before);
    return 0;
}

static uint64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void set_smallest(struct bpf_object *object, struct grain_load *load)
{
    const struct {
        const char *map;
        uint32_t entries;
    } sizes[] = {
        {"grain_counts", BUCKETS_SMALLEST},
        {"grain_texts", TEXTS_SMALLEST},
        {"grain_flow_tags", FLOWS_SMALLEST},
        {"grain_flows", FLOWS_SMALLEST * GRAIN_FLOW_WAYS},
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        (void)bpf_map__set_max_entries(bpf_object__find_map_by_name(object, sizes[i].map),
                                       sizes[i].entries);
    load->bucket_mask = BUCKETS_SMALLEST - 1;
    load->text_mask = TEXTS_SMALLEST - 1;
    load->flow_mask = FLOWS_SMALLEST - 1;
    load->xdp_load_bytes = !grain_try_xdp_load_bytes();
}

static void load_one(struct bpf_object *object, const char *name, grain_check_program_fn fn,
                     void *user)
{
    struct grain_check_program program = {.name = name};
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);
    uint64_t start = now();
    int fd;

    program.error = bpf_object__load(object);
    program.load_ns = now() - start;
    fd = program.error ? -1 : bpf_program__fd(bpf_object__next_program(object, NULL));
    if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size)) {
        program.verified = info.verified_insns;
        program.instructions = info.xlated_prog_len / sizeof(struct bpf_insn);
        program.machine_bytes = info.jited_prog_len;
    }
    fn(user, &program);
}

int grain_check_programs(grain_check_program_fn fn, void *user)
{
    const struct grain_quiet before = grain_quiet_begin();
    struct grain_xdp *xdp = grain_xdp__open();
    struct grain_tc *tc = grain_tc__open();
    int error = xdp && tc ? 0 : -ENOMEM;

    if (!error) {
        set_smallest(xdp->obj, (struct grain_load *)&xdp->rodata->grain_load);
        load_one(xdp->obj, "grain_xdp", fn, user);
        set_smallest(tc->obj, (struct grain_load *)&tc->rodata->grain_load);
        load_one(tc->obj, "grain_tc", fn, user);
    }
    grain_xdp__destroy(xdp);
    grain_tc__destroy(tc);
    grain_quiet_end(&before);
    return error;
}
