// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc: a tcx link where the kernel has them, otherwise a filter of a clsact qdisc, with a handle of
 * our own. What comes in is seen before other filters decide, what goes out after them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>

#include "attach_private.h"
#include "error_private.h"
#include "quiet.h"

/* linux/bpf.h of 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define TCX_BEFORE  (1U << 3)

/* "gr", the slot, and one of two for the program that follows in an upgrade. */
#define HANDLE_BASE 0x67720001U
#define HANDLE_NEXT 0x100U

#define PRIORITIES 16

#define PARENT_IN  TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define PARENT_OUT TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

static int attach_tcx(struct grain_hold *hold, int program)
{
    bool in = hold->source->direction == GRAIN_DIRECTION_IN;
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = in ? TCX_BEFORE : 0);
    int link = bpf_link_create(program, (int)hold->source->ifindex,
                               (enum bpf_attach_type)(in ? TCX_INGRESS : TCX_EGRESS), &options);

    if (link < 0)
        return -errno;
    hold->source->way = GRAIN_WAY_TCX;
    return grain_link_hold(hold, link);
}

void grain_tc_second(struct grain_source *source)
{
    if (source->way == GRAIN_WAY_CLSACT)
        source->filter_handle ^= HANDLE_NEXT;
}

static struct bpf_tc_hook hook_of(const struct grain_source *source)
{
    return (struct bpf_tc_hook){
        .sz = sizeof(struct bpf_tc_hook),
        .ifindex = (int)source->ifindex,
        .attach_point = source->direction == GRAIN_DIRECTION_IN ? BPF_TC_INGRESS : BPF_TC_EGRESS,
    };
}

struct tc_call {
    const struct bpf_tc_hook *hook;
    struct bpf_tc_opts *options;
};

static int call_attach(void *call)
{
    const struct tc_call *tc = call;

    return bpf_tc_attach(tc->hook, tc->options);
}

static int call_detach(void *call)
{
    const struct tc_call *tc = call;

    return bpf_tc_detach(tc->hook, tc->options);
}

static int call_query(void *call)
{
    const struct tc_call *tc = call;

    return bpf_tc_query(tc->hook, tc->options);
}

static int call_create(void *hook)
{
    return bpf_tc_hook_create(hook);
}

static int call_destroy(void *hook)
{
    return bpf_tc_hook_destroy(hook);
}

/* The lowest priority that no filter of another kind has. */
static int add_filter(struct grain_hold *hold, const struct bpf_tc_hook *hook, int program)
{
    struct grain_source *source = hold->source;
    uint32_t priority = hold->next ? source->filter_priority : 1;
    int error = -EEXIST;

    if (hold->next)
        grain_tc_second(source);
    else
        source->filter_handle = HANDLE_BASE + hold->slot;
    for (; error == -EEXIST || error == -EINVAL; priority++) {
        LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = source->filter_handle,
                    .priority = priority);
        struct tc_call call = {hook, &options};

        if (priority > PRIORITIES)
            break;
        /* What is to be removed after a kill must be known before it is there. */
        source->filter_priority = priority;
        if (!hold->next) {
            error = grain_pinned_set_source(hold->pinned, hold->slot, source);
            if (error)
                return error;
        }
        error = grain_quietly(call_attach, &call);
    }
    return error;
}

/* Whether the qdisc is ours to remove is written down before it is made. */
static int make_qdisc(struct grain_hold *hold, struct bpf_tc_hook *hook)
{
    int there = grain_device_qdisc(hold->source->ifindex), error;

    if (there == GRAIN_QDISC_INGRESS && hold->source->direction == GRAIN_DIRECTION_OUT)
        return grain_fail(-EBUSY,
                          "%s: an ingress qdisc is in the place of clsact, and shows nothing that "
                          "goes out; use --direction in, or put clsact there",
                          hold->source->name);
    if (there == GRAIN_QDISC_NONE) {
        hold->source->flags |= GRAIN_SOURCE_FLAG_QDISC;
        error = grain_pinned_set_source(hold->pinned, hold->slot, hold->source);
        if (error)
            return error;
    }
    error = there > 0 ? 0 : grain_quietly(call_create, hook);
    if (error && error != -EEXIST)
        return grain_fail(error, "%s: cannot add a clsact qdisc: %s", hold->source->name,
                          strerror(-error));
    return 0;
}

/* The qdisc that one direction has made serves both. */
static void share_qdisc(struct grain_hold *hold)
{
    struct grain_source other;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++)
        if (!grain_pinned_source(hold->pinned, slot, &other) && other.state != GRAIN_SOURCE_FREE &&
            other.way == GRAIN_WAY_CLSACT && other.netns == hold->source->netns &&
            other.ifindex == hold->source->ifindex)
            hold->source->flags |= other.flags & GRAIN_SOURCE_FLAG_QDISC;
}

