/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths as processes ask for them: made absolute by the true path of the directory that they start
 * from, "." and ".." taken out of the text. Symbolic links in them are not followed: what is told
 * here was asked for, and is not proven.
 */
#ifndef GRAIN_PROBES_ASKED_H
#define GRAIN_PROBES_ASKED_H

#include "descriptor.bpf.h"
#include "files.bpf.h"

#define HOST_ASKED_MAX 1024 /* bytes of a path that are looked at */
#define HOST_ASKED_AT  8192 /* where they lie meanwhile: behind the record, in scratch->record */

/* A component that stands from `from` to `to`, in front of what there is; components are met from
 * the last to the first, so that ".." takes away the next one. */
__noinline int host_asked_component(__u32 from, __u32 to)
{
    __u32 which = HOST_SCRATCH_OTHER, length = to - from, start;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    const __u8 *text;

    if (!scratch)
        return 0;
    text = &scratch->record[HOST_ASKED_AT + (from & (HOST_ASKED_MAX - 1))];
    start = scratch->at;
    if (!length || (length == 1 && text[0] == '.'))
        return 1;
    if (length == 2 && text[0] == '.' && text[1] == '.') {
        scratch->skip++;
        return 1;
    }
    if (scratch->skip) {
        scratch->skip--;
        return 1;
    }
    if (length > 255 || start < length + 1 || start > HOST_BACKWARD_MAX)
        return 0;
    start -= length;
    asm volatile("%0 &= 255" : "+r"(length));
    bpf_probe_read_kernel(&scratch->backward[start & (HOST_BACKWARD_MAX - 1)], length, text);
    start--;
    scratch->backward[start & (HOST_BACKWARD_MAX - 1)] = '/';
    scratch->at = start;
    return 1;
}

/* The byte before the last `turn` ones: where it begins a component, that is taken. 0: no room,
 * 1: go on, 2: that was all. */
__noinline int host_asked_turn(__u32 turn)
{
    __u32 which = HOST_SCRATCH_OTHER, at;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);

    if (!scratch)
        return 0;
    at = scratch->limit;
    if (turn >= at)
        return host_asked_component(0, scratch->end) ? 2 : 0;
    at -= turn + 1;
    if (scratch->record[HOST_ASKED_AT + (at & (HOST_ASKED_MAX - 1))] != '/')
        return 1;
    if (!host_asked_component(at + 1, scratch->end))
        return 0;
    scratch->end = at;
    return 1;
}

#define ASKED_EACH(byte) ((byte)*0x0101010101010101ULL)

/* The high bit of each byte that is `byte`; perhaps also of one that differs from it by one bit. */
static __always_inline __u64 asked_bytes(__u64 word, __u8 byte)
{
    __u64 x = word ^ ASKED_EACH(byte);

    return (x - ASKED_EACH(0x01)) & ~x & ASKED_EACH(0x80);
}

/* Of the eight bytes from `at` on of a text that ends at scratch->end: a slash, also just before
 * them, with another one or a dot behind it. 0: there is none, 1: there may be, 2: the text is
 * over. */
__noinline int host_asked_word(__u32 at)
{
    __u32 which = HOST_SCRATCH_OTHER, left;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    __u64 word, slashes, both, before;

    if (!scratch)
        return 1;
    left = scratch->end - at;
    if (at >= scratch->end)
        return 2;
    word = *(const __u64 *)&scratch->record[HOST_ASKED_AT + (at & (HOST_ASKED_MAX - 8))];
    if (left < 8)
        word &= (1ULL << (8 * left & 63)) - 1;
    slashes = asked_bytes(word, '/');
    both = slashes | asked_bytes(word, '.');
    before = scratch->slash;
    scratch->slash = slashes >> 56;
    return ((slashes & both >> 8) | (before & both)) != 0;
}

/* Must something be taken out of the text? Nearly none has that; perhaps wrongly yes. */
static __always_inline bool asked_has_dots(struct host_scratch *scratch, __u32 length)
{
    int found = 0;

    scratch->end = length;
    /* What it begins with has a slash before it, unless it is one. */
    scratch->slash = scratch->record[HOST_ASKED_AT] == '/' ? 0 : 0x80;
    for (__u32 at = 0; at < HOST_ASKED_MAX && !found; at += 8)
        found = host_asked_word(at);
    return found == 1;
}

/* A text without anything that has to be taken out, as it is; 0: it has, or no length. */
__noinline int host_asked_plain(__u32 length)
{
    __u32 which = HOST_SCRATCH_OTHER, start;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);

    if (!scratch || !length || length >= HOST_ASKED_MAX ||
        scratch->record[HOST_ASKED_AT + ((length - 1) & (HOST_ASKED_MAX - 1))] == '/' ||
        asked_has_dots(scratch, length))
        return 0;
    asm volatile("%0 &= 1023" : "+r"(length));
    start = HOST_BACKWARD_MAX - length;
    bpf_probe_read_kernel(&scratch->backward[start & (HOST_BACKWARD_MAX - 1)], length,
                          &scratch->record[HOST_ASKED_AT]);
    if (scratch->record[HOST_ASKED_AT] != '/') {
        start--;
        scratch->backward[start & (HOST_BACKWARD_MAX - 1)] = '/';
    }
    scratch->at = start;
    return 1;
}

/* The text at `user` into scratch->backward, its components only; its length, or -1: not readable,
 * or too long. */
