// SPDX-License-Identifier: GPL-2.0-or-later
// Way 1, the stages inlined.
#define CHAIN_LINK __always_inline
#include "one.h"

SEC("xdp")
int one_entry(struct xdp_md *ctx)
{
    return one_run(ctx);
}
