/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_HOST_CGROUP_H
#define GRAIN_LIB_HOST_CGROUP_H

/* A descriptor of the root of the cgroup v2 hierarchy, mounted or not, to be closed by the caller;
 * or -errno. */
int grain_host_cgroup_root(void);

#endif
