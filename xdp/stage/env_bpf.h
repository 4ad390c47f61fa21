/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stages need from where they run, on BPF maps and helpers. lib/host_env.h offers the same
 * functions natively.
 *
 * GRAIN_TC selects tc; otherwise XDP. Every lookup may give NULL to the verifier's eye; a stage
 * then leaves the packet alone.
 */
#ifndef GRAIN_STAGE_ENV_BPF_H
#define GRAIN_STAGE_ENV_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <grain/maps.bpf.h>
#include "../parse/window.h"

#define GRAIN_STAGE static __noinline

/*
 * A function that the verifier goes through once, whatever its callers know: a global one. It takes
 * numbers only, because a global function with a context cannot be part of a dispatcher's extension
 * on Linux 5.10; what it works on it looks up again.
 */
#define GRAIN_GLOBAL __noinline

const volatile struct grain_load grain_load = {
    .bucket_mask = GRAIN_BUCKETS_DEFAULT - 1,
    .text_mask = GRAIN_TEXTS_DEFAULT - 1,
    .flow_mask = GRAIN_FLOW_BUCKETS_DEFAULT - 1,
#ifdef GRAIN_TC
    .hook = GRAIN_HOOK_TC,
#else
    .hook = GRAIN_HOOK_XDP,
#endif
    .direction = GRAIN_DIRECTION_IN,
    .ethernet = 1,
};

#ifdef GRAIN_TC
typedef struct __sk_buff grain_context;
#else
typedef struct xdp_md grain_context;
#endif

static __always_inline const __u8 *grain_env_data(grain_context *ctx)
{
    return (const __u8 *)(unsigned long)ctx->data;
}

static __always_inline const __u8 *grain_env_data_end(grain_context *ctx)
{
    return (const __u8 *)(unsigned long)ctx->data_end;
}

static __always_inline struct grain_replay *grain_env_replay(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&grain_replay_map, &zero);
}

static __always_inline struct grain_config *grain_env_config(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&grain_config_map, &zero);
}

static __always_inline struct grain_cpu *grain_env_cpu(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&grain_cpu_map, &zero);
}

static __always_inline struct grain_totals *grain_env_totals(void)
{
    __u32 slot = grain_load.source_slot;

    return bpf_map_lookup_elem(&grain_totals_map, &slot);
}

static __always_inline struct grain_name_bucket *grain_env_bucket(__u32 index)
{
    index &= grain_load.bucket_mask;
    return bpf_map_lookup_elem(&grain_counts, &index);
}

static __always_inline struct grain_text_bucket *grain_env_texts(__u32 index)
{
    index &= grain_load.text_mask;
    return bpf_map_lookup_elem(&grain_texts, &index);
}

static __always_inline struct grain_flow_tags *grain_env_flow_tags(__u32 index)
{
    index &= grain_load.flow_mask;
    return bpf_map_lookup_elem(&grain_flow_tags, &index);
}

/* The number of a flow's slot. */
static __always_inline __u32 grain_env_flow_slot(__u32 bucket, __u32 way)
{
    return (bucket & grain_load.flow_mask) * GRAIN_FLOW_WAYS + way;
}

static __always_inline struct grain_flow *grain_env_flow(__u32 slot)
{
    return bpf_map_lookup_elem(&grain_flows, &slot);
}

static __always_inline void grain_env_lock(struct grain_flow *flow)
{
    bpf_spin_lock(&flow->lock);
}

static __always_inline void grain_env_unlock(struct grain_flow *flow)
{
    bpf_spin_unlock(&flow->lock);
}

/* The clock of deadlines and ages: jiffies; under replay milliseconds of the capture. */
static __always_inline __u64 grain_env_ticks(void)
{
    if (grain_load.replay) {
        struct grain_replay *replay = grain_env_replay();

        return replay ? replay->time_ns / 1000000 : 0;
    }
    return bpf_jiffies64();
}

/* The clock of records: read only where one is written. */
static __always_inline __u64 grain_env_time(void)
{
    if (grain_load.replay) {
        struct grain_replay *replay = grain_env_replay();

        return replay ? replay->time_ns : 0;
    }
    return bpf_ktime_get_boot_ns();
}

