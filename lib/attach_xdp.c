// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP: an entry of libxdp's dispatcher, or alone at the hook by a link.
 *
 * libxdp 1.3.1 attaches a program without a dispatcher, and says nothing, where the kernel refuses
 * extensions; and loses file descriptors with each multiprog it has opened. So it is asked only
 * where extensions are possible, and what it has done is looked at.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "attach_private.h"
#include "error_private.h"
#include "grain_xdp.skel.h"
#include "quiet.h"

static enum xdp_attach_mode mode_of(const struct grain_source *source)
{
    return source->mode == GRAIN_MODE_SKB ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

struct xdp_call {
    struct xdp_program *program;
    const struct grain_source *source;
};

static int call_attach(void *call)
{
    const struct xdp_call *xdp = call;

    return xdp_program__attach(xdp->program, (int)xdp->source->ifindex, mode_of(xdp->source), 0);
}

static int call_detach(void *call)
{
    const struct xdp_call *xdp = call;

    return xdp_program__detach(xdp->program, (int)xdp->source->ifindex, mode_of(xdp->source), 0);
}

int grain_xdp_hook_read(uint32_t ifindex, struct grain_xdp_hook *out)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    int error = bpf_xdp_query((int)ifindex, 0, &query);

    memset(out, 0, sizeof(*out));
    if (error)
        return error;
    out->id = query.prog_id ? query.prog_id : query.drv_prog_id;
    if (!out->id)
        out->id = query.skb_prog_id ? query.skb_prog_id : query.hw_prog_id;
    if (out->id) {
        grain_program_describe(out->id, out->who, sizeof(out->who));
        out->dispatcher = !strncmp(out->who, "xdp_dispatcher ", 15);
    }
    return 0;
}

static void set_order(struct xdp_program *program, const struct grain_source *source)
{
    (void)xdp_program__set_run_prio(program, source->priority);
    (void)xdp_program__set_chain_call_enabled(program, XDP_PASS, true);
}

/* A dispatcher, and not the program alone? */
static bool behind_dispatcher(uint32_t ifindex)
{
    struct grain_xdp_hook hook;

    return !grain_xdp_hook_read(ifindex, &hook) && hook.dispatcher;
}

int grain_dispatcher_attach(struct grain_hold *hold, struct grain_program *program)
{
    struct xdp_program *entry;
    struct xdp_call call = {NULL, hold->source};
    int error;

    entry = xdp_program__from_bpf_obj(program->xdp->obj, "xdp");
    error = (int)libxdp_get_error(entry);
    if (error)
        return error;
    set_order(entry, hold->source);
    call.program = entry;
    error = grain_quietly(call_attach, &call);
    if (!error && !behind_dispatcher(hold->source->ifindex)) {
        (void)grain_quietly(call_detach, &call);
        error = -EOPNOTSUPP;
    }
    if (!error) {
        program->fd = dup(xdp_program__fd(entry));
        program->id = grain_program_id(program->fd);
        hold->source->way = GRAIN_WAY_DISPATCHER;
    }
    xdp_program__close(entry);
    return grain_attach_refused(hold->source, error);
}

/* Take the program of that number out of the dispatcher; -ENOENT: it is not in it. */
static int take_out(const struct grain_source *source, uint32_t id)
{
    struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)source->ifindex);
    struct xdp_program *entry = NULL;
    int error = -ENOENT;

    if (libxdp_get_error(all))
        return -ENOENT;
    while ((entry = xdp_multiprog__next_prog(entry, all)))
        if (xdp_program__id(entry) == id)
            break;
    if (entry) {
        struct xdp_call call = {entry, source};

        error = grain_quietly(call_detach, &call);
        /* It was found here: what is missing is libxdp's file, of which it builds a dispatcher anew
         * for the others that are in it. */
        if (error == -ENOENT)
            error = -ELIBACC;
    }
    xdp_multiprog__close(all);
    return error;
}

int grain_dispatcher_detach(struct grain_hold *hold)
{
    int error;

    error = hold->source->program_id ? take_out(hold->source, hold->source->program_id) : 0;
    if (error == -ELIBACC)
        return grain_fail(
            error,
            "%s: libxdp leaves the program in the dispatcher: it may not find its "
            "xdp-dispatcher.o, which it needs when others are in it (package libxdp1)",
            hold->source->name);
    if (error && error != -ENOENT)
        return grain_fail(error, "%s: cannot take the program out of the dispatcher: %s",
                          hold->source->name, strerror(-error));
    return 0;
}

/* Calls `take` for each program in the dispatcher until it returns something else than 0. */
static int for_each_entry(uint32_t ifindex, int (*take)(void *user, struct xdp_program *entry),
                          void *user)
{
    struct xdp_multiprog *all;
    struct xdp_program *entry = NULL;
    int result = 0;

    all = xdp_multiprog__get_from_ifindex((int)ifindex);
    if (libxdp_get_error(all))
        return 0;
    while (!result && (entry = xdp_multiprog__next_prog(entry, all)))
        result = take(user, entry);
    xdp_multiprog__close(all);
    return result;
}

static int has_id(void *user, struct xdp_program *entry)
{
    const uint32_t *id = user;

    return xdp_program__id(entry) == *id;
}

int grain_dispatcher_present(const struct grain_hold *hold)
{
    return for_each_entry(hold->source->ifindex, has_id, &hold->source->program_id);
}

static bool known(const struct grain_pinned *pinned, uint32_t id)
{
    struct grain_source source;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        int next = grain_pin_get(pinned, GRAIN_PIN_PROGRAMS, slot, true);
        uint32_t next_id = next < 0 ? 0 : grain_program_id(next);

        if (next >= 0)
            close(next);
        if (next_id == id || (!grain_pinned_source(pinned, slot, &source) &&
                              source.state != GRAIN_SOURCE_FREE && source.program_id == id))
            return true;
    }
    return false;
}

/* The number of a program of ours that no slot knows. */
static int is_lost(void *user, struct xdp_program *entry)
{
    struct grain_pinned *pinned = user;
    int fd = bpf_prog_get_fd_by_id(xdp_program__id(entry));
    bool ours = fd >= 0 && grain_program_is_ours(pinned, fd);

    if (fd >= 0)
        close(fd);
    return ours && !known(pinned, xdp_program__id(entry)) ? (int)xdp_program__id(entry) : 0;
}

int grain_dispatcher_sweep(struct grain_pinned *pinned, uint32_t ifindex)
{
    struct grain_source source = {.ifindex = ifindex, .mode = GRAIN_MODE_NATIVE};
    int id;

    while ((id = for_each_entry(ifindex, is_lost, pinned)) > 0)
        if (take_out(&source, id)) {
            source.mode = GRAIN_MODE_SKB;
            if (take_out(&source, id))
                break;
        }
    return libxdp_clean_references((int)ifindex);
}
