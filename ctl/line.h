/* SPDX-License-Identifier: GPL-2.0-only */
/* Events as lines for people. */
#ifndef GRAIN_CTL_LINE_H
#define GRAIN_CTL_LINE_H

#include "eve.h"

/* To standard output: printable ASCII, local time. 0 or -errno, as eve_print. */
int line_print(const struct grain_record *record, const struct grain_message *message,
               const struct grain_eve_origin *origin);

#endif
