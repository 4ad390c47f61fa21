/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host probes: which process does what to which file, and sends how much to whom.
 *
 * Probes live as long as the object: nothing is pinned, and a process that is killed leaves nothing
 * behind. Each takes the best way that this kernel allows (fentry, kprobe, tracepoint), found by
 * trying. Linux 5.10 or newer with BTF.
 *
 * Functions return 0 or -errno unless they say otherwise; grain_error() then says what and what to
 * do. An object belongs to one thread.
 */
#ifndef GRAIN_LIB_HOST_H
#define GRAIN_LIB_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/error.h>
#include <grain/host_record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Probes: X(ID, "name", "what it tells"). Bits of grain_host_options.probes are 1 << ID. */
#define GRAIN_HOST_PROBES(X)                                          \
    X(PROCESSES, "processes", "which programs start and end")         \
    X(FILES, "files", "what is done to files that rules choose")      \
    X(NET, "net", "bytes and messages by process and remote address") \
    X(SYSCALLS, "syscalls", "how often each process makes each system call")

enum grain_host_probe {
#define X(ID, name, text) GRAIN_HOST_PROBE_##ID,
    GRAIN_HOST_PROBES(X)
#undef X
        GRAIN_HOST_PROBE_COUNT
};

/*
 * A rule chooses operations on files. Everything that is given has to hold; what is NULL or 0 is
 * not looked at. Rules are tried in the kernel.
 */
enum grain_host_match {
    GRAIN_HOST_MATCH_ALL,  /* every file */
    GRAIN_HOST_MATCH_FILE, /* this file by any name: hard link, bind mount, chroot, container */
    GRAIN_HOST_MATCH_DIRECTORY, /* everything in this directory and below */
    GRAIN_HOST_MATCH_GLOB,      /* paths: * and ? within a component, ** over several */
};

struct grain_host_rule {
    enum grain_host_match match;
    const char *path;      /* absolute; need not exist yet; NULL with MATCH_ALL */
    uint32_t operations;   /* bits 1 << enum grain_host_operation; 0: all */
    uint32_t pid;          /* of the first pid namespace, as in records; 0: any */
    const char *comm;      /* NULL: any */
    const char *container; /* an id or the beginning of one, of at least 4 digits; NULL: any */
    uint32_t uid;
    bool has_uid;
    bool exclude; /* what it chooses is left out, whatever other rules say */
};

struct grain_host_options {
    size_t size;     /* sizeof(struct grain_host_options) */
    unsigned probes; /* bits 1 << enum grain_host_probe */
    const struct grain_host_rule *rules;
    size_t rule_count;        /* at most GRAIN_HOST_RULES_MAX; 0: grain_host_default_rules */
    uint32_t ring_bytes;      /* a power of two; 0: 8 MiB */
    uint32_t traffic_entries; /* of each CPU, a power of two; 0: 16,384 */
    int way;                  /* enum grain_host_way, and no other; -1: the best */
    bool see_self;            /* otherwise this process's own activity is left out */
};

struct grain_host;

GRAIN_API int grain_host_new(struct grain_host **out, const struct grain_host_options *options);
GRAIN_API void grain_host_free(struct grain_host *host); /* takes NULL */

/* The calling process is the one whose activity is left out (unless see_self): after a fork, in the
 * child that goes on with the object. Once more after it has given up its rights does no harm. */
GRAIN_API int grain_host_own(struct grain_host *host);

/* Rules in place of those there are; the probes stay attached, nothing is lost in between. */
GRAIN_API int grain_host_set_rules(struct grain_host *host, const struct grain_host_rule *rules,
                                   size_t rule_count);

/* What is watched by default: credentials, keys, sudoers, cron, shell start files, SSH, container
 * sockets. Lives for ever. */
GRAIN_API const struct grain_host_rule *grain_host_default_rules(size_t *count);

/* Called about once a second by whoever polls: paths of rules that have come into being or have
 * been replaced are looked up anew. */
GRAIN_API int grain_host_refresh(struct grain_host *host);

/*
 * A record, checked: its length holds what it says. It lives during the call. Anything but 0 ends
 * the poll, which returns it.
 */
typedef int (*grain_host_record_fn)(void *user, const struct grain_host_header *record);

/* Readable when records wait. */
GRAIN_API int grain_host_fd(const struct grain_host *host);
/* Wait up to timeout_ms, and deliver what there is. -EINTR: a signal came. */
GRAIN_API int grain_host_poll(struct grain_host *host, int timeout_ms, grain_host_record_fn fn,
                              void *user);

/* Sums over the CPUs since the probes were loaded, by enum grain_host_counter. */
GRAIN_API int grain_host_counters(const struct grain_host *host, uint64_t *counters);

/* The traffic table, CPUs added up: whole numbers that only grow while a key stays in the table.
 * What left it came as records of type TRAFFIC. */
typedef int (*grain_host_traffic_fn)(void *user, const struct grain_host_traffic_key *key,
                                     const struct grain_host_traffic_counts *counts,
                                     const char *comm);
GRAIN_API int grain_host_traffic(struct grain_host *host, grain_host_traffic_fn fn, void *user);

/* System calls by process and number; `pid` 0: all processes whose own entry found no room. */
typedef int (*grain_host_syscall_fn)(void *user, uint64_t start_ns, uint32_t pid, const char *comm,
                                     uint32_t number, uint64_t count);
GRAIN_API int grain_host_syscalls(struct grain_host *host, grain_host_syscall_fn fn, void *user);

/* The way that a probe of this object took; -ENOENT: it was not asked for. */
GRAIN_API int grain_host_way(const struct grain_host *host, enum grain_host_probe probe);
GRAIN_API const char *grain_host_way_name(unsigned int way);             /* NULL beyond the last */
GRAIN_API const char *grain_host_probe_name(unsigned int probe);         /* NULL beyond the last */
GRAIN_API const char *grain_host_operation_name(unsigned int operation); /* NULL beyond the last */
GRAIN_API const char *grain_host_counter_name(unsigned int counter);     /* NULL beyond the last */

/*
 * What a probe cannot see by a way, entry `i` from 0 on: "io_uring: reads and writes that go
 * through it". NULL beyond the last.
 */
GRAIN_API const char *grain_host_blind(enum grain_host_probe probe, enum grain_host_way way,
                                       size_t i);

/* Probes that some process on this machine has loaded. */
struct grain_host_running {
    uint32_t pid;                     /* who reads them */
    bool here;                        /* `pid` is a number of the caller's pid namespace */
    int ways[GRAIN_HOST_PROBE_COUNT]; /* enum grain_host_way; -1: not loaded */
    bool counted;                     /* `counters` are known */
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];
};

/*
 * All of them, found by the names of their maps, which anybody with the right to make maps can
 * imitate. Anything but 0 from `fn` ends it, and is returned. -EPERM: needs CAP_SYS_ADMIN.
 */
typedef int (*grain_host_running_fn)(void *user, const struct grain_host_running *running);
GRAIN_API int grain_host_find(grain_host_running_fn fn, void *user);

/* Does a counter tell of something that was not seen or not told? */
GRAIN_API bool grain_host_counter_is_loss(unsigned int counter);

/* Does this kernel allow this way to this probe? Tried, and taken back. 0, or why not: -errno. */
GRAIN_API int grain_host_try(enum grain_host_probe probe, enum grain_host_way way);

#ifdef __cplusplus
}
#endif

#endif
