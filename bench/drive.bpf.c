// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shipping chain on thousands of different packets, inside the kernel.
 *
 * BPF_PROG_TEST_RUN repeats a program on one frame, and a frame that is always the same is
 * predicted by the processor. drive_grain puts another packet into the frame at each run, then runs
 * the chain on it; drive_copy only puts the packet there. What the chain costs is the difference.
 */
#include "stage/env_bpf.h"
#include "stage/chain.h"
#include "drive.h"

/* Blocks of DRIVE_BLOCK bytes that are put into the frame. */
const volatile __u32 drive_blocks = 2;
/* Where a name's first eight letters are written over, so that no name comes twice; 0: nowhere. */
const volatile __u32 drive_stamp = 0;

/* The value's size is set to that of the blocks before load. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, DRIVE_PACKETS);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, DRIVE_BLOCK *DRIVE_BLOCKS_MAX);
} drive_packets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct drive_order);
} drive_orders SEC(".maps");

static __always_inline void drive_block_put(__u8 *to, const __u8 *from)
{
#pragma clang loop unroll(full)
    for (int i = 0; i < DRIVE_BLOCK; i += 8)
        *(volatile __u64 *)(to + i) = *(const volatile __u64 *)(from + i);
}

/* Eight letters 'a'..'p' from the low 32 bits: a nibble to each byte. */
static __always_inline __u64 drive_letters(__u64 number)
{
    number &= 0xffffffff;
    number = (number | number << 16) & 0x0000ffff0000ffffULL;
    number = (number | number << 8) & 0x00ff00ff00ff00ffULL;
    number = (number | number << 4) & 0x0f0f0f0f0f0f0f0fULL;
    return number + 0x6161616161616161ULL;
}

/*
 * The next packet, into the frame. Reading the clock at the end waits for all loads before it, and
 * gives the stores the time to reach the cache: without it the chain would wait for the driver's
 * work, and the driver alone for nobody.
 */
static __always_inline void drive_put(struct xdp_md *ctx)
{
    __u8 *to = (__u8 *)(unsigned long)ctx->data, *end = (__u8 *)(unsigned long)ctx->data_end;
    __u32 blocks = drive_blocks, stamp = drive_stamp, zero = 0, index;
    struct drive_order *order = bpf_map_lookup_elem(&drive_orders, &zero);
    const __u8 *from;
    __u64 number;

    if (!order)
        return;
    number = order->next++;
    index = order->packets[number & (DRIVE_ORDER - 1)];
    from = bpf_map_lookup_elem(&drive_packets, &index);
    if (!from)
        return;
    for (__u32 i = 0; i < DRIVE_BLOCKS_MAX; i++) {
        if (i >= blocks)
            break;
        if (to + DRIVE_BLOCK > end)
            return;
        drive_block_put(to, from);
        to += DRIVE_BLOCK;
        from += DRIVE_BLOCK;
    }
    if (stamp) {
        to = (__u8 *)(unsigned long)ctx->data + stamp;
        if (to + DRIVE_STAMP_BYTES <= end)
            *(__u64 *)to = drive_letters(number);
    }
    bpf_ktime_get_ns();
}

SEC("xdp")
int drive_copy(struct xdp_md *ctx)
{
    drive_put(ctx);
    return XDP_PASS;
}

SEC("xdp")
int drive_grain(struct xdp_md *ctx)
{
    drive_put(ctx);
    grain_chain(ctx);
    return XDP_PASS;
}

/* The same with an event of a record and the frame, and nothing else: what the kernel's part of an
 * event costs. */
SEC("xdp")
int drive_event(struct xdp_md *ctx)
{
    struct grain_cpu *cpu = grain_env_cpu();
    __u64 bytes = ctx->data_end - ctx->data;

    drive_put(ctx);
    if (cpu)
        grain_event_result(cpu,
                           grain_env_emit(ctx, &cpu->record, sizeof(cpu->record), bytes & 0xffff));
    return XDP_PASS;
}

/* The shipping program as it is: for one packet again and again. */
SEC("xdp")
int drive_plain(struct xdp_md *ctx)
{
    grain_chain(ctx);
    return XDP_PASS;
}

SEC("xdp")
int drive_empty(struct xdp_md *ctx)
{
    (void)ctx;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
