/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_ERROR_PRIVATE_H
#define GRAIN_LIB_ERROR_PRIVATE_H

#include <grain/error.h>

/* Note a failure for grain_error() and return `error`. */
int grain_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
