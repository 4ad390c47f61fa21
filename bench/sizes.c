// SPDX-License-Identifier: GPL-2.0-only
/* How big the shipping programs are, as this kernel sees them: verified instructions, and bytes
 * before and after translation to machine code. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <grain/config.h>

#include "grain_tc.skel.h"
#include "grain_xdp.skel.h"

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static int print_size(struct bpf_program *program)
{
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);

    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size)) {
        fprintf(stderr, "sizes: %s: %s\n", bpf_program__name(program), strerror(errno));
        return 1;
    }
    printf("size\t%s\t%u\t%u\t%u\n", bpf_program__name(program), info.verified_insns,
           info.xlated_prog_len, info.jited_prog_len);
    return 0;
}

int main(void)
{
    struct grain_xdp *xdp;
    struct grain_tc *tc;
    int failed;

    libbpf_set_print(quiet);
    xdp = grain_xdp__open_and_load();
    tc = grain_tc__open_and_load();
    if (!xdp || !tc) {
        fprintf(stderr, "sizes: the programs do not load: %s\n", strerror(errno));
        return 1;
    }
    failed = print_size(xdp->progs.grain_xdp) | print_size(tc->progs.grain_tc);
    grain_xdp__destroy(xdp);
    grain_tc__destroy(tc);
    return failed;
}
