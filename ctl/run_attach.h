/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeping the configured interfaces attached, by "grainctl attach" in a process of its own: it
 * takes a second, in which the agent goes on. */
#ifndef GRAIN_CTL_RUN_ATTACH_H
#define GRAIN_CTL_RUN_ATTACH_H

#include <agent/config.h>

/* Look at all interfaces; begins at most one attach, and ends what has ended. `wait`: not before
 * all are attached or have failed. About once a second. */
void run_attach_look(const struct grain_config_file *config, bool wait);

/* The group that may read what is pinned, unless the configuration names one; NULL: none. The text
 * stays the caller's, for as long as there are looks. */
void run_attach_group(const char *group);

/* Until an attach that was begun has ended. */
void run_attach_wait(const struct grain_config_file *config);

/* After another configuration: all are looked at anew. */
void run_attach_forget(void);

#endif
