/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of "check" about host probes: how each can hook in here, and what it cannot see then. */
#ifndef GRAIN_CTL_CHECK_HOST_H
#define GRAIN_CTL_CHECK_HOST_H

#include <jansson.h>

void check_host_print(void);

/* One object a probe. To be released. */
json_t *check_host_json(void);

#endif
