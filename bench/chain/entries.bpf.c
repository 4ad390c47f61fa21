// SPDX-License-Identifier: GPL-2.0-or-later
// Way 2 as it would be shipped: four programs for libxdp's dispatcher, sharing pinned maps.
#define CHAIN_SHARED_MAPS
#include "entries.h"

SEC("xdp")
int entries_entry(struct xdp_md *ctx)
{
    return entries_dissect(ctx);
}

SEC("xdp")
int entries_zero(struct xdp_md *ctx)
{
    return entries_stage(ctx, 0);
}

SEC("xdp")
int entries_one(struct xdp_md *ctx)
{
    return entries_stage(ctx, 1);
}

SEC("xdp")
int entries_two(struct xdp_md *ctx)
{
    return entries_stage(ctx, 2);
}
