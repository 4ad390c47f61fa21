// SPDX-License-Identifier: GPL-2.0-only
#include "host_typed.h"

#include <bpf/btf.h>

static bool can_type(void)
{
    struct btf *kernel = btf__load_vmlinux_btf();
    bool found = kernel && btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;

    btf__free(kernel);
    return found;
}

int grain_host_load_typed(int (*load)(struct grain_host *host, enum grain_host_way way, bool typed,
                                      void **object),
                          struct grain_host *host, enum grain_host_way way, void **object)
{
    int error = -ENOTSUP;

    if (can_type())
        error = load(host, way, true, object);
    return error ? load(host, way, false, object) : 0;
}
