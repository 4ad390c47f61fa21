/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules choose a file: cheapest questions first. Sets of rules are bits of a u64.
 *
 * A file is known by (dev, ino) for rules that name it, by the directories above it, and by its
 * path as a text. What a directory means is kept for a moment, for each CPU.
 */
#ifndef GRAIN_PROBES_SELECT_H
#define GRAIN_PROBES_SELECT_H

#include "process.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GRAIN_HOST_RULES_MAX);
    __type(key, __u32);
    __type(value, struct host_rule);
} host_rule_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct host_files);
} host_files_map SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, HOST_FILES_MAX);
    __type(key, struct host_file_key);
    __type(value, struct host_file_rules);
} host_named SEC(".maps");

/* Decisions about directories (seen through a mount), and about cgroups. */
#define HOST_DIRECTORIES 1024
#define HOST_CGROUPS     64
#define HOST_NAME_MAX    128 /* of a cgroup's name, as far as a container's id is looked for */

struct host_directory {
    __u64 inode, ino, mnt, generation, epoch; /* addresses alone would be used again */
    __u64 below, prefix;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, HOST_DIRECTORIES);
    __type(key, __u32);
    __type(value, struct host_directory);
} host_directories SEC(".maps");

struct host_contained {
    __u64 node, id, generation;
    __u64 rules; /* of those that look at the container: which it satisfies */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, HOST_CGROUPS);
    __type(key, __u32);
    __type(value, struct host_contained);
} host_containers SEC(".maps");

/* A path may change by ways that no probe sees: no decision lives for longer than a second or two.
 */
#define HOST_EPOCH_SHIFT 8

static __always_inline struct host_files *host_files(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&host_files_map, &zero);
}

static __always_inline void host_paths_changed(void)
{
    struct host_files *files = host_files();

    if (files)
        __sync_fetch_and_add(&files->generation, 1);
}

static __always_inline struct host_rule *host_rule(__u32 number)
{
    return bpf_map_lookup_elem(&host_rule_map, &number);
}

/* ---- texts ---- */

/* Where a match stands; in memory, so that the verifier sees the same state in each turn. */
struct host_match {
    volatile __u32 text, pattern;
    volatile __u32 star_text, star_pattern;   /* behind a *; pattern 0: none */
    volatile __u32 stars_text, stars_pattern; /* behind a ** */
    volatile __u32 whole;                     /* what ** stands for ends at a slash */
    __u32 reserved;
    volatile __u64 found; /* rules */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct host_match);
} host_matches SEC(".maps");

static __always_inline struct host_match *host_match(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&host_matches, &zero);
}

#define HOST_MATCH_TURNS 2048

#define HOST_PATTERN_AT(rule, i) ((rule)->pattern[(i) & (HOST_PATTERN_MAX - 1)])
#define HOST_TEXT_AT(scratch, i) ((scratch)->backward[(i) & (HOST_BACKWARD_MAX - 1)])

static __always_inline void host_match_star(struct host_match *match, const struct host_rule *rule)
{
    if (HOST_PATTERN_AT(rule, match->pattern + 1) != '*') {
        match->pattern++;
        match->star_pattern = match->pattern;
        match->star_text = match->text;
        return;
    }
    match->pattern += 2;
    match->whole = HOST_PATTERN_AT(rule, match->pattern) == '/';
    if (match->whole)
        match->pattern++;
    match->stars_pattern = match->pattern;
    match->stars_text = match->text;
    match->star_pattern = 0;
}

/* The last wildcard takes one character more; false: it cannot. */
static __always_inline bool host_match_longer(struct host_match *match,
                                              const struct host_scratch *scratch)
{
    if (match->star_pattern && HOST_TEXT_AT(scratch, match->star_text) != '/') {
        match->star_text++;
        match->text = match->star_text;
        match->pattern = match->star_pattern;
        return true;
    }
    if (!match->stars_pattern)
        return false;
    match->stars_text++;
    match->text = match->stars_text;
    match->pattern = match->stars_pattern;
    match->star_pattern = 0;
    /* Not here: nothing matches a pattern at its end, and the next turn goes on. */
    if (match->whole && HOST_TEXT_AT(scratch, match->text - 1) != '/')
        match->pattern = HOST_PATTERN_MAX;
    return true;
}

/* One character on; 0: no match, 1: a match, 2: not known yet. A glob is met whole, a directory
 * also by what lies below. A function of its own: loops around it stay simple for the verifier. */
