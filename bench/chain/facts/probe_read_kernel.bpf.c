// SPDX-License-Identifier: GPL-2.0-or-later
// From the packet into a map value, with a variable length.
#include "fact.h"

struct window {
    __u8 bytes[512];
};

FACT_ARRAY(windows, BPF_MAP_TYPE_PERCPU_ARRAY, 0, struct window);

SEC("xdp")
int probe_read(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    __u64 length = (__u64)(ctx->data_end - ctx->data);
    __u32 key = 0;
    struct window *window = bpf_map_lookup_elem(&windows, &key);

    if (!window || !length)
        return XDP_PASS;
    if (length > 512)
        length = 512;
    length = ((length - 1) & 511) + 1;
    bpf_probe_read_kernel(window->bytes, length, data);
    return XDP_PASS;
}
