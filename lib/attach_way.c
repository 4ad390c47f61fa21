// SPDX-License-Identifier: GPL-2.0-only
/* From a source to the way in which it is held. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "attach_private.h"
#include "error_private.h"

int grain_attach_refused(const struct grain_source *source, int error)
{
    if (error == -ENODEV)
        return grain_fail(error, "%s: the interface has gone", source->name);
    if (error == -EPERM)
        return grain_fail(error,
                          "%s: the kernel does not let this user attach the program; it takes "
                          "root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
                          source->name);
    return error;
}

static int attach_alone(struct grain_hold *hold, const struct grain_program *program)
{
    LIBBPF_OPTS(bpf_link_create_opts, options,
                .flags =
                    hold->source->mode == GRAIN_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
    int link = bpf_link_create(program->fd, (int)hold->source->ifindex, BPF_XDP, &options);

    if (link < 0) {
        hold->refused = true;
        return grain_attach_refused(hold->source, -errno);
    }
    return grain_link_hold(hold, link);
}

int grain_way_attach(struct grain_hold *hold, struct grain_program *program)
{
    struct grain_source *source = hold->source;
    int error;

    if (source->way == GRAIN_WAY_DISPATCHER) {
        error = grain_dispatcher_attach(hold, program);
        hold->refused = error;
        if (!error)
            error = grain_pin_put(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next,
                                  program->fd);
        source->program_id = program->id;
        return error;
    }
    /* The pin and the number come first: after a kill they tell what is ours. */
    error = grain_pin_put(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next, program->fd);
    source->program_id = program->id;
    if (!error && !hold->next)
        error = grain_pinned_set_source(hold->pinned, hold->slot, source);
    if (error)
        return error;
    return source->hook == GRAIN_HOOK_XDP ? attach_alone(hold, program)
                                          : grain_tc_attach(hold, program);
}

int grain_way_replace(struct grain_hold *hold, const struct grain_program *program)
{
    if (hold->source->way == GRAIN_WAY_DISPATCHER)
        return -EOPNOTSUPP;
    return hold->source->hook == GRAIN_HOOK_XDP ? grain_link_replace(hold, program)
                                                : grain_tc_replace(hold, program);
}

static bool by_link(const struct grain_source *source)
{
    return source->way == GRAIN_WAY_XDP || source->way == GRAIN_WAY_TCX;
}

/* A program whose pin was removed lives until the kernel has let go of the pin, a moment later. */
#define LET_GO_TRIES 20
#define LET_GO_NS    10000000

/* The program of a source without asking its hook; -1: there is none. */
static int find_program(const struct grain_hold *hold)
{
    int fd = grain_pin_get(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next);

    if (fd >= 0)
        return fd;
    /* A command was killed while it let go of the program. */
    fd = bpf_prog_get_fd_by_id(hold->source->program_id);
    if (fd >= 0 && !grain_program_is_ours(hold->pinned, fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Of a program that this process has let go of: an fd if somebody else holds it; -1. */
static int still_held(uint32_t id)
{
    const struct timespec pause = {.tv_nsec = LET_GO_NS};
    int fd = -1;

    for (int i = 0; i < LET_GO_TRIES; i++) {
        fd = bpf_prog_get_fd_by_id(id);
        if (fd < 0)
            return -1;
        close(fd);
        (void)nanosleep(&pause, NULL);
    }
    return bpf_prog_get_fd_by_id(id);
}

bool grain_way_hidden(const struct grain_hold *hold)
{
    int fd, probe;
    uint32_t id;

    /* A link tells by itself; programs in a dispatcher are held by libxdp's pins, too. */
    if (hold->source->way != GRAIN_WAY_CLSACT)
        return false;
    fd = find_program(hold);
    if (fd < 0)
        return false;
    id = grain_program_id(fd);
    probe = bpf_prog_get_fd_by_id(id);
    if (probe < 0) {
        /* Not for this user to know. */
        close(fd);
        return true;
    }
    close(probe);
    close(fd);
    grain_pin_drop(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next);
    fd = still_held(id);
    if (fd < 0)
        return false;
    (void)grain_pin_put(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next, fd);
    close(fd);
    return true;
}

/* Detach in the source's own namespace, unless that has gone with all that was in it. */
static int detach_there(struct grain_hold *hold)
{
    int back, error = grain_netns_enter(hold->source->netns, &back);

    if (error == -ENOENT && grain_way_hidden(hold))
        return grain_fail(-EHOSTUNREACH,
                          "%s: its network namespace is not found from here, and its program goes "
                          "on there; run this in it, or as root where it has a name or a process",
                          hold->source->name);
    if (error == -ENOENT)
        return 0;
    if (error)
        return grain_fail(error, "%s: cannot enter its network namespace: %s", hold->source->name,
                          strerror(-error));
    if (hold->source->way == GRAIN_WAY_DISPATCHER)
        error = grain_dispatcher_detach(hold);
    else
        error = grain_tc_detach(hold);
    grain_netns_leave(back);
    return error;
}

int grain_way_detach(struct grain_hold *hold)
{
    int error = by_link(hold->source) ? grain_link_detach(hold) : detach_there(hold);

    if (!error)
        grain_pin_drop(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, hold->next);
    return error;
}

int grain_way_present(const struct grain_hold *hold)
{
    uint32_t program_id;
    int back, result;

    if (by_link(hold->source)) {
        result = grain_link_ifindex(hold, &program_id);
        return result == -ENOENT ? 0 : result < 0 ? result : result > 0;
    }
    result = grain_netns_enter(hold->source->netns, &back);
    if (result)
        return result == -ENOENT ? 0 : result;
    if (hold->source->way == GRAIN_WAY_DISPATCHER)
        result = grain_dispatcher_present(hold);
    else
        result = grain_tc_present(hold);
    grain_netns_leave(back);
    return result;
}
