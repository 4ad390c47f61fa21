// SPDX-License-Identifier: GPL-2.0-or-later
// The same small work for each way of linking stages: an entry that dissects the packet once into a
// per-CPU scratch and counts it, and three stages that read the scratch and the packet and move the
// count. Only the way in which the entry gets to the stages differs.
#ifndef GRAIN_BENCH_CHAIN_STAGES_H
#define GRAIN_BENCH_CHAIN_STAGES_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#include "chain.h"

// Keeps clang from deriving a pointer again after its bounds check: the verifier would not follow.
#define settle(pointer) asm volatile("" : "+r"(pointer))

#define noinline __attribute__((noinline))

#ifdef CHAIN_SHARED_MAPS
#define CHAIN_PIN __uint(pinning, LIBBPF_PIN_BY_NAME);
#else
#define CHAIN_PIN
#endif

#define CHAIN_MAP(name, kind, type_of_value) \
    struct {                                 \
        __uint(type, kind);                  \
        __uint(max_entries, 1);              \
        __type(key, __u32);                  \
        __type(value, type_of_value);        \
        CHAIN_PIN                            \
    } name SEC(".maps")

struct chain_packet {
    __u64 payload; // offset
    __u64 hash;
    __u32 disposition;
    __u32 wanted; // one bit for each stage
};

CHAIN_MAP(chain_scratch, BPF_MAP_TYPE_PERCPU_ARRAY, struct chain_packet);
CHAIN_MAP(chain_totals, BPF_MAP_TYPE_PERCPU_ARRAY, struct chain_totals);

static __always_inline void *chain_lookup(void *map)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(map, &zero);
}

// Ethernet, IPv4 with options, UDP or TCP. Every UDP packet wants all stages, nothing else wants
// any.
static __always_inline void chain_dissect(const struct xdp_md *ctx, struct chain_packet *packet)
{
    const __u8 *data = (const __u8 *)(long)ctx->data;
    const __u8 *end = (const __u8 *)(long)ctx->data_end;
    const __u8 *l4;
    __u64 offset;

    packet->wanted = 0;
    packet->hash = 0;
    packet->disposition = CHAIN_OTHER;
    if (data + 34 > end || data[12] != 8 || data[13] != 0)
        return;
    offset = 14 + (data[14] & 15) * 4;
    l4 = data + offset;
    settle(l4);
    if (l4 + 20 > end)
        return;
    if (data[23] == 17) {
        packet->payload = offset + 8;
        packet->wanted = (1 << CHAIN_STAGES) - 1;
        packet->disposition = CHAIN_CANDIDATE;
    } else if (data[23] == 6) {
        packet->payload = offset + (l4[12] >> 4) * 4;
        packet->disposition = CHAIN_BULK;
    }
}

static __always_inline void chain_count(const struct chain_packet *packet,
                                        struct chain_totals *totals)
{
    totals->count[packet->disposition & (CHAIN_SLOTS - 1)]++;
}

// What stage NUMBER does: eight bytes of the payload into the hash, and the count moves to it.
static __always_inline void chain_stage(const struct xdp_md *ctx, struct chain_packet *packet,
                                        struct chain_totals *totals, __u32 number)
{
    const __u8 *data = (const __u8 *)(long)ctx->data;
    const __u8 *end = (const __u8 *)(long)ctx->data_end;
    const __u8 *at = data + (packet->payload & 0xff) + 8 * number;

    settle(at);
    if (at + 8 > end)
        return;
    packet->hash = (packet->hash ^ *(const __u64 *)at) * 0x9e3779b97f4a7c15ULL;
    totals->count[packet->disposition & (CHAIN_SLOTS - 1)]--;
    packet->disposition = CHAIN_FIRST + number;
    totals->count[packet->disposition & (CHAIN_SLOTS - 1)]++;
}

char LICENSE[] SEC("license") = "GPL";

#endif
