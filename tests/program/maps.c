// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "maps.h"

/* The kernel keeps fifteen characters of a name. */
static int map_if_named(uint32_t id, const char *name)
{
    int fd = bpf_map_get_fd_by_id(id);
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);

    assert_true(fd >= 0);
    assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
    if (!strncmp(info.name, name, BPF_OBJ_NAME_LEN - 1))
        return fd;
    close(fd);
    return -1;
}

int program_map(int program, const char *name)
{
    uint32_t ids[32], length;
    struct bpf_prog_info info = {.nr_map_ids = 32, .map_ids = (uintptr_t)ids};

    length = sizeof(info);
    assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &length), 0);
    assert_true(info.nr_map_ids <= 32);
    for (uint32_t i = 0; i < info.nr_map_ids; i++) {
        int fd = map_if_named(ids[i], name);

        if (fd >= 0)
            return fd;
    }
    fail_msg("the program uses no map named %s", name);
    return -1;
}