__noinline int host_match_turn(__u32 number)
{
    __u32 which = HOST_SCRATCH_OTHER, at;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    struct host_match *match = host_match();
    struct host_rule *rule = host_rule(number);
    bool glob, end;
    __u8 want, have;

    if (!scratch || !match || !rule)
        return 0;
    at = match->pattern;
    glob = rule->text == HOST_TEXT_GLOB;
    end = match->text >= HOST_BACKWARD_MAX;
    want = HOST_PATTERN_AT(rule, at);
    have = HOST_TEXT_AT(scratch, match->text);
    if (at == rule->length) {
        if (end || (rule->text == HOST_TEXT_BELOW && have == '/'))
            return 1;
    } else if (at < rule->length && glob && want == '*') {
        host_match_star(match, rule);
        return 2;
    } else if (at < rule->length && !end &&
               (want == have || (glob && want == '?' && have != '/'))) {
        match->text++;
        match->pattern++;
        return 2;
    }
    return !end && host_match_longer(match, scratch) ? 2 : 0;
}

/* Does the path in the scratch, from `start` on, match the rule? */
__noinline int host_match_text(__u32 number, __u32 start)
{
    struct host_match *match = host_match();
    int result;

    if (!match)
        return 0;
    match->text = start;
    match->pattern = 0;
    match->star_pattern = 0;
    match->stars_pattern = 0;
    for (int turn = 0; turn < HOST_MATCH_TURNS; turn++) {
        result = host_match_turn(number);
        if (result != 2)
            return result;
    }
    host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
    return 0;
}

/* Does the text begin as the rule's path does? */
static __always_inline bool host_begins(const struct host_rule *rule, __u64 first)
{
    __u32 shift = 64 - 8 * (rule->prefix_length & 15);

    /* Bytes of the text as they lie in memory: little-endian. */
    return shift >= 64 || !((first ^ rule->prefix) << (shift & 63));
}

/* Of these rules, those that match the text: in match->found. */
__noinline int host_match_rules(__u64 rules, __u32 start)
{
    __u32 which = HOST_SCRATCH_OTHER;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    const struct host_files *files = host_files();
    struct host_match *match = host_match();
    struct host_rule *rule;
    __u64 first, opening;

    if (!scratch || !match || !files)
        return 0;
    match->found = 0;
    first = *(const __u64 *)&HOST_TEXT_AT(scratch, start);
    if (!(files->beginnings >> HOST_BEGINNING(first) & 1))
        return 0;
    opening = HOST_OPENING(first);
    if (!(files->openings[opening >> 6 & 7] >> (opening & 63) & 1))
        rules &= files->brief;
    if (!rules)
        return 0;
    for (__u32 i = 0; i < GRAIN_HOST_RULES_MAX; i++) {
        if (!(rules >> i & 1))
            continue;
        rule = host_rule(i);
        if (rule && host_begins(rule, first) && host_match_text(i, start))
            match->found |= 1ULL << i;
    }
    return 0;
}

static __always_inline __u64 host_match_all(__u32 start, __u64 rules)
{
    struct host_match *match = host_match();

    if (!match || !rules)
        return 0;
    host_match_rules(rules, start);
    return match->found;
}

/* ---- processes ---- */

static __always_inline bool host_comm_same(const char *a, const char *b)
{
    const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

    return x[0] == y[0] && x[1] == y[1];
}

/* Is there a directory of the cgroup's path that is named by the container? Names are "ID",
 * "docker-ID.scope", "cri-containerd-ID.scope": the text follows the beginning or a dash. */
__noinline int host_name_holds(__u32 number)
{
    __u32 which = HOST_SCRATCH_OTHER;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    struct host_match *match = host_match();
    struct host_rule *rule = host_rule(number);

    if (!scratch || !match || !rule)
        return 0;
    match->pattern = 0;
    match->whole = 1; /* here it may begin */
    for (__u32 i = 0; i < HOST_NAME_MAX; i++) {
        __u8 have = scratch->name[i];

        if (match->pattern >= rule->container_length)
            return 1;
        if (!have)
            break;
        if (match->whole && have == rule->container[match->pattern & (HOST_CONTAINER_MAX - 1)]) {
            match->pattern++;
        } else {
            match->pattern = 0;
            match->whole = have == '-';
        }
    }
    return 0;
}

__noinline int host_cgroup_holds(__u32 number, __u64 address)
{
    struct kernfs_node *node = (void *)address;
    __u32 which = HOST_SCRATCH_OTHER;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);

    if (!scratch)
        return 0;
    for (int turn = 0; turn < HOST_CGROUP_DEPTH && node; turn++) {
        bpf_probe_read_kernel_str(scratch->name, HOST_NAME_MAX, HOST_READ(node, name));
        if (host_name_holds(number))
            return 1;
        node = host_kernfs_parent(node);
    }
    return 0;
}

/* Which of the rules that look at the container this process satisfies: into match->found, what it
 * does not is taken away. */
