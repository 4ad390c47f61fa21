// SPDX-License-Identifier: GPL-2.0-only
/* What libgrain asks a kernel by trying: may a program replace a function of another, as libxdp's
 * dispatcher needs it; and how fast do jiffies run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u64);
} grain_probe_clock SEC(".maps");

__attribute__((noinline)) int grain_probe_slot(struct xdp_md *ctx)
{
    volatile int result = XDP_PASS;

    return ctx ? result : XDP_ABORTED;
}

SEC("xdp")
int grain_probe_target(struct xdp_md *ctx)
{
    return grain_probe_slot(ctx);
}

SEC("freplace/grain_probe_slot")
int grain_probe_extension(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

/* Both clocks at one time: jiffies, then nanoseconds. */
SEC("xdp")
int grain_probe_time(struct xdp_md *ctx)
{
    __u32 first = 0, second = 1;
    __u64 *jiffies = bpf_map_lookup_elem(&grain_probe_clock, &first);
    __u64 *nanoseconds = bpf_map_lookup_elem(&grain_probe_clock, &second);

    (void)ctx;
    if (!jiffies || !nanoseconds)
        return XDP_ABORTED;
    *jiffies = bpf_jiffies64();
    *nanoseconds = bpf_ktime_get_ns();
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
