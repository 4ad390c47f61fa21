// SPDX-License-Identifier: GPL-2.0-only
#include "host_typed.h"

#include <bpf/btf.h>

bool grain_host_can_type(void)
{
    struct btf *kernel = btf__load_vmlinux_btf();
    bool found = kernel && btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;

    btf__free(kernel);
    return found;
}
