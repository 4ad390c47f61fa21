/* SPDX-License-Identifier: GPL-2.0-only */
/* What went wrong, in one line. */
#ifndef GRAIN_ERROR_H
#define GRAIN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define GRAIN_API __attribute__((visibility("default")))

/*
 * The calling thread's last failure in grain/pinned.h, grain/memory.h or grain/attach.h: what,
 * where, and what to do about it; without a newline. Meaningful after one of them has returned an
 * error. It may hold names that came from outside: escape it for a terminal.
 *
 * libbpf and libxdp print nothing by themselves once the library has been used; what they had to
 * say of a program that was not loaded is in the message. A program that wants to see all of it
 * sets printers of its own (libbpf_set_print, libxdp_set_print) after its first call.
 */
GRAIN_API const char *grain_error(void);

#ifdef __cplusplus
}
#endif

#endif
