/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes are built twice: see probes/read.bpf.h. */
#ifndef GRAIN_LIB_HOST_TYPED_H
#define GRAIN_LIB_HOST_TYPED_H

#include <stdbool.h>

/*
 * Has this kernel bpf_rdonly_cast(), so that the objects that read by loads can be loaded? It may
 * still refuse them, where its JIT cannot call functions of the kernel.
 */
bool grain_host_can_type(void);

#endif
