// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP is for hardware: it sees a packet before the kernel has made anything of it. On software
 * devices the packet is made already; native XDP on veth halves bulk TCP, because segments are no
 * longer passed on in large pieces.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "attach_choose.h"
#include "error_private.h"
#include "probe.h"

#define MTU_IN_ONE_PIECE 3000

static void choose_tc(struct grain_source *source)
{
    source->hook = GRAIN_HOOK_TC;
    source->way = GRAIN_WAY_TCX;
    source->mode = GRAIN_MODE_NONE;
}

/* Larger frames come in several buffers, which drivers give only to programs that say they can. */
static bool in_pieces(const struct grain_device *device)
{
    return device->mtu > MTU_IN_ONE_PIECE &&
           libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
}

static void choose_xdp(const struct grain_chooser *chooser, const struct grain_device *device,
                       struct grain_source *source, uint8_t way)
{
    source->hook = GRAIN_HOOK_XDP;
    source->way = way;
    source->mode = chooser->mode == GRAIN_MODE_SKB ? GRAIN_MODE_SKB : GRAIN_MODE_NATIVE;
    if (in_pieces(device))
        source->flags |= GRAIN_SOURCE_FLAG_FRAGS;
}

/* Why XDP is not for this device; NULL: it may be. */
static const char *why_not_xdp(const struct grain_device *device)
{
    static __thread char text[160];

    if (device->flags & IFF_LOOPBACK)
        return "a loopback has no XDP of its own";
    if (device->type != ARPHRD_ETHER)
        return "its frames have no Ethernet header, and XDP is for those that have";
    if (!strcmp(device->kind, "veth"))
        return "native XDP on veth would halve bulk TCP";
    if (!*device->kind)
        return NULL;
    (void)snprintf(text, sizeof(text), "%s is a software device, where XDP gains nothing",
                   device->kind);
    return text;
}

static bool dispatcher_possible(struct grain_chooser *chooser)
{
    if (!chooser->extension_tried) {
        chooser->extension = grain_probe_extension();
        chooser->extension_tried = true;
        if (chooser->extension)
            grain_note(chooser->session, "",
                       "no dispatcher: this kernel refuses programs that extend others (%s); XDP "
                       "is attached alone where its hook is free",
                       strerror(-chooser->extension));
    }
    return !chooser->extension && !chooser->no_dispatcher;
}

static void warn_of_driver(const struct grain_chooser *chooser, const struct grain_device *device)
{
    char driver[32];

    if (chooser->mode == GRAIN_MODE_SKB || *device->kind)
        return;
    grain_device_driver(device->name, driver);
    grain_note(chooser->session, device->name,
               "native XDP in driver %s: it may reset the rings (a moment without packets), turn "
               "LRO off and limit the MTU (now %u)",
               *driver ? driver : "(unknown)", device->mtu);
    if (chooser->dry_run && chooser->hook != GRAIN_HOOK_XDP)
        grain_note(chooser->session, device->name,
                   "whether the driver takes it is known only by trying; if not, tc");
}

/* Somebody else's program is at the XDP hook. */
static int choose_beside(struct grain_chooser *chooser, const struct grain_device *device,
                         struct grain_source *source, const struct grain_choice *choice)
{
    if (choice->hook.dispatcher && dispatcher_possible(chooser)) {
        grain_note(chooser->session, device->name, "joins the dispatcher that is there");
        choose_xdp(chooser, device, source, GRAIN_WAY_DISPATCHER);
        return 0;
    }
    if (chooser->hook == GRAIN_HOOK_XDP)
        return grain_fail(-EBUSY,
                          "%s: the XDP hook is held by %s, which leaves no room for another; use "
                          "--hook tc, or load that program with xdp-loader",
                          device->name, choice->hook.who);
    grain_note(chooser->session, device->name,
               "tc, because the XDP hook is held by %s, which leaves no room for another",
               choice->hook.who);
    choose_tc(source);
    return 0;
}

static int choose_in(struct grain_chooser *chooser, const struct grain_device *device,
                     struct grain_source *source, struct grain_choice *choice)
{
    const char *why = why_not_xdp(device);