/* Under replay: a frame too short for any header. It is run padded, because test-run takes no frame
 * under 14 bytes. */
static __always_inline bool grain_env_stub(void)
{
    if (grain_load.replay) {
        struct grain_replay *replay = grain_env_replay();

        return replay && replay->captured_length < 14;
    }
    return false;
}

/* The number of the frame in the capture; 0 on a live interface. */
static __always_inline __u64 grain_env_frame(void)
{
    if (grain_load.replay) {
        struct grain_replay *replay = grain_env_replay();

        return replay ? replay->frame : 0;
    }
    return 0;
}

static __always_inline __u32 grain_env_cpu_number(void)
{
    return bpf_get_smp_processor_id();
}

/* A record of `size` bytes, and `packet_bytes` of the frame behind it. 0 or -errno. */
static __always_inline int grain_env_emit(grain_context *ctx, void *record, __u64 size,
                                          __u64 packet_bytes)
{
    return bpf_perf_event_output(ctx, &grain_events, BPF_F_CURRENT_CPU | packet_bytes << 32, record,
                                 size);
}

/* May a frame have bytes beyond what can be read in place? */
static __always_inline bool grain_env_in_pieces(void)
{
#ifdef GRAIN_TC
    return true;
#else
    return grain_load.xdp_frags;
#endif
}

/* Frame bytes that can be had at all, in place or by copy. */
static __always_inline __u32 grain_env_readable_length(grain_context *ctx)
{
#ifdef GRAIN_TC
    return ctx->len;
#else
    if (grain_load.xdp_frags)
        return bpf_xdp_get_buff_len(ctx);
    return ctx->data_end - ctx->data;
#endif
}

/* The frame's length on the wire. */
static __always_inline __u32 grain_env_wire_length(grain_context *ctx)
{
    if (grain_load.replay) {
        struct grain_replay *replay = grain_env_replay();

        return replay ? replay->wire_length : 0;
    }
    return grain_env_readable_length(ctx);
}

/* Copy `length` (1..GRAIN_FLOW_CHUNK) frame bytes. The verifier knows the bound of `length`. 0 or
 * -errno. */
static __always_inline int grain_env_copy(grain_context *ctx, __u32 offset, void *to, __u32 length)
{
#ifdef GRAIN_TC
    return bpf_skb_load_bytes(ctx, offset, to, length);
#else
    if (grain_load.xdp_load_bytes)
        return bpf_xdp_load_bytes(ctx, offset, to, length);
    /* Kernels before 5.18: the frame is one piece of kernel memory. */
    if (offset > 0x7fff || offset + length > ctx->data_end - ctx->data)
        return -1;
    return bpf_probe_read_kernel(to, length, grain_env_data(ctx) + offset);
#endif
}

/*
 * Does this packet leave after it came in where grain counted it? The kernel keeps the number of
 * the interface that a forwarded packet came in through, and forgets it when the packet changes its
 * network namespace; the host's own packets have 0.
 */
static __always_inline bool grain_env_seen_at_ingress(grain_context *ctx)
{
#ifdef GRAIN_TC
    struct grain_ingress_key key = {.netns = grain_load.netns, .ifindex = ctx->ingress_ifindex};

    if (grain_load.direction != GRAIN_DIRECTION_OUT || !key.ifindex)
        return false;
    return bpf_map_lookup_elem(&grain_ingress_map, &key) != NULL;
#else
    (void)ctx;
    return false;
#endif
}

/* What the kernel keeps beside the frame: VLAN tags taken out of it, and how many segments it
 * stands for. */
static __always_inline void grain_env_metadata(grain_context *ctx, struct grain_cpu *cpu,
                                               struct grain_totals *totals)
{
#ifdef GRAIN_TC
    if (ctx->gso_segs > 1)
        totals->segments += ctx->gso_segs - 1;
    if (ctx->vlan_present) {
        cpu->packet.vlan[0] = ctx->vlan_tci;
        cpu->packet.vlan_count = 1;
    }
#else
    (void)ctx;
    (void)cpu;
    (void)totals;
#endif
}

#endif
