// SPDX-License-Identifier: GPL-2.0-only
/* Hooks, tried on the loopback device of a network namespace that goes when the try is over. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "check_private.h"

#define LOOPBACK    1
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which older headers have not */

bool grain_has_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data))
        return false;
    return data[capability / 32].effective >> capability % 32 & 1;
}

int grain_try_enter(int *back)
{
    *back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (*back < 0)
        return -errno;
    if (unshare(CLONE_NEWNET)) {
        int error = -errno;

        close(*back);
        return error;
    }
    return 0;
}

void grain_try_leave(int back)
{
    (void)setns(back, CLONE_NEWNET);
    close(back);
}

int grain_try_xdp_attach(void)
{
    int program = grain_try_load(BPF_PROG_TYPE_XDP, 2, 0), error;

    if (program < 0)
        return program;
    error = bpf_xdp_attach(LOOPBACK, program, XDP_FLAGS_SKB_MODE, NULL);
    if (!error)
        (void)bpf_xdp_detach(LOOPBACK, XDP_FLAGS_SKB_MODE, NULL);
    close(program);
    return error;
}

int grain_try_tcx(void)
{
    int program = grain_try_load(BPF_PROG_TYPE_SCHED_CLS, 0xffffffff, 0), link;

    if (program < 0)
        return program;
    link = bpf_link_create(program, LOOPBACK, TCX_INGRESS, NULL);
    close(program);
    if (link < 0)
        return link;
    close(link);
    return 0;
}

int grain_try_clsact(void)
{
    int program = grain_try_load(BPF_PROG_TYPE_SCHED_CLS, 0xffffffff, 0), error;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK, .attach_point = BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program);

    if (program < 0)
        return program;
    error = bpf_tc_hook_create(&hook);
    if (!error)
        error = bpf_tc_attach(&hook, &filter);
    hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
    (void)bpf_tc_hook_destroy(&hook);
    close(program);
    return error;
}