__noinline int host_contained(__u64 rules, __u64 generation)
{
    __u16 flags = 0;
    struct kernfs_node *node = (void *)host_number(host_cgroup(host_task_current(), &flags));
    __u64 id = HOST_READ(node, id);
    __u32 slot = (id ^ id >> 32 ^ (__u64)node >> 7) & (HOST_CGROUPS - 1);
    struct host_contained *kept = bpf_map_lookup_elem(&host_containers, &slot);
    struct host_match *match = host_match();

    if (!kept || !match)
        return 0;
    if (kept->node != (__u64)node || kept->id != id || kept->generation != generation) {
        kept->rules = 0;
        for (__u32 i = 0; i < GRAIN_HOST_RULES_MAX; i++)
            if (rules >> i & 1 && host_cgroup_holds(i, (__u64)node))
                kept->rules |= 1ULL << i;
        kept->node = (__u64)node;
        kept->id = id;
        kept->generation = generation;
    }
    match->found &= ~rules | kept->rules;
    return 0;
}

static __always_inline bool host_task_satisfies(const struct host_rule *rule, __u32 pid, __u32 uid,
                                                const char *comm)
{
    return (!rule->pid || rule->pid == pid) && (!rule->has_uid || rule->uid == uid) &&
           (!rule->has_comm || host_comm_same(rule->comm, comm));
}

/* Of these rules, those that the process satisfies: in match->found. */
__noinline int host_task_rules(__u64 rules)
{
    struct task_struct *task = host_task_current();
    const struct host_files *files = host_files();
    struct host_match *match = host_match();
    char comm[GRAIN_HOST_COMM_MAX] __attribute__((aligned(8)));
    __u32 pid = bpf_get_current_pid_tgid() >> 32;
    __u32 uid = HOST_READ(task, cred, euid.val);
    __u64 conditioned;
    struct host_rule *rule;

    if (!files || !match)
        return 0;
    conditioned = rules & files->conditioned;
    match->found = rules;
    bpf_get_current_comm(comm, sizeof(comm));
    for (__u32 i = 0; i < GRAIN_HOST_RULES_MAX; i++) {
        if (!(conditioned >> i & 1))
            continue;
        rule = host_rule(i);
        if (rule && !host_task_satisfies(rule, pid, uid, comm))
            match->found &= ~(1ULL << i);
    }
    if (match->found & files->contained)
        host_contained(files->contained, files->generation);
    return 0;
}

static __always_inline __u64 host_rules_of_task(__u64 rules)
{
    struct host_match *match = host_match();

    if (!match)
        return 0;
    host_task_rules(rules);
    return match->found;
}

/* ---- files ---- */

/*
 * Add up what the directories above stand for: to the root of the filesystem, also where a bind
 * mount shows a part of it, and on from where the mount is.
 */
__noinline int host_directory_walk(__u32 slot, __u64 mnt, __u64 dentry_address)
{
    struct host_directory *out = bpf_map_lookup_elem(&host_directories, &slot);
    struct mount *mount = host_mount((void *)mnt), *above;
    struct dentry *dentry = (void *)dentry_address, *parent;
    struct host_file_rules *rules;
    struct host_file_key key = {0};
    struct inode *inode;

    if (!out)
        return 0;
    for (int turn = 0; turn < HOST_WALK_MAX; turn++) {
        inode = HOST_READ(dentry, d_inode);
        key.ino = HOST_READ(inode, i_ino);
        key.dev = HOST_READ(inode, i_sb, s_dev);
        rules = bpf_map_lookup_elem(&host_named, &key);
        if (rules) {
            out->below |= rules->below;
            out->prefix |= rules->prefix;
            if (!turn)
                out->prefix |= rules->direct;
        }
        parent = HOST_READ(dentry, d_parent);
        if (parent == dentry) {
            above = HOST_READ(mount, mnt_parent);
            if (!above || above == mount)
                break;
            parent = HOST_READ(mount, mnt_mountpoint);
            mount = above;
        }
        dentry = parent;
    }
    return 0;
}

/* What the directory `dentry` stands for, kept or found out. */
static __always_inline struct host_directory *
host_directory(const struct host_files *files, struct vfsmount *mnt, struct dentry *dentry)
{
    struct inode *inode = HOST_READ(dentry, d_inode);
    __u64 ino = HOST_READ(inode, i_ino), generation = files->generation;
    __u64 epoch = bpf_jiffies64() >> HOST_EPOCH_SHIFT;
    __u32 slot = (ino ^ ino >> 10 ^ (__u64)mnt >> 6) & (HOST_DIRECTORIES - 1);
    struct host_directory *kept = bpf_map_lookup_elem(&host_directories, &slot);

    if (!kept)
        return NULL;
    if (kept->ino == ino && kept->inode == (__u64)inode && kept->mnt == (__u64)mnt &&
        kept->generation == generation && kept->epoch == epoch)
        return kept;
    kept->below = 0;
    kept->prefix = 0;
    host_directory_walk(slot, (__u64)mnt, host_number(dentry));
    kept->ino = ino;
    kept->inode = (__u64)inode;
    kept->mnt = (__u64)mnt;
    /* As it was before the walk: what changed meanwhile makes it void. */
    kept->generation = generation;
    kept->epoch = epoch;
    return kept;
}

#endif