static int attach_clsact(struct grain_hold *hold, int program)
{
    struct bpf_tc_hook hook = hook_of(hold->source);
    int error = 0;

    hold->source->way = GRAIN_WAY_CLSACT;
    if (!hold->next) {
        share_qdisc(hold);
        error = make_qdisc(hold, &hook);
    }
    if (error)
        return error;
    error = add_filter(hold, &hook, program);
    return error ? grain_fail(error, "%s: cannot add a tc filter: %s", hold->source->name,
                              strerror(-error))
                 : 0;
}

int grain_tc_attach(struct grain_hold *hold, const struct grain_program *program)
{
    int error;

    if (hold->next && hold->source->way == GRAIN_WAY_CLSACT)
        return attach_clsact(hold, program->fd);
    error = attach_tcx(hold, program->fd);
    /* Kernels before 6.6 do not know the attach type. */
    if (error == -EINVAL && !hold->next)
        return attach_clsact(hold, program->fd);
    if (error == -ENODEV)
        return grain_fail(error, "%s: the interface has gone", hold->source->name);
    return error ? grain_fail(error, "%s: cannot attach at tc: %s", hold->source->name,
                              strerror(-error))
                 : 0;
}

/* The program of our filter; 0: there is no such filter. */
static uint32_t filter_program(const struct grain_source *source, const struct bpf_tc_hook *hook)
{
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = source->filter_handle,
                .priority = source->filter_priority);
    struct tc_call call = {hook, &options};

    if (!source->filter_handle || !source->filter_priority)
        return 0;
    return grain_quietly(call_query, &call) ? 0 : options.prog_id;
}

int grain_tc_replace(struct grain_hold *hold, const struct grain_program *program)
{
    const struct grain_source *source = hold->source;
    struct bpf_tc_hook hook = hook_of(source);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = source->filter_handle,
                .priority = source->filter_priority, .prog_fd = program->fd,
                .flags = BPF_TC_F_REPLACE);
    struct tc_call call = {&hook, &options};
    int error;

    if (source->way == GRAIN_WAY_TCX)
        return grain_link_replace(hold, program);
    error = grain_quietly(call_attach, &call);
    return error ? grain_fail(error, "%s: cannot replace the tc filter: %s", source->name,
                              strerror(-error))
                 : 0;
}

/* The qdisc goes when we made it and nobody has a filter in it any more. */
static void drop_qdisc(const struct grain_source *source)
{
    struct bpf_tc_hook hook = hook_of(source);

    if (!(source->flags & GRAIN_SOURCE_FLAG_QDISC) ||
        grain_filters_any(source->ifindex, PARENT_IN) ||
        grain_filters_any(source->ifindex, PARENT_OUT))
        return;
    hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
    (void)grain_quietly(call_destroy, &hook);
}

int grain_tc_detach(struct grain_hold *hold)
{
    const struct grain_source *source = hold->source;
    struct bpf_tc_hook hook = hook_of(source);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = source->filter_handle,
                .priority = source->filter_priority);
    struct tc_call call = {&hook, &options};
    uint32_t id;
    int error = 0;

    if (source->way == GRAIN_WAY_TCX)
        return grain_link_detach(hold);
    id = filter_program(source, &hook);
    if (id && id == source->program_id)
        error = grain_quietly(call_detach, &call);
    if (error && error != -ENOENT)
        return grain_fail(error, "%s: cannot remove the tc filter: %s", source->name,
                          strerror(-error));
    if (!hold->next)
        drop_qdisc(source);
    return 0;
}

int grain_tc_present(const struct grain_hold *hold)
{
    const struct bpf_tc_hook hook = hook_of(hold->source);

    return filter_program(hold->source, &hook) == hold->source->program_id;
}

#define NEIGHBOURS 64

static bool is_ours(const struct grain_pinned *pinned, uint32_t id)
{
    int fd = pinned ? bpf_prog_get_fd_by_id(id) : -1;
    bool ours = fd >= 0 && grain_program_is_ours(pinned, fd);

    if (fd >= 0)
        close(fd);
    return ours;
}

/* Appends to `out`; what does not fit is left out. */
static void append(char *out, size_t size, const char *text)
{
    size_t length = strlen(out);

    (void)snprintf(out + length, size - length, "%s%s", length ? ", " : "", text);
}

bool grain_tc_neighbours(const struct grain_pinned *pinned, const struct grain_source *source,
                         char *out, size_t size)
{
    bool in = source->direction == GRAIN_DIRECTION_IN;
    uint32_t ids[NEIGHBOURS], count = NEIGHBOURS;
    int filters = grain_filters_count(source->ifindex, in ? PARENT_IN : PARENT_OUT);
    char text[64];

    *out = '\0';
    if (bpf_prog_query((int)source->ifindex, (enum bpf_attach_type)(in ? TCX_INGRESS : TCX_EGRESS),
                       0, NULL, ids, &count))
        count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_ours(pinned, ids[i]))
            continue;
        grain_program_describe(ids[i], text, sizeof(text));
        append(out, size, text);
    }
    if (filters > 0) {
        (void)snprintf(text, sizeof(text), "tc filters (%d)", filters);
        append(out, size, text);
    }
    return *out;
}
