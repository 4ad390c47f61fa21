/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_CHECK_PRIVATE_H
#define GRAIN_LIB_CHECK_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

/* Tries: 0, or -errno. None leaves anything behind. */
int grain_try_xdp_program(void);
int grain_try_tc_program(void);
int grain_try_test_run(void);
int grain_try_xdp_frags(void);
int grain_try_xdp_load_bytes(void);
int grain_try_jit(void);
int grain_try_btf(void);
int grain_try_dispatcher_file(void);
int grain_try_perf_array(void);
int grain_try_ring_buffer(void);
int grain_try_batch(void);
int grain_try_bpffs(void);
int grain_try_cgroup_memory(void);
int grain_try_tracepoint(void);
int grain_try_raw_tracepoint(void);
int grain_try_fentry(void);
int grain_try_kprobe(void);

/* In the namespace made for it, on its loopback device. */
int grain_try_xdp_attach(void);
int grain_try_tcx(void);
int grain_try_clsact(void);

/* Make a network namespace and enter it; *back is for grain_try_leave(). -errno. */
int grain_try_enter(int *back);
void grain_try_leave(int back);

/* A program of two instructions that returns `result`; a file descriptor or -errno. */
int grain_try_load(uint32_t type, uint32_t result, uint32_t flags);

/* Is this capability effective? */
bool grain_has_capability(int capability);

#endif
