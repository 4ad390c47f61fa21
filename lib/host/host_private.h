/* SPDX-License-Identifier: GPL-2.0-only */
/* Between host.c and the probes: one host_<probe>.c each. */
#ifndef GRAIN_LIB_HOST_PRIVATE_H
#define GRAIN_LIB_HOST_PRIVATE_H

#include <bpf/libbpf.h>

#include <grain/host.h>

#include "../../probes/settings.h"

/* Maps that all objects share, by the names that they have there. */
#define HOST_MAPS(X)                   \
    X(RING, "grain_host_ring")         \
    X(CPUS, "grain_host_cpus")         \
    X(SETTINGS, "grain_host_settings") \
    X(TOLD, "grain_host_told")

enum host_map {
#define X(ID, name) HOST_MAP_##ID,
    HOST_MAPS(X)
#undef X
        HOST_MAP_COUNT
};

/* Rules, checked and put into the kernel's form; and what they mean to the file system now. */
struct host_rules {
    size_t count;
    struct grain_host_rule given[GRAIN_HOST_RULES_MAX]; /* path, comm, container: copies */
    struct host_rule rules[GRAIN_HOST_RULES_MAX];
    struct host_files files;
    struct host_named *named;
    size_t named_count;
};

struct host_named {
    struct host_file_key key;
    struct host_file_rules rules;
};

/* `count` 0: the default ones. 0, or -errno and what is wrong with which rule. */
int grain_host_rules_new(struct host_rules **out, const struct grain_host_rule *rules,
                         size_t count);
void grain_host_rules_free(struct host_rules *rules);
/* Look the paths up: patterns and `named` are as the file system is now. 0 or -ENOMEM. */
int grain_host_rules_find(struct host_rules *rules);

/* What a process is called: by the kernel, which is by the first pid namespace, and by its own. */
struct host_self {
    int program; /* asks the kernel, also when no program may be loaded any more; -1: none */
    uint32_t kernel, here;
};

void grain_host_self_open(struct host_self *self);
void grain_host_self_close(struct host_self *self);
/* Of the calling process, which may be another one than the last time. */
void grain_host_self_learn(struct host_self *self);
/* The caller's pid namespace; 0: not known. */
uint32_t grain_host_pid_namespace(void);

/* What the system call of this number does to files, by the numbers of this architecture. */
void grain_host_calls(struct host_call *calls);

struct grain_host {
    struct grain_host_options options; /* rules: not here, but in `rules` */
    struct host_rules *rules;
    int maps[HOST_MAP_COUNT];
    struct ring_buffer *ring;
    int epoll; /* readable when a probe wants the reader woken */
    int cpus;
    struct host_self self;
    uint64_t malformed;
    bool stale; /* a file that rules name may be another one now */
    struct {
        void *object; /* NULL: not loaded */
        enum grain_host_way way;
    } probes[GRAIN_HOST_PROBE_COUNT];
    /* Of the poll under way. */
    grain_host_record_fn fn;
    void *user;
    int result;
};

/* What a probe has to say for itself. */
struct host_probe_ops {
    /*
     * Open the object for this way, share the maps (host_share_maps), load and attach it. 0 with
     * *object set, or -errno with nothing left behind: -ENOTSUP when there is no such way. Called
     * with libbpf's messages kept for grain_quiet_detail().
     */
    int (*load)(struct grain_host *host, enum grain_host_way way, void **object);
    void (*free)(void *object);
    /* host->rules are others now. May be NULL. */
    int (*rules)(struct grain_host *host, void *object);
    /* About once a second. May be NULL. */
    int (*refresh)(struct grain_host *host, void *object);
    /* What it cannot see, by way, each list ended by NULL. */
    const char *const *blind[GRAIN_HOST_WAY_COUNT];
};

extern const struct host_probe_ops grain_host_files_ops;
extern const struct host_probe_ops grain_host_net_ops;
extern const struct host_probe_ops grain_host_processes_ops;
extern const struct host_probe_ops grain_host_syscalls_ops;

/* NULL: not built in. */
const struct host_probe_ops *grain_host_ops(unsigned int probe);

/* Before the object is loaded: it takes the maps that there are. */
int grain_host_share_maps(const struct grain_host *host, struct bpf_object *object);

/* A record as it came: 0, or -EBADMSG when its lengths do not hold together. */
int grain_host_record_check(const void *record, size_t length);

#endif
