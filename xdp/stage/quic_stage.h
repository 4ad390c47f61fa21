/* SPDX-License-Identifier: GPL-2.0-only */
/* The QUIC stage: Initial packets, recognised and counted. */
#ifndef GRAIN_STAGE_QUIC_H
#define GRAIN_STAGE_QUIC_H

#include "../parse/quic.h"
#include "names.h"

static __always_inline void grain_quic_take(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config, int where)
{
    struct grain_quic_initial initial;
    struct grain_window w;

    if (where == GRAIN_AT_PACKET)
        grain_window_open_packet(ctx, cpu, &w);
    else
        grain_window_open(cpu, where, &w);
    if (grain_quic_initial_parse(&w, &initial) != GRAIN_PARSE_OK)
        return;
    grain_move(cpu, GRAIN_DISPOSITION_QUIC_INITIAL);
    cpu->job.hash = 0;
    cpu->job.kind = GRAIN_NAME_NONE;
    cpu->job.type = 0;
    cpu->job.question = 0;
    cpu->job.message = 0;
    if (grain_event_sampled(cpu, config))
        grain_event_packet(ctx, cpu, config, GRAIN_RECORD_QUIC, GRAIN_RECORD_FLAG_SAMPLED);
}

GRAIN_STAGE int grain_quic_packet(grain_context *ctx, struct grain_cpu *cpu,
                                  const struct grain_config *config)
{
    grain_quic_take(ctx, cpu, config, GRAIN_AT_PACKET);
    return 0;
}

GRAIN_STAGE int grain_quic_window(grain_context *ctx, struct grain_cpu *cpu,
                                  const struct grain_config *config)
{
    grain_quic_take(ctx, cpu, config, GRAIN_AT_WINDOW);
    return 0;
}

#endif
