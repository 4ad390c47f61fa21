// SPDX-License-Identifier: GPL-2.0-or-later
// Way 1, inlined, in one slot of a stand-in for the dispatcher: what it costs to leave room for
// other people's programs.
#define CHAIN_LINK __always_inline
#include "like.h"
#include "one.h"

static noinline int like_entry(struct xdp_md *ctx)
{
    return one_run(ctx);
}

SEC("xdp")
int like_dispatch(struct xdp_md *ctx)
{
    int verdict = like_entry(ctx);

    return like_stops(verdict, 0) ? verdict : XDP_PASS;
}
