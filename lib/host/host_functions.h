/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes at the kernel's functions: an object whose programs have to be chosen for this kernel. */
#ifndef GRAIN_LIB_HOST_FUNCTIONS_H
#define GRAIN_LIB_HOST_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <bpf/libbpf.h>

/* A program, or with "_entry" behind its name the one that belongs to it. */
struct host_function {
    const char *program;
    int arguments; /* that its function must take; 0: any number */
    bool optional; /* not every kernel has it, and then nothing is missed */
    bool returns;  /* by kprobe it only keeps the arguments: "returned" goes to its function, too */
};

struct host_functions {
    struct bpf_object *object;
    struct bpf_link **links;
    size_t count;
};

/*
 * Choose from the object, which is open and not loaded, by the kernel's own description of its
 * functions. The list ends with program NULL. -ENOTSUP: what is needed is not there, and
 * grain_error() says what.
 */
int grain_host_functions_choose(struct bpf_object *object, const struct host_function *list);

/* Attach all that was chosen and loaded. On failure nothing stays attached. */
int grain_host_functions_attach(struct host_functions *functions, const struct host_function *list);
/* And take it all back; the object is closed. */
void grain_host_functions_free(struct host_functions *functions);

#endif
