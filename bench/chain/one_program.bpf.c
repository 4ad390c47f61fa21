// SPDX-License-Identifier: GPL-2.0-or-later
// Way 1, the stages called.
#define CHAIN_LINK noinline
#include "one.h"

SEC("xdp")
int one_entry(struct xdp_md *ctx)
{
    return one_run(ctx);
}
