/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration in the kernel. What cannot change after load is struct grain_load (const data of a
 * program, set before load); keys and live settings are struct grain_config, the one element of
 * grain_config_map (pinned 0600 when pinned).
 */
#ifndef GRAIN_CONFIG_H
#define GRAIN_CONFIG_H

#include <linux/types.h>
#include <grain/hash_key.h>

#define GRAIN_ABI_VERSION 1

/* Stages that can be switched live: bits of grain_config.stages. */
#define GRAIN_STAGE_DNS  0x1
#define GRAIN_STAGE_TLS  0x2
#define GRAIN_STAGE_QUIC 0x4
#define GRAIN_STAGE_ALL  0x7

#define GRAIN_HOOK_XDP 1
#define GRAIN_HOOK_TC  2

#define GRAIN_DIRECTION_IN  1
#define GRAIN_DIRECTION_OUT 2

/* Set once, before load. The masks are table sizes minus one; sizes are powers of two. */
struct grain_load {
    __u32 source_slot;   /* index into the totals: network namespace + ifindex + hook */
    __u32 generation;    /* the program works while grain_config.generation equals this */
    __u32 bucket_mask;   /* of grain_counts */
    __u32 text_mask;     /* of grain_texts: buckets */
    __u32 flow_mask;     /* of grain_flow_tags: buckets of four flows */
    __u32 netns;         /* half of the key of grain_ingress_map: the network namespace's number */
    __u8 hook;           /* GRAIN_HOOK_* */
    __u8 direction;      /* GRAIN_DIRECTION_* */
    __u8 ethernet;       /* 1: frames start with an Ethernet header; 0: at layer 3 */
    __u8 replay;         /* 1: time and lengths come from grain_replay_map */
    __u8 xdp_load_bytes; /* 1: this kernel has bpf_xdp_load_bytes (5.18) */
    __u8 xdp_frags;      /* 1: loaded for frames in several buffers (5.18) */
    __u8 reserved[2];
};

/*
 * Key of grain_ingress_map: an interface at whose ingress an active program of grain counts. What
 * leaves a host and came in there is not looked into again. The value is the source slot.
 */
struct grain_ingress_key {
    __u32 netns; /* inode number of the network namespace */
    __u32 ifindex;
};

/* Live settings. Userspace writes the whole element; programs read single words. */
struct grain_config {
    __u32 abi;
    __u32 generation;
    __u32 stages;           /* GRAIN_STAGE_* */
    __u32 ticks_per_second; /* of the clock that deadlines and ages are in */
    __u32 flow_timeout;     /* ticks */
    __u32 sample;           /* known names: one event in this many; 0: none */
    __u32 snap_length;      /* packet bytes that an event carries at most */
    __u32 new_rate;         /* events for new names, per second and CPU */
    __u32 new_burst;
    __u32 sample_rate; /* events for known names, per second and CPU */
    __u32 sample_burst;
    __u32 reserved;
    struct grain_hash_key key;
};

/* Under replay: the capture's clock and the frame's true lengths, written before each run. */
struct grain_replay {
    __u64 time_ns;
    __u64 frame; /* its number in the capture, from 1 */
    __u32 wire_length;
    __u32 captured_length;
};

_Static_assert(sizeof(struct grain_load) == 32, "ABI");
_Static_assert(sizeof(struct grain_ingress_key) == 8, "ABI");
_Static_assert(sizeof(struct grain_config) == 48 + sizeof(struct grain_hash_key), "ABI");
_Static_assert(sizeof(struct grain_replay) == 24, "ABI");

#endif
