/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this kernel and this user may do, found by trying.
 *
 * What is loaded or attached for a try is gone when the function returns; attaching is tried in a
 * network namespace made for it, where this user may make one. The thread's namespace and limits
 * are then as before. Functions return 0 or -errno; what is refused is an answer, not an error.
 * libbpf's messages are turned off meanwhile, for all threads.
 */
#ifndef GRAIN_CHECK_H
#define GRAIN_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <grain/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum grain_check_answer {
    GRAIN_CHECK_YES,
    GRAIN_CHECK_NO,
    GRAIN_CHECK_UNTRIED, /* it takes rights that this user has not */
};

struct grain_check_item {
    const char *name; /* for programs to find it by: "xdp_program" */
    const char *text; /* what it is */
    enum grain_check_answer answer;
    int error;               /* 0, or -errno of the try */
    const char *consequence; /* what grain cannot do or does instead, unless YES; may be NULL */
    const char *remedy;      /* may be NULL: there is none */
};

typedef void (*grain_check_fn)(void *user, const struct grain_check_item *item);
GRAIN_API int grain_check_kernel(grain_check_fn fn, void *user);

/* A program of this build, loaded once with the smallest tables and taken away again. */
struct grain_check_program {
    const char *name;
    int error;              /* 0, or -errno: the kernel does not load it */
    uint32_t verified;      /* instructions that the verifier walked; 0: not told (before 5.16) */
    uint32_t instructions;  /* translated, of 8 bytes */
    uint32_t machine_bytes; /* 0: not compiled */
    uint64_t load_ns;       /* that loading took, verifier and maps included */
};

typedef void (*grain_check_program_fn)(void *user, const struct grain_check_program *program);
GRAIN_API int grain_check_programs(grain_check_program_fn fn, void *user);

#ifdef __cplusplus
}
#endif

#endif
