/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who exchanged what with whom: each CPU's own table, in which a key has two places. What makes
 * room for another leaves in a record.
 */
#ifndef GRAIN_PROBES_TRAFFIC_H
#define GRAIN_PROBES_TRAFFIC_H

#include "connection.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct net_traffic_slot);
} grain_net_traffic SEC(".maps");

/* Slots of one CPU, less one: a power of two less one, and not 0. */
const volatile __u32 net_traffic_mask = 0;
/* Secret, so that nobody can choose keys that meet in one set. */
const volatile __u64 net_secret[4] = {1, 1, 1, 1};

static __always_inline __u64 traffic_mix(__u64 a, __u64 b)
{
    __u64 x = a * (b | 1);

    return x ^ x >> 32;
}

static __always_inline __u32 traffic_set(const struct grain_host_traffic_key *key)
{
    __u64 words[4];
    __u64 sum;

    __builtin_memcpy(words, key, sizeof(words));
    sum = traffic_mix(words[0] ^ net_secret[0], net_secret[1]);
    sum = traffic_mix(sum ^ words[1], net_secret[1]);
    sum = traffic_mix(sum ^ words[2], net_secret[2]);
    sum = traffic_mix(sum ^ words[3], net_secret[3]);
    return sum >> 16;
}

static __always_inline bool traffic_same(const struct net_traffic_slot *slot,
                                         const struct grain_host_traffic_key *key)
{
    __u64 mine[4], theirs[4];

    __builtin_memcpy(mine, key, sizeof(mine));
    __builtin_memcpy(theirs, &slot->key, sizeof(theirs));
    return mine[0] == theirs[0] && mine[1] == theirs[1] && mine[2] == theirs[2] &&
           mine[3] == theirs[3] && slot->begun;
}

static __always_inline void traffic_evict(struct task_struct *task,
                                          const struct net_traffic_slot *slot)
{
    struct grain_host_traffic *record = host_reserve(GRAIN_HOST_TRAFFIC, net_way, sizeof(*record));

    if (!record) {
        host_count(GRAIN_HOST_COUNTER_TRAFFIC_LOST,
                   slot->counts.sent_bytes + slot->counts.received_bytes);
        return;
    }
    host_task_fill(&record->task, task);
    record->key = slot->key;
    record->counts = slot->counts;
    __builtin_memcpy(record->comm, slot->comm, sizeof(record->comm));
    host_submit(record, sizeof(*record));
    host_count(GRAIN_HOST_COUNTER_TRAFFIC_EVICTED, 1);
}

static __always_inline void traffic_take(struct net_traffic_slot *slot,
                                         const struct grain_host_traffic_key *key, __u64 now)
{
    static const struct grain_host_traffic_counts none;

    slot->begun++;
    barrier();
    slot->key = *key;
    slot->counts = none;
    slot->counts.first_ns = now;
    barrier();
    slot->done = slot->begun;
}

/* The slot of `key` in this CPU's table, which it may have to be given first. */
static __always_inline struct net_traffic_slot *
traffic_slot(struct task_struct *task, const struct grain_host_traffic_key *key, __u64 now)
{
    __u32 first = bpf_get_smp_processor_id() * (net_traffic_mask + 1) +
                  (traffic_set(key) & net_traffic_mask & ~1u);
    __u32 second = first + 1;
    struct net_traffic_slot *a = bpf_map_lookup_elem(&grain_net_traffic, &first);
    struct net_traffic_slot *b = bpf_map_lookup_elem(&grain_net_traffic, &second);

    if (!a || !b)
        return NULL;
    if (traffic_same(a, key))
        return a;
    if (traffic_same(b, key))
        return b;
    if (a->begun && (!b->begun || b->counts.last_ns < a->counts.last_ns))
        a = b;
    if (a->begun)
        traffic_evict(task, a);
    traffic_take(a, key, now);
    net_process_known();
    return a;
}

#endif
