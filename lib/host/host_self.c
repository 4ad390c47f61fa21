// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs compare numbers of the first pid namespace. A process that lives in another one, as in a
 * container, does not know its own: a program that runs in its place asks for it.
 */
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "host_private.h"

void grain_host_self_open(struct host_self *self)
{
    const struct bpf_insn code[] = {
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid},
        {.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32},
        {.code = BPF_JMP | BPF_EXIT},
    };

    self->program = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "grain_self", "GPL", code,
                                  sizeof(code) / sizeof(code[0]), NULL);
}

void grain_host_self_close(struct host_self *self)
{
    if (self->program >= 0)
        close(self->program);
    self->program = -1;
}

void grain_host_self_learn(struct host_self *self)
{
    const uint32_t here = (uint32_t)getpid();
    LIBBPF_OPTS(bpf_test_run_opts, run);

    /* Known from before. It may have lost the right to ask since. */
    if (self->here == here)
        return;
    self->here = here;
    self->kernel = here;
    if (self->program >= 0 && !bpf_prog_test_run_opts(self->program, &run) && run.retval)
        self->kernel = run.retval;
}

uint32_t grain_host_pid_namespace(void)
{
    struct stat namespace;

    return stat("/proc/self/ns/pid", &namespace) ? 0 : (uint32_t) namespace.st_ino;
}
