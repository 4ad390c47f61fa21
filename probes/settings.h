/* SPDX-License-Identifier: GPL-2.0-only */
/* What lib/host/ tells probes, and the maps between the two that are nobody else's business. */
#ifndef GRAIN_PROBES_SETTINGS_H
#define GRAIN_PROBES_SETTINGS_H

#include <linux/types.h>

#include <grain/host_record.h>

#define HOST_TOLD_MAX     32768
#define HOST_RECORD_MAX   16384 /* a power of two: the largest record, and room behind it */
#define HOST_BACKWARD_MAX 4096

#define HOST_PROBES_MAX 8

struct host_settings {
    __u32 self_pid;   /* thread group that is left out, as the kernel numbers it; 0: none */
    __u32 wake_shift; /* log2 of an eighth of the ring */
    /* For whoever finds this map, and wants to know what it belongs to. */
    __u32 owner;                /* the process that reads, as the kernel numbers it */
    __u32 owner_here;           /* and as its own pid namespace does */
    __u32 owner_pid_ns;         /* which is this one; 0: not known */
    __u32 cpus_map;             /* the id of grain_host_cpus */
    __u8 ways[HOST_PROBES_MAX]; /* by enum grain_host_probe: its way and 1, or 0: not loaded */
};

/* ---- the probe of files ---- */

#define HOST_PATTERN_MAX   256
#define HOST_CONTAINER_MAX 64
#define HOST_CALLS_MAX     512
#define HOST_FILES_MAX     4096 /* files and directories that rules name */

enum host_text_kind {
    HOST_TEXT_WHOLE, /* a path */
    HOST_TEXT_BELOW, /* and everything below it */
    HOST_TEXT_GLOB,
};

/* A rule, as the kernel tries it. */
struct host_rule {
    __u32 pid; /* 0: any */
    __u32 uid;
    __u8 has_uid, has_comm;
    __u8 text; /* enum host_text_kind */
    __u8 container_length;
    __u16 length;        /* of the pattern: a path, or a glob */
    __u16 prefix_length; /* of what it begins with and is no wildcard; at most 8 are looked at */
    __u64 prefix;        /* its first 8 bytes, zeros behind its end */
    char comm[GRAIN_HOST_COMM_MAX];
    char container[HOST_CONTAINER_MAX];
    char pattern[HOST_PATTERN_MAX];
};

/* Sets of rules are bits, by number. */
struct host_files {
    __u64 by_operation[16];
    __u64 all; /* that look at no path */
    __u64 exclude;
    __u64 any;         /* that choose something */
    __u64 conditioned; /* that look at the process */
    __u64 contained;   /* that look at its container */
    __u64 texts;       /* that look at the path as a text */
    __u64 inodes[8];   /* a bit for each (ino & 511) that may be a file or directory of a rule */
    __u64 beginnings;  /* a bit for each HOST_BEGINNING of a text that may match */
    __u64 brief;       /* that fix fewer than the first 8 bytes of a text; of the others: */
    __u64 openings[8]; /* a bit for each HOST_OPENING of a text that may match */
    __u64 generation;  /* counts what may change decisions about directories */
};

/* Of the first bytes of a path, as they lie in memory (little-endian): "/etc/", "/home". */
#define HOST_BEGINNING_LENGTH 5
#define HOST_BEGINNING(first) (((first) << 24) * 0x9e3779b97f4a7c15ULL >> 58)
/* Of the first eight: "/etc/pas"; 0 to 511. */
#define HOST_OPENING(first) ((first)*0x9e3779b97f4a7c15ULL >> 55)

struct host_file_key {
    __u64 ino;
    __u32 dev;
    __u32 reserved;
};

/* Which rules a file or directory stands for. */
struct host_file_rules {
    __u64 itself; /* the rule names it */
    __u64 below;  /* the rule names it, and everything below */
    __u64 prefix; /* a path that the rule wants is below, or may come to be */
    __u64 direct; /* or in it, not further below */
};

/* What a system call does: how its arguments are to be read. */
enum host_call_kind {
    HOST_CALL_NONE,
    HOST_CALL_OPEN,    /* the result is a descriptor; dirfd and path for when it failed */
    HOST_CALL_FD,      /* a descriptor */
    HOST_CALL_TWO_FDS, /* from one to another: bytes */
    HOST_CALL_MMAP,
    HOST_CALL_PATH, /* one or two paths, each with dirfd */
};

#define HOST_ARGUMENT_NONE 7 /* of dirfd: the working directory */

struct host_call {
    __u8 kind;
    __u8 operation;
    __u8 first, second; /* arguments: descriptors, or dirfd of the first and second path */
    __u8 path, path2;   /* arguments */
    __u8 value, value2; /* argument: flags, mode, length, owner and group */
    __u8 moves;         /* directories may be elsewhere after it */
    __u8 compat;        /* the 32-bit call of this number would have been of interest */
    __u8 reserved[6];
};

struct host_cpu {
    __u64 counters[GRAIN_HOST_COUNTER_COUNT];
    __u64 sequence;
    __u64 clock_jiffies, clock_ns; /* the clock, as it was in this jiffy */
};

#endif
