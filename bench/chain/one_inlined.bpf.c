// SPDX-License-Identifier: GPL-2.0-or-later
#define CHAIN_LINK __always_inline
#include "one_program.bpf.c"
