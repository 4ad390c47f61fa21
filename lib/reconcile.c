// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the sources say and what is at the hooks, put in agreement before a command goes on.
 *
 * A command first marks all its slots CHANGING, works, and marks them ATTACHED or FREE at the end.
 * So when it was killed, the slots that are CHANGING are its own: if every one of them is complete
 * at its hook they were attached, or not yet detached, and stay; otherwise all of them go.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attach_private.h"
#include "error_private.h"

void grain_note(const struct grain_session *session, const char *interface, const char *format, ...)
{
    va_list arguments;
    char text[512];

    if (!session->note)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    session->note(session->user, interface, text);
}

void grain_tell(const struct grain_session *session, enum grain_attach_action action, uint32_t slot,
                const struct grain_source *source)
{
    const struct grain_attach_result result = {.action = action, .slot = slot, .source = *source};

    if (session->result)
        session->result(session->user, &result);
}

int grain_source_release(struct grain_session *session, uint32_t slot, struct grain_source *source)
{
    struct grain_source second = *source;
    struct grain_hold next = {session->pinned, slot, true, &second, false};
    struct grain_hold hold = {session->pinned, slot, false, source, false};
    int error;

    if (source->state != GRAIN_SOURCE_CHANGING) {
        source->state = GRAIN_SOURCE_CHANGING;
        error = grain_pinned_set_source(session->pinned, slot, source);
        if (error)
            return error;
    }
    if (source->way == GRAIN_WAY_TCX || source->way == GRAIN_WAY_XDP)
        (void)grain_link_detach(&next);
    grain_pin_drop(session->pinned, GRAIN_PIN_PROGRAMS, slot, true);
    error = grain_way_detach(&hold);
    if (error)
        return error;
    grain_ingress_hand_over(session->pinned, slot, source);
    source->state = GRAIN_SOURCE_FREE;
    source->program_id = source->link_id = source->filter_handle = source->filter_priority = 0;
    source->flags &= ~GRAIN_SOURCE_FLAG_QDISC;
    return grain_pinned_set_source(session->pinned, slot, source);
}

void grain_progress(const struct grain_session *session, const struct grain_source *source)
{
    if (session->progress)
        session->progress(session->user, source->name);
}

/* Programs of a killed command that a dispatcher still has; they never reached their slot. */
static void sweep(struct grain_session *session, const struct grain_source *source)
{
    int back;

    if (source->hook != GRAIN_HOOK_XDP || source->way != GRAIN_WAY_DISPATCHER)
        return;
    if (!grain_netns_enter(source->netns, &back)) {
        (void)grain_dispatcher_sweep(session->pinned, source->ifindex);
        grain_netns_leave(back);
    }
}

/* Is every slot that is CHANGING complete? */
static bool all_complete(struct grain_session *session)
{
    struct grain_source source;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        struct grain_hold hold = {session->pinned, slot, false, &source, false};

        if (!grain_pinned_source(session->pinned, slot, &source) &&
            source.state == GRAIN_SOURCE_CHANGING &&
            (!source.program_id || grain_way_present(&hold) != 1))
            return false;
    }
    return true;
}

static int settle_changing(struct grain_session *session, uint32_t slot,
                           struct grain_source *source, bool complete)
{
    int error;

    if (source->state != GRAIN_SOURCE_CHANGING)
        return 0;
    if (!complete) {
        error = grain_source_release(session, slot, source);
        /* It stays as it is, and keeps nobody from changing others. */
        if (error == -EHOSTUNREACH)
            grain_note(session, "", "%s", grain_error());
        else
            grain_note(session, source->name, "taken off: a command was killed while changing it");
        sweep(session, source);
        return error == -EHOSTUNREACH ? 0 : error;
    }
    grain_note(session, source->name, "a command was killed while changing it; it is attached");
    error = source->netns == session->netns ? grain_ingress_add(session, slot, source) : 0;
    source->state = GRAIN_SOURCE_ATTACHED;
    return error ? error : grain_pinned_set_source(session->pinned, slot, source);
}

/* Is the interface in its namespace? Its name there, now, into `name`. 1, 0, or -1: the namespace
 * cannot be looked into from here. */
static int interface_there(const struct grain_source *source, char *name)
{
    int back;

    if (grain_netns_enter(source->netns, &back))
        return -1;
    if (!if_indextoname(source->ifindex, name))
        *name = '\0';
    grain_netns_leave(back);
    return *name != '\0';
}

static int check_attached(struct grain_session *session, uint32_t slot, struct grain_source *source)
{
    const struct grain_hold hold = {session->pinned, slot, false, source, false};
    char name[IF_NAMESIZE] = "";
    int present = grain_way_present(&hold);
    int there = interface_there(source, name);

    if (present < 0)
        return grain_fail(present, "%s: cannot tell whether it is attached: %s", source->name,
                          strerror(-present));
    if (present && there < 0)
        return 0;
    if (there < 0 && grain_way_hidden(&hold)) {
        grain_note(session, source->name,
                   "its network namespace is not found from here, and its program goes on there: "
                   "left as it is");
        return 0;
    }
    if (!present || !there) {
        grain_note(session, source->name, "%s",
                   present     ? "taken off: the interface has left the network namespace in which "
                                 "it was attached"
                   : there > 0 ? "somebody else has taken it off"
                               : "the interface has gone");
        return grain_source_release(session, slot, source);
    }
    if (!strcmp(name, source->name))
        return 0;
    grain_note(session, source->name, "is now called %s", name);
    (void)snprintf(source->name, sizeof(source->name), "%s", name);
    return grain_pinned_set_source(session->pinned, slot, source);
}

int grain_reconcile(struct grain_session *session)
{
    bool complete = all_complete(session);
    struct grain_source source;
    int error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++) {
        error = grain_pinned_source(session->pinned, slot, &source);
        if (!error)
            error = settle_changing(session, slot, &source, complete);
        if (!error && source.state == GRAIN_SOURCE_ATTACHED)
            error = grain_upgrade_settle(session, slot, &source);
        if (!error && source.state == GRAIN_SOURCE_ATTACHED)
            sweep(session, &source);
        if (!error && source.state == GRAIN_SOURCE_ATTACHED)
            error = check_attached(session, slot, &source);
    }
    /* Whoever attaches anew is told of this failure again; nobody is kept from detaching by it. */
    if (!error && grain_ingress_refresh(session->pinned))
        grain_note(session, "", "%s", grain_error());
    return error;
}
