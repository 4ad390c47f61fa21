/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, as BPF programs declare them. Sizes are defaults: libgrain sets them, with the masks in
 * struct grain_load. */
#ifndef GRAIN_MAPS_BPF_H
#define GRAIN_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <grain/config.h>
#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/limits.h>
#include <grain/names.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct grain_config);
} grain_config_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct grain_replay);
} grain_replay_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct grain_cpu);
} grain_cpu_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, GRAIN_SOURCE_SLOTS);
    __type(key, __u32);
    __type(value, struct grain_totals);
} grain_totals_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, GRAIN_BUCKETS_DEFAULT);
    __type(key, __u32);
    __type(value, struct grain_name_bucket);
} grain_counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GRAIN_TEXTS_DEFAULT);
    __type(key, __u32);
    __type(value, struct grain_text_bucket);
} grain_texts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GRAIN_FLOW_BUCKETS_DEFAULT);
    __type(key, __u32);
    __type(value, struct grain_flow_tags);
} grain_flow_tags SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GRAIN_FLOW_BUCKETS_DEFAULT *GRAIN_FLOW_WAYS);
    __type(key, __u32);
    __type(value, struct grain_flow);
} grain_flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, GRAIN_INGRESS_MAX);
    __type(key, struct grain_ingress_key);
    __type(value, __u32);
} grain_ingress_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} grain_events SEC(".maps");

#endif
