// SPDX-License-Identifier: GPL-2.0-or-later
// A tail call at a constant index.
#include "fact.h"

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} stages SEC(".maps");

SEC("xdp")
int tail_call(struct xdp_md *ctx)
{
    bpf_tail_call_static(ctx, &stages, 0);
    return XDP_PASS;
}
