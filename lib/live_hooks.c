// SPDX-License-Identifier: GPL-2.0-only
/* Who else is at the hook of a source. */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "attach_private.h"
#include "devices.h"
#include "error_private.h"
#include "live_private.h"
#include "quiet.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which older headers have not */
#define TCX_EGRESS  47
#define TCX_MAX     64

struct search {
    struct grain_live *live;
    const struct grain_source *source;
    grain_live_other_fn fn;
    void *user;
};

/* A program of any source under this root, or of the one that is to follow it. */
static bool ours(const struct grain_live *live, uint32_t id)
{
    int fd = bpf_prog_get_fd_by_id(id);
    bool result = fd >= 0 && grain_program_is_ours(live->pinned, fd);

    if (fd >= 0)
        close(fd);
    return result;
}

static int tell(const struct search *search, uint32_t id)
{
    struct grain_live_other other = {.id = id, .count = 1};

    if (ours(search->live, id))
        return 0;
    grain_program_describe(id, other.name, sizeof(other.name));
    return search->fn(search->user, &other);
}

static int dispatcher_programs(const struct search *search)
{
    struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)search->source->ifindex);
    struct xdp_program *entry = NULL;
    int error = 0;

    if (libxdp_get_error(all))
        return 0;
    while (!error && (entry = xdp_multiprog__next_prog(entry, all)))
        error = tell(search, xdp_program__id(entry));
    xdp_multiprog__close(all);
    return error;
}

static int xdp_programs(const struct search *search)
{
    struct grain_xdp_hook hook;

    if (grain_xdp_hook_read(search->source->ifindex, &hook) || !hook.id)
        return 0;
    return hook.dispatcher ? dispatcher_programs(search) : tell(search, hook.id);
}

static int tcx_programs(const struct search *search)
{
    bool out = search->source->direction == GRAIN_DIRECTION_OUT;
    uint32_t ids[TCX_MAX], count = TCX_MAX, flags;
    int error = 0;

    if (bpf_prog_query((int)search->source->ifindex, out ? TCX_EGRESS : TCX_INGRESS, 0, &flags, ids,
                       &count))
        return 0;
    for (uint32_t i = 0; !error && i < count && i < TCX_MAX; i++)
        error = tell(search, ids[i]);
    return error;
}

/* Filters may be of any kind: they are only counted. */
static int filters(const struct search *search)
{
    bool out = search->source->direction == GRAIN_DIRECTION_OUT;
    int count = grain_filters_count(
        search->source->ifindex, TC_H_MAKE(TC_H_CLSACT, out ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS));
    struct grain_live_other other = {.name = "tc filters"};

    if (search->source->way == GRAIN_WAY_CLSACT && count > 0)
        count--;
    if (count <= 0)
        return 0;
    other.count = (uint32_t)count;
    return search->fn(search->user, &other);
}

int grain_live_others(struct grain_live *live, const struct grain_live_source *source,
                      grain_live_other_fn fn, void *user)
{
    const struct search search = {live, &source->source, fn, user};
    struct grain_quiet before;
    int back, error = grain_netns_enter(source->source.netns, &back);

    if (error)
        return error == -ENOENT ? 0
                                : grain_fail(error, "%s: cannot enter its network namespace: %s",
                                             source->source.name, strerror(-error));
    before = grain_quiet_begin();
    if (source->source.hook == GRAIN_HOOK_XDP)
        error = xdp_programs(&search);
    else
        error = tcx_programs(&search);
    if (!error && source->source.hook == GRAIN_HOOK_TC)
        error = filters(&search);
    grain_quiet_end(&before);
    grain_netns_leave(back);
    return error;
}
