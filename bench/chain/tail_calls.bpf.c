// SPDX-License-Identifier: GPL-2.0-or-later
// Way 3: the entry leaves for the first stage that the packet wants, each stage for the next one.
// All indexes are constants. A stage is switched by its slot of the prog array: a call of an empty
// slot falls through to the next wanted stage.
#include "stages.h"

int tail_zero(struct xdp_md *ctx);
int tail_one(struct xdp_md *ctx);
int tail_two(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, CHAIN_STAGES);
    __uint(key_size, sizeof(__u32));
    __array(values, int(void *));
} chain_stages SEC(".maps") = {
    .values = {(void *)&tail_zero, (void *)&tail_one, (void *)&tail_two},
};

static __always_inline void go_on(struct xdp_md *ctx, __u32 wanted, __u32 from)
{
    if (from <= 0 && wanted & 1)
        bpf_tail_call_static(ctx, &chain_stages, 0);
    if (from <= 1 && wanted & 2)
        bpf_tail_call_static(ctx, &chain_stages, 1);
    if (from <= 2 && wanted & 4)
        bpf_tail_call_static(ctx, &chain_stages, 2);
}

static __always_inline int run_stage(struct xdp_md *ctx, __u32 number)
{
    struct chain_packet *packet = chain_lookup(&chain_scratch);
    struct chain_totals *totals = chain_lookup(&chain_totals);

    if (!packet || !totals)
        return XDP_PASS;
    chain_stage(ctx, packet, totals, number);
    go_on(ctx, packet->wanted, number + 1);
    return XDP_PASS;
}

SEC("xdp")
int tail_entry(struct xdp_md *ctx)
{
    struct chain_packet *packet = chain_lookup(&chain_scratch);
    struct chain_totals *totals = chain_lookup(&chain_totals);

    if (!packet || !totals)
        return XDP_PASS;
    chain_dissect(ctx, packet);
    chain_count(packet, totals);
    go_on(ctx, packet->wanted, 0);
    return XDP_PASS;
}

SEC("xdp")
int tail_zero(struct xdp_md *ctx)
{
    return run_stage(ctx, 0);
}

SEC("xdp")
int tail_one(struct xdp_md *ctx)
{
    return run_stage(ctx, 1);
}

SEC("xdp")
int tail_two(struct xdp_md *ctx)
{
    return run_stage(ctx, 2);
}