__noinline int host_asked_read(__u64 user)
{
    __u32 which = HOST_SCRATCH_OTHER;
    struct host_scratch *scratch = bpf_map_lookup_elem(&host_scratches, &which);
    const struct host_access *access = host_access();
    void *to;
    int length;

    if (!scratch || !access)
        return -1;
    to = &scratch->record[HOST_ASKED_AT];
    length = access->kernel_text ? bpf_probe_read_kernel_str(to, HOST_ASKED_MAX, (void *)user)
                                 : bpf_probe_read_user_str(to, HOST_ASKED_MAX, (void *)user);
    scratch->at = HOST_BACKWARD_MAX;
    scratch->skip = 0;
    if (length <= 0 || length >= HOST_ASKED_MAX)
        return -1;
    length--;
    if (host_asked_plain(length))
        return length;
    scratch->end = length;
    scratch->limit = length;
    for (__u32 turn = 0; turn < HOST_ASKED_MAX; turn++) {
        int more = host_asked_turn(turn);

        if (more != 1)
            return more ? length : -1;
    }
    return -1;
}

/*
 * What the process meant by `user`, seen from `base`, into scratch->backward from text->start on.
 * NULL directory: the working directory. 0: it could not be read.
 */
static __noinline int host_asked(struct host_scratch *scratch, struct task_struct *task,
                                 struct file *directory, __u64 user, struct host_text *text)
{
    struct fs_struct *fs = HOST_READ(task, fs);
    struct path base = {0};
    int length = host_asked_read(user);

    if (length < 0)
        return 0;
    if (length && scratch->record[HOST_ASKED_AT] == '/') {
        scratch->skip = 0;
        bpf_core_read(&base, sizeof(base), &fs->root);
    } else if (directory) {
        bpf_core_read(&base, sizeof(base), &directory->f_path);
    } else {
        bpf_core_read(&base, sizeof(base), &fs->pwd);
    }
    if (!base.mnt || !base.dentry)
        return 0;
    host_path_on(HOST_SCRATCH_OTHER, scratch, &base, text);
    text->flags &= GRAIN_HOST_FILE_CUT | GRAIN_HOST_FILE_NO_MOUNT;
    return 1;
}

/* The target of a symbolic link: as it is. */
static __always_inline int host_asked_raw(struct host_scratch *scratch, __u64 user,
                                          struct host_text *text)
{
    long length =
        bpf_probe_read_user_str(&scratch->record[HOST_ASKED_AT], HOST_ASKED_MAX, (void *)user);
    __u32 start;

    if (length <= 1)
        return 0;
    length = (length - 1) & (HOST_ASKED_MAX - 1);
    start = HOST_BACKWARD_MAX - length;
    bpf_probe_read_kernel(&scratch->backward[start & (HOST_BACKWARD_MAX - 1)], length,
                          &scratch->record[HOST_ASKED_AT]);
    text->start = start;
    text->length = length;
    text->flags = 0;
    return 1;
}

/* Keep what stands in scratch->backward as the second path. */
static __always_inline void host_asked_second(struct host_scratch *scratch,
                                              struct host_access *access, __u32 start)
{
    __u32 length = HOST_BACKWARD_MAX - start;

    asm volatile("%0 &= 4095" : "+r"(length));
    asm volatile("%0 &= 4095" : "+r"(start));
    bpf_probe_read_kernel(scratch->second, length, &scratch->backward[start]);
    access->path2_length = length;
}

/* Which of the rules choose a text that was asked for. */
static __always_inline __u64 host_asked_rules(const struct host_access *access, __u32 start)
{
    const struct host_files *files = host_files();

    if (!files)
        return 0;
    return (access->rules & files->all) | host_match_all(start, access->rules & files->texts);
}

struct host_asked {
    struct file *directory, *directory2; /* NULL: the working directory */
    __u64 path, path2;                   /* addresses; 0: there is none */
};

/* An operation on paths: chosen by what was asked for, and told. Its access has been begun. */
static __noinline int host_asked_tell(struct task_struct *task, const struct host_asked *asked)
{
    struct host_scratch *scratch;
    const struct host_files *files = host_files();
    struct host_access *access = host_access();
    struct host_text text = {0};
    __u64 rules = 0;
    int ok = 1;

    if (host_is_reader())
        return 0;
    scratch = host_scratch_take(HOST_SCRATCH_OTHER);
    if (!scratch || !files || !access) {
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
        return 0;
    }
    if (asked->path2) {
        ok = host_asked(scratch, task, asked->directory2, asked->path2, &text);
        if (ok) {
            rules = host_asked_rules(access, text.start);
            host_asked_second(scratch, access, text.start);
            access->flags |= text.flags & GRAIN_HOST_FILE_CUT ? GRAIN_HOST_FILE_CUT2 : 0;
        }
    }
    if (ok) {
        if (access->operation == GRAIN_HOST_OP_SYMLINK)
            ok = host_asked_raw(scratch, asked->path, &text);
        else
            ok = host_asked(scratch, task, asked->directory, asked->path, &text);
    }
    if (!ok) {
        host_count(GRAIN_HOST_COUNTER_UNRESOLVED, 1);
    } else {
        rules |= host_asked_rules(access, text.start);
        if (rules && !(rules & files->exclude)) {
            access->rules = rules;
            access->start = text.start;
            access->flags |= text.flags | GRAIN_HOST_FILE_ASKED;
            host_file_send(scratch, access, task, NULL);
        }
    }
    host_scratch_give(scratch);
    return 0;
}

#endif
