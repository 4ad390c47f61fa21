/* SPDX-License-Identifier: GPL-2.0-only */
/* Giving up what the agent does not need. */
#ifndef GRAIN_CTL_CONFINE_H
#define GRAIN_CTL_CONFINE_H

#include "account.h"

/* Is this root on a kernel that has CAP_BPF (5.8)? False: said what is missing. */
bool confine_possible(void);

/* For good: the user's identity and groups, no capability but CAP_BPF and CAP_PERFMON, and none to
 * be gained by a program. False: said what went wrong; nothing may go on then. */
bool confine_identity(const struct account *account);

/* For good, for this thread and those it makes: only the system calls of an agent; another one
 * fails with EPERM. False: as above. */
bool confine_calls(void);

#endif
