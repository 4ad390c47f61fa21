// SPDX-License-Identifier: GPL-2.0-or-later
// The two frames that the chain is measured with.
#ifndef GRAIN_BENCH_CHAIN_FRAME_H
#define GRAIN_BENCH_CHAIN_FRAME_H

#include <stdint.h>
#include <string.h>

#define CHAIN_FRAME_SIZE 96

#define CHAIN_TCP 6  // wants no stage
#define CHAIN_UDP 17 // wants all of them

static inline void chain_frame(uint8_t *frame, uint8_t protocol)
{
    memset(frame, 0x5a, CHAIN_FRAME_SIZE);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, "\x02\x00\x00\x00\x00\x01\x08\x00\x45", 9);
    frame[23] = protocol;
    frame[34 + 12] = 0x50; // TCP: header without options
}

#endif