    if (chooser->hook == GRAIN_HOOK_TC) {
        choose_tc(source);
        return 0;
    }
    if (chooser->hook == GRAIN_HOOK_XDP && device->type != ARPHRD_ETHER)
        return grain_fail(-EOPNOTSUPP, "%s: %s; use --hook tc", device->name, why);
    if (why && chooser->hook != GRAIN_HOOK_XDP && chooser->mode != GRAIN_MODE_SKB) {
        grain_note(chooser->session, device->name, "tc, because %s", why);
        choose_tc(source);
        return 0;
    }
    if (grain_xdp_hook_read(device->ifindex, &choice->hook))
        memset(&choice->hook, 0, sizeof(choice->hook));
    if (choice->hook.id)
        return choose_beside(chooser, device, source, choice);
    warn_of_driver(chooser, device);
    choose_xdp(chooser, device, source,
               dispatcher_possible(chooser) ? GRAIN_WAY_DISPATCHER : GRAIN_WAY_XDP);
    return 0;
}

/* Who is at tc already. */
static void tell_neighbours(const struct grain_chooser *chooser, const struct grain_device *device,
                            const struct grain_source *source)
{
    char who[256];

    if (source->hook == GRAIN_HOOK_TC &&
        grain_tc_neighbours(chooser->session->pinned, source, who, sizeof(who)))
        grain_note(chooser->session, device->name, "%s: stays beside %s",
                   source->direction == GRAIN_DIRECTION_IN ? "in" : "out", who);
}

int grain_choose(struct grain_chooser *chooser, const struct grain_device *device,
                 struct grain_source *source, struct grain_choice *choice)
{
    int error = 0;

    memset(choice, 0, sizeof(*choice));
    if (source->direction == GRAIN_DIRECTION_IN)
        error = choose_in(chooser, device, source, choice);
    else
        choose_tc(source);
    if (!error)
        tell_neighbours(chooser, device, source);
    return error;
}

static int give_up(const struct grain_chooser *chooser, const struct grain_device *device,
                   int error)
{
    if (chooser->mode == GRAIN_MODE_SKB)
        return grain_fail(error, "%s: generic XDP is refused: %s; use --hook tc", device->name,
                          strerror(-error));
    return grain_fail(error,
                      "%s: its driver refuses native XDP: %s (an MTU of %u may be too large, or it "
                      "has none); use --hook tc, or --mode skb",
                      device->name, strerror(-error), device->mtu);
}

/* There is a dispatcher, and it takes no more. */
static int refused_by_holder(const struct grain_chooser *chooser, const struct grain_device *device,
                             struct grain_source *source, const struct grain_choice *choice,
                             int error)
{
    if (chooser->hook == GRAIN_HOOK_XDP)
        return grain_fail(error,
                          "%s: %s at its XDP hook takes no further program: %s (it may be full, of "
                          "another mode, or not libxdp's); use --hook tc",
                          device->name, choice->hook.who, strerror(-error));
    grain_note(chooser->session, device->name,
               "tc, because %s at its XDP hook takes no further program: %s", choice->hook.who,
               strerror(-error));
    choose_tc(source);
    return 0;
}

int grain_choose_next(struct grain_chooser *chooser, const struct grain_device *device,
                      struct grain_source *source, struct grain_choice *choice,
                      enum grain_obstacle obstacle, int error)
{
    if (source->hook != GRAIN_HOOK_XDP || obstacle == GRAIN_OBSTACLE_OWN || error == -EPERM ||
        error == -ENODEV)
        return error;
    if (obstacle == GRAIN_OBSTACLE_PROGRAM) {
        if (chooser->hook == GRAIN_HOOK_XDP || chooser->mode == GRAIN_MODE_SKB)
            return error;
        grain_note(chooser->session, "", "tc instead: %s", grain_error());
        choose_tc(source);
        return 0;
    }
    if (source->way == GRAIN_WAY_DISPATCHER && error == -ENOENT) {
        chooser->no_dispatcher = true;
        grain_note(chooser->session, "",
                   "no dispatcher: libxdp does not find its xdp-dispatcher.o (package libxdp1); "
                   "XDP is attached alone where its hook is free");
        choose_xdp(chooser, device, source, GRAIN_WAY_XDP);
        return 0;
    }
    if (source->way == GRAIN_WAY_DISPATCHER && !choice->hook.id) {
        grain_note(chooser->session, device->name, "the dispatcher is refused (%s); trying alone",
                   strerror(-error));
        choose_xdp(chooser, device, source, GRAIN_WAY_XDP);
        return 0;
    }
    if (choice->hook.id)
        return refused_by_holder(chooser, device, source, choice, error);
    if (chooser->hook == GRAIN_HOOK_XDP || chooser->mode == GRAIN_MODE_SKB)
        return give_up(chooser, device, error);
    grain_note(chooser->session, device->name,
               "tc, because its driver refuses native XDP: %s (an MTU of %u may be too large, or "
               "it has none)",
               strerror(-error), device->mtu);
    choose_tc(source);
    return 0;
}
