/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stages need from where they run, natively: the counterpart of xdp/stage/env_bpf.h, function
 * by function. The chain works on the host of the calling thread.
 */
#ifndef GRAIN_LIB_HOST_ENV_H
#define GRAIN_LIB_HOST_ENV_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <grain/config.h>
#include <grain/cpu.h>
#include <grain/flow.h>
#include "parse/window.h"

#define GRAIN_STAGE  static __attribute__((noinline))
#define GRAIN_GLOBAL static __attribute__((noinline))

typedef struct {
    const __u8 *data;
    const __u8 *data_end;
} grain_context;

/* One "CPU" with all its tables. */
struct grain_host {
    struct grain_load load;
    struct grain_config config;
    struct grain_cpu cpu;
    struct grain_totals totals;
    struct grain_name_bucket *buckets;
    struct grain_text_bucket *texts;
    struct grain_flow_tags *tags;
    struct grain_flow *flows;
    struct grain_replay replay;
    int (*emit)(struct grain_host *host, const void *record, size_t size, const void *bytes,
                size_t length);
};

extern _Thread_local struct grain_host *grain_host_current;

#define grain_load (grain_host_current->load)

static inline const __u8 *grain_env_data(grain_context *ctx)
{
    return ctx->data;
}

static inline const __u8 *grain_env_data_end(grain_context *ctx)
{
    return ctx->data_end;
}

static inline struct grain_config *grain_env_config(void)
{
    return &grain_host_current->config;
}

static inline struct grain_cpu *grain_env_cpu(void)
{
    return &grain_host_current->cpu;
}

static inline struct grain_totals *grain_env_totals(void)
{
    return &grain_host_current->totals;
}

static inline struct grain_name_bucket *grain_env_bucket(__u32 index)
{
    return &grain_host_current->buckets[index & grain_load.bucket_mask];
}

static inline struct grain_text_bucket *grain_env_texts(__u32 index)
{
    return &grain_host_current->texts[index & grain_load.text_mask];
}

static inline struct grain_flow_tags *grain_env_flow_tags(__u32 index)
{
    return &grain_host_current->tags[index & grain_load.flow_mask];
}

static inline __u32 grain_env_flow_slot(__u32 bucket, __u32 way)
{
    return (bucket & grain_load.flow_mask) * GRAIN_FLOW_WAYS + way;
}

static inline struct grain_flow *grain_env_flow(__u32 slot)
{
    return &grain_host_current->flows[slot];
}

/* One thread works on a host: there is nobody to lock out. */
static inline void grain_env_lock(struct grain_flow *flow)
{
    (void)flow;
}

static inline void grain_env_unlock(struct grain_flow *flow)
{
    (void)flow;
}

static inline __u64 grain_env_ticks(void)
{
    return grain_host_current->replay.time_ns / 1000000;
}

static inline __u64 grain_env_time(void)
{
    return grain_host_current->replay.time_ns;
}

static inline bool grain_env_stub(void)
{
    return grain_host_current->replay.captured_length < 14;
}

static inline __u64 grain_env_frame(void)
{
    return grain_host_current->replay.frame;
}

static inline __u32 grain_env_cpu_number(void)
{
    return 0;
}

static inline int grain_env_emit(grain_context *ctx, void *record, __u64 size, __u64 packet_bytes)
{
    return grain_host_current->emit(grain_host_current, record, size, ctx->data, packet_bytes);
}

static inline bool grain_env_in_pieces(void)
{
    return false;
}

static inline __u32 grain_env_readable_length(grain_context *ctx)
{
    return ctx->data_end - ctx->data;
}

static inline __u32 grain_env_wire_length(grain_context *ctx)
{
    (void)ctx;
    return grain_host_current->replay.wire_length;
}

static inline int grain_env_copy(grain_context *ctx, __u32 offset, void *to, __u32 length)
{
    size_t have = ctx->data_end - ctx->data;

    if (offset > have || length > have - offset)
        return -EFAULT;
    memcpy(to, ctx->data + offset, length);
    return 0;
}

static inline bool grain_env_seen_at_ingress(grain_context *ctx)
{
    (void)ctx;
    return false;
}

static inline void grain_env_metadata(grain_context *ctx, struct grain_cpu *cpu,
                                      struct grain_totals *totals)
{
    (void)ctx;
    (void)cpu;
    (void)totals;
}

#endif
