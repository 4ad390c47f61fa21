/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place for what libbpf and libxdp have to say: nothing of it is printed. */
#ifndef GRAIN_LIB_QUIET_H
#define GRAIN_LIB_QUIET_H

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

/* Who had the messages before. */
struct grain_quiet {
    libbpf_print_fn_t bpf;
    libxdp_print_fn_t xdp;
};

/* From the first call on, unless the program that uses this library sets printers of its own after
 * it. Every way into the library that may reach one of the two begins with this. */
void grain_quiet_always(void);

/* Also if the program has printers of its own: for what is expected to fail, and is told by the
 * caller. What was kept is forgotten. */
struct grain_quiet grain_quiet_begin(void);
void grain_quiet_end(const struct grain_quiet *before);

/* Between those two. */
int grain_quietly(int (*load)(void *object), void *object);

/*
 * What this thread's last failure in them was: the last line of a verifier's log, else the first
 * warning since grain_quiet_begin, as " (...)" to stand behind a message; empty: there was none.
 * Until the next message.
 */
const char *grain_quiet_detail(void);

#endif
