// SPDX-License-Identifier: GPL-2.0-or-later
// What every arm is measured against.
#include "stages.h"

SEC("xdp")
int empty(struct xdp_md *ctx)
{
    return XDP_PASS;
}
