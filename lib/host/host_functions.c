// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "../error_private.h"
#include "host_functions.h"

/* How many arguments the function takes; -ENOENT: the kernel has none of this name. */
static int argument_count(const struct btf *btf, const char *function)
{
    int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
    const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

    type = type ? btf__type_by_id(btf, type->type) : NULL;
    return type && btf_is_func_proto(type) ? btf_vlen(type) : -ENOENT;
}

static const struct host_function *find(const struct host_function *list, const char *program)
{
    static const char entry[] = "_entry";
    size_t length = strlen(program);

    if (length > sizeof(entry) - 1 && !strcmp(program + length - (sizeof(entry) - 1), entry))
        length -= sizeof(entry) - 1;
    for (; list->program; list++)
        if (strlen(list->program) == length && !strncmp(list->program, program, length))
            return list;
    return NULL;
}

/* Load it or not; whether a program of its function will be loaded goes into *hooked. */
static int choose(const struct btf *btf, struct bpf_program *program,
                  const struct host_function *list)
{
    const char *name = bpf_program__name(program), *section = bpf_program__section_name(program);
    const char *function = strchr(section, '/');
    const struct host_function *entry = find(list, name);
    int count;

    if (!function || !entry)
        return 0; /* hooks in otherwise */
    count = argument_count(btf, function + 1);
    if (count >= 0 && (!entry->arguments || entry->arguments == count))
        return 0;
    bpf_program__set_autoload(program, false);
    if (count < 0 && !entry->optional)
        return grain_fail(-ENOTSUP, "this kernel has no function %s", function + 1);
    return 0;
}

/* A function with several programs must have got one. */
static int check_chosen(struct bpf_object *object, const struct host_function *list)
{
    for (; list->program; list++) {
        struct bpf_program *program = bpf_object__find_program_by_name(object, list->program);
        struct bpf_program *other;
        bool found = false;

        if (!program)
            return grain_fail(-EINVAL, "no program %s was built in", list->program);
        bpf_object__for_each_program(other, object) if (!strcmp(bpf_program__section_name(other),
                                                                bpf_program__section_name(program)))
            found |= bpf_program__autoload(other);
        if (!found && !list->optional)
            return grain_fail(-ENOTSUP, "this kernel's function of %s takes other arguments",
                              bpf_program__section_name(program));
    }
    return 0;
}

int grain_host_functions_choose(struct bpf_object *object, const struct host_function *list)
{
    struct btf *btf = btf__load_vmlinux_btf();
    struct bpf_program *program;
    int error = 0;

    if (!btf)
        return grain_fail(-ENOTSUP, "this kernel has no BTF: %s", strerror(errno));
    bpf_object__for_each_program(program, object)
    {
        error = choose(btf, program, list);
        if (error)
            break;
    }
    btf__free(btf);
    return error ? error : check_chosen(object, list);
}

static void detach(struct host_functions *functions)
{
    for (size_t i = 0; i < functions->count; i++)
        bpf_link__destroy(functions->links[i]);
    functions->count = 0;
}

static int keep_link(struct host_functions *functions, struct bpf_link *link)
{
    if (!link)
        return -errno;
    functions->links[functions->count++] = link;
    return 0;
}

/* First what sees the return: what it finds nothing kept of it leaves alone. */
static int attach_one(struct host_functions *functions, struct bpf_program *program,
                      struct bpf_program *returned, const struct host_function *list)
{
    const struct host_function *entry = find(list, bpf_program__name(program));
    const char *function = strchr(bpf_program__section_name(program), '/');
    int error = 0;

    if (program == returned || !bpf_program__autoload(program) || !function)
        return 0;
    if (returned && entry && entry->returns)
        error = keep_link(functions, bpf_program__attach_kprobe(returned, true, function + 1));
    return error ? error : keep_link(functions, bpf_program__attach(program));
}

int grain_host_functions_attach(struct host_functions *functions, const struct host_function *list)
{
    struct bpf_program *program;
    struct bpf_program *returned = bpf_object__find_program_by_name(functions->object, "returned");
    size_t count = 0;
    int error = 0;

    bpf_object__for_each_program(program, functions->object) count++;
    functions->links = calloc(2 * count + 1, sizeof(struct bpf_link *));
    if (!functions->links)
        return -ENOMEM;
    bpf_object__for_each_program(program, functions->object)
    {
        error = attach_one(functions, program, returned, list);
        if (error)
            break;
    }
    if (error)
        detach(functions);
    return error;
}

void grain_host_functions_free(struct host_functions *functions)
{
    detach(functions);
    free(functions->links);
    bpf_object__close(functions->object);
    *functions = (struct host_functions){0};
}
