// SPDX-License-Identifier: GPL-2.0-or-later
// Way 2 for kernels that refuse extensions: a stand-in that does what a dispatcher with four
// entries does, a call and a test of its verdict for each. The real one adds a jump to every call.
#include "entries.h"

const volatile __u32 chain_calls[4] = {1 << XDP_PASS, 1 << XDP_PASS, 1 << XDP_PASS, 1 << XDP_PASS};

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

// The dispatcher does not know what its entries return; without this, clang would.
static __always_inline int stops(int verdict, __u32 number)
{
    asm volatile("" : "+r"(verdict));
    return !((1U << (verdict & 31)) & chain_calls[number]);
}

SEC("xdp")
int like_dispatch(struct xdp_md *ctx)
{
    int verdict = like_entry(ctx);

    if (stops(verdict, 0))
        return verdict;
    verdict = like_zero(ctx);
    if (stops(verdict, 1))
        return verdict;
    verdict = like_one(ctx);
    if (stops(verdict, 2))
        return verdict;
    verdict = like_two(ctx);
    if (stops(verdict, 3))
        return verdict;
    return XDP_PASS;
}
