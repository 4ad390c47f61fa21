// SPDX-License-Identifier: GPL-2.0-or-later
// A veth pair in a network namespace of this process, and frames sent over it.
#ifndef GRAIN_TESTS_VM_WIRE_H
#define GRAIN_TESTS_VM_WIRE_H

// Local experimental: nothing else on the wire has it.
#define WIRE_ETHERTYPE 0x88b5
#define WIRE_FRAMES    16

#ifndef __bpf__
#include <stddef.h>

// Enters a fresh network namespace and makes the pair. Returns the ifindex of the receiving end, or
// -errno.
int wire_open(void);

// Sends WIRE_FRAMES frames and returns how many of them arrived unchanged at the receiving end's
// stack, or -errno.
int wire_send(void);

// Sends WIRE_FRAMES copies of a frame without waiting for them. Returns 0 or -errno.
int wire_send_frame(const void *frame, size_t length);
#endif

#endif
