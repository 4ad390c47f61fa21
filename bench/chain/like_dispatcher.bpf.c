// SPDX-License-Identifier: GPL-2.0-or-later
// Way 2 for kernels that refuse extensions: a stand-in that does what a dispatcher with four
// entries does, a call and a test of its verdict for each. The real one adds a jump to every call.
#include "entries.h"
#include "like.h"

static noinline int like_entry(struct xdp_md *ctx)
{
    return entries_dissect(ctx);
}

static noinline int like_zero(struct xdp_md *ctx)
{
    return entries_stage(ctx, 0);
}

static noinline int like_one(struct xdp_md *ctx)
{
    return entries_stage(ctx, 1);
}

static noinline int like_two(struct xdp_md *ctx)
{
    return entries_stage(ctx, 2);
}

SEC("xdp")
int like_dispatch(struct xdp_md *ctx)
{
    int verdict = like_entry(ctx);

    if (like_stops(verdict, 0))
        return verdict;
    verdict = like_zero(ctx);
    if (like_stops(verdict, 1))
        return verdict;
    verdict = like_one(ctx);
    if (like_stops(verdict, 2))
        return verdict;
    verdict = like_two(ctx);
    if (like_stops(verdict, 3))
        return verdict;
    return XDP_PASS;
}
