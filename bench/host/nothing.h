/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that do nothing: what they cost is the kernel's own share, which any tool at such a
 * place bears. */
#ifndef GRAIN_BENCH_HOST_NOTHING_H
#define GRAIN_BENCH_HOST_NOTHING_H

#include <unistd.h>

#include <bpf/bpf.h>

/* At a tracepoint, until the descriptor is closed; -1: not there, or not allowed. */
static inline int attach_nothing(const char *tracepoint)
{
    static const struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int program = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "nothing", "GPL", nothing,
                                sizeof(nothing) / sizeof(nothing[0]), NULL);
    int link = program < 0 ? -1 : bpf_raw_tracepoint_open(tracepoint, program);

    if (program >= 0)
        close(program);
    return link < 0 ? -1 : link;
}

#endif
