// SPDX-License-Identifier: GPL-2.0-or-later
// Way 2: every stage is a program of its own. Nothing is passed between them but the scratch, so
// each looks up its maps again. A stage is switched by attaching and detaching it.
#ifndef GRAIN_BENCH_CHAIN_ENTRIES_H
#define GRAIN_BENCH_CHAIN_ENTRIES_H

#include "stages.h"

static __always_inline int entries_dissect(struct xdp_md *ctx)
{
    struct chain_packet *packet = chain_lookup(&chain_scratch);
    struct chain_totals *totals = chain_lookup(&chain_totals);

    if (!packet || !totals)
        return XDP_PASS;
    chain_dissect(ctx, packet);
    chain_count(packet, totals);
    return XDP_PASS;
}

static __always_inline int entries_stage(struct xdp_md *ctx, __u32 number)
{
    struct chain_packet *packet = chain_lookup(&chain_scratch);
    struct chain_totals *totals;

    if (!packet || !(packet->wanted & (1 << number)))
        return XDP_PASS;
    totals = chain_lookup(&chain_totals);
    if (totals)
        chain_stage(ctx, packet, totals, number);
    return XDP_PASS;
}

#endif
