// SPDX-License-Identifier: GPL-2.0-or-later
// Somebody else's XDP program: counts the test's frames and passes everything.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "wire.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} foreign_count SEC(".maps");

SEC("xdp")
int foreign(struct xdp_md *ctx)
{
    const __u8 *data = (const __u8 *)(long)ctx->data;
    const __u8 *end = (const __u8 *)(long)ctx->data_end;
    __u32 zero = 0;
    __u64 *count;

    if (data + 14 > end || data[12] != WIRE_ETHERTYPE >> 8 || data[13] != (WIRE_ETHERTYPE & 0xff))
        return XDP_PASS;
    count = bpf_map_lookup_elem(&foreign_count, &zero);
    if (count)
        __sync_fetch_and_add(count, 1);
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
