/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_LOCK_PRIVATE_H
#define GRAIN_LIB_LOCK_PRIVATE_H

#include <stddef.h>

/* "process 123 (name)": who holds a flock on what `fd` is open on; "another process" when that
 * cannot be told. */
void grain_lock_holder(int fd, char *out, size_t size);

#endif
