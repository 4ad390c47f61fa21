/* SPDX-License-Identifier: GPL-2.0-only */
/* Host probes that some process has loaded, for grainctl status. */
#ifndef GRAIN_CTL_STATUS_HOST_H
#define GRAIN_CTL_STATUS_HOST_H

#include "json.h"

/* Text to standard output; nothing when there are none. */
void status_host_print(void);

/* An array, one object for each process; null when that is not known. */
json_t *status_host_json(void);

#endif
