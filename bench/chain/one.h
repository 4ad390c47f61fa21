// SPDX-License-Identifier: GPL-2.0-or-later
// Way 1: one program, the stages are static functions. CHAIN_LINK says whether they are called or
// inlined. A stage is switched by a bit in a map.
#ifndef GRAIN_BENCH_CHAIN_ONE_H
#define GRAIN_BENCH_CHAIN_ONE_H

#include "stages.h"

struct chain_config {
    __u32 disabled; // one bit for each stage; a zeroed map has all of them on
};

CHAIN_MAP(chain_config, BPF_MAP_TYPE_ARRAY, struct chain_config);

static CHAIN_LINK int stage_zero(struct xdp_md *ctx, struct chain_packet *packet,
                                 struct chain_totals *totals)
{
    chain_stage(ctx, packet, totals, 0);
    return 0;
}

static CHAIN_LINK int stage_one(struct xdp_md *ctx, struct chain_packet *packet,
                                struct chain_totals *totals)
{
    chain_stage(ctx, packet, totals, 1);
    return 0;
}

static CHAIN_LINK int stage_two(struct xdp_md *ctx, struct chain_packet *packet,
                                struct chain_totals *totals)
{
    chain_stage(ctx, packet, totals, 2);
    return 0;
}

static __always_inline int one_run(struct xdp_md *ctx)
{
    struct chain_packet *packet = chain_lookup(&chain_scratch);
    struct chain_totals *totals = chain_lookup(&chain_totals);
    struct chain_config *config = chain_lookup(&chain_config);
    __u32 wanted;

    if (!packet || !totals || !config)
        return XDP_PASS;
    chain_dissect(ctx, packet);
    chain_count(packet, totals);
    wanted = packet->wanted & ~config->disabled;
    if (wanted & 1)
        stage_zero(ctx, packet, totals);
    if (wanted & 2)
        stage_one(ctx, packet, totals);
    if (wanted & 4)
        stage_two(ctx, packet, totals);
    return XDP_PASS;
}

#endif
