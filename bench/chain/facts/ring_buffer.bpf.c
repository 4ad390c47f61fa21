// SPDX-License-Identifier: GPL-2.0-or-later
#include "fact.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 65536);
} ring SEC(".maps");

SEC("xdp")
int ring_buffer(struct xdp_md *ctx)
{
    __u64 record[4] = {1, 2, 3, 4};

    bpf_ringbuf_output(&ring, record, sizeof(record), BPF_RB_NO_WAKEUP);
    return XDP_PASS;
}
