/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outlives a command: maps, programs and links pinned under <root>/v<GRAIN_ABI_VERSION>/ of a
 * BPF file system. All programs of one root share one set of maps.
 *
 *   <root>/v1/abi            one struct grain_abi
 *   <root>/v1/sources        GRAIN_SOURCE_SLOTS times struct grain_source
 *   <root>/v1/<map>          the maps of grain/maps.bpf.h, by the names below
 *   <root>/v1/programs/<n>   the program of source slot n
 *   <root>/v1/links/<n>      its link, where the way of attaching has one
 *
 * All of it is root's alone. A group that "grainctl attach --group" names may pass the folders,
 * read the maps and write to `events`, which is what its reader does; never to anything else.
 *
 * During an upgrade the new program and link of slot n lie beside them, as <n>n.
 *
 * Whoever changes any of it holds an exclusive flock(2) on the directory <root>/v1, and whoever
 * reads the events one on <root>/v1/programs, since a perf event array has one reader. Pinned maps
 * are untrusted input: a reader checks `abi` and each map's type and sizes before it uses them.
 */
#ifndef GRAIN_PINS_H
#define GRAIN_PINS_H

#include <linux/types.h>

#define GRAIN_PIN_ROOT_DEFAULT "/sys/fs/bpf/grain"
#define GRAIN_PIN_ROOT_ENV     "GRAIN_PIN_ROOT"

/* X(map, "file") */
#define GRAIN_PINNED_MAPS(X)        \
    X(grain_config_map, "config")   \
    X(grain_cpu_map, "cpu")         \
    X(grain_totals_map, "totals")   \
    X(grain_counts, "counts")       \
    X(grain_texts, "texts")         \
    X(grain_flow_tags, "flow_tags") \
    X(grain_flows, "flows")         \
    X(grain_ingress_map, "ingress") \
    X(grain_events, "events")

#define GRAIN_PIN_ABI      "abi"
#define GRAIN_PIN_SOURCES  "sources"
#define GRAIN_PIN_PROGRAMS "programs"
#define GRAIN_PIN_LINKS    "links"
#define GRAIN_PIN_READER   GRAIN_PIN_PROGRAMS /* the folder that the reader of events locks */

#define GRAIN_ABI_MAGIC 0x6e696172672e2e2eULL /* "...grain" */

/* Written once, when the set of maps is made. A set of other sizes is refused, not read. */
struct grain_abi {
    __u64 magic;
    __u32 abi;  /* GRAIN_ABI_VERSION */
    __u32 cpus; /* possible CPUs: per-CPU values come one for each */
    __u32 buckets;
    __u32 texts; /* buckets of grain_texts */
    __u32 flow_buckets;
    __u32 config_size; /* sizeof of the structures */
    __u32 cpu_size;
    __u32 totals_size;
    __u32 bucket_size;
    __u32 text_size;
    __u32 flow_size;
    __u32 record_size;
    __u32 source_size;
    __u32 reserved;
    __u64 created_ns; /* CLOCK_BOOTTIME */
};

/* How a program is held at its hook. */
#define GRAIN_WAY_DISPATCHER 1 /* an entry of libxdp's dispatcher */
#define GRAIN_WAY_XDP        2 /* alone at the XDP hook, by a link or directly */
#define GRAIN_WAY_CLSACT     3 /* a filter of a clsact qdisc */
#define GRAIN_WAY_TCX        4 /* a tcx link (6.6) */

#define GRAIN_MODE_NONE   0 /* tc */
#define GRAIN_MODE_NATIVE 1
#define GRAIN_MODE_SKB    2

#define GRAIN_SOURCE_FREE     0
#define GRAIN_SOURCE_ATTACHED 1
#define GRAIN_SOURCE_CHANGING 2 /* a command is attaching or detaching it, or died doing so */

/* The clsact qdisc was made for it: it goes with the last filter, if nobody else has one. */
#define GRAIN_SOURCE_FLAG_QDISC 0x1
/* Its frames start with an Ethernet header. */
#define GRAIN_SOURCE_FLAG_ETHERNET 0x2
/* XDP: the program takes frames in several buffers (5.18). */
#define GRAIN_SOURCE_FLAG_FRAGS 0x4

/* One interface, hook and direction. Its totals stay when it is detached, until the slot is needed.
 */
struct grain_source {
    __u32 state; /* GRAIN_SOURCE_* */
    __u32 ifindex;
    __u64 netns;      /* inode number of the network namespace; 0: never used */
    char name[16];    /* of the interface when it was attached, NUL-terminated */
    __u8 hook;        /* GRAIN_HOOK_* */
    __u8 direction;   /* GRAIN_DIRECTION_* */
    __u8 way;         /* GRAIN_WAY_* */
    __u8 mode;        /* GRAIN_MODE_* */
    __u32 generation; /* of the program that is attached */
    __u32 program_id;
    __u32 link_id;       /* 0: none */
    __u32 filter_handle; /* clsact */
    __u32 filter_priority;
    __u64 attached_ns; /* CLOCK_BOOTTIME */
    __u32 flags;       /* GRAIN_SOURCE_FLAG_* */
    __u32 priority;    /* among the programs of a dispatcher */
    __u64 reserved;
};

_Static_assert(sizeof(struct grain_abi) == 72, "ABI");
_Static_assert(sizeof(struct grain_source) == 80, "ABI");

#endif
