// SPDX-License-Identifier: GPL-2.0-only
/* Taking grain off interfaces, and switching what it looks into. */
#include <errno.h>
#include <string.h>

#include "attach_private.h"
#include "error_private.h"

struct detach {
    struct grain_session session;
    const struct grain_detach_options *options;
    bool chosen[GRAIN_SOURCE_SLOTS];
};

/* `device` may be NULL: then it is known only by the name that was noted. */
static bool is_on(const struct grain_session *session, const struct grain_source *source,
                  const struct grain_device *device, const char *name)
{
    return source->state == GRAIN_SOURCE_ATTACHED && source->netns == session->netns &&
           (device ? source->ifindex == device->ifindex : !strcmp(source->name, name));
}

static int choose_named(struct detach *detach, const char *name)
{
    const struct grain_device *device = grain_devices_named(&detach->session.devices, name);
    struct grain_source source;
    bool found = false;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        int error = grain_pinned_source(detach->session.pinned, slot, &source);

        if (error)
            return error;
        if (is_on(&detach->session, &source, device, name))
            detach->chosen[slot] = found = true;
    }
    if (found)
        return 0;
    if (!device)
        return grain_fail(-ENOENT,
                          "%s: neither an interface of this network namespace nor "
                          "attached",
                          name);
    grain_note(&detach->session, name, "nothing is attached");
    return 0;
}

static int choose_all(struct detach *detach)
{
    struct grain_source source;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        int error = grain_pinned_source(detach->session.pinned, slot, &source);

        if (error)
            return error;
        detach->chosen[slot] = source.state != GRAIN_SOURCE_FREE;
    }
    return 0;
}

/* First all are marked, then taken off: see reconcile.c. */
static int mark(struct detach *detach)
{
    struct grain_source source;
    int error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++) {
        if (!detach->chosen[slot])
            continue;
        error = grain_pinned_source(detach->session.pinned, slot, &source);
        source.state = GRAIN_SOURCE_CHANGING;
        if (!error)
            error = grain_pinned_set_source(detach->session.pinned, slot, &source);
    }
    return error;
}

static int take_off(struct detach *detach)
{
    struct grain_source source, was;
    int error = mark(detach), result;

    if (error)
        return error;
    /* What cannot be taken off does not keep the others. */
    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        if (!detach->chosen[slot])
            continue;
        result = grain_pinned_source(detach->session.pinned, slot, &source);
        was = source;
        if (!result)
            result = grain_source_release(&detach->session, slot, &source);
        if (!result)
            grain_tell(&detach->session, GRAIN_ATTACH_DETACHED, slot, &was);
        error = error ? error : result;
    }
    return error;
}

static int remove_if_unused(struct detach *detach)
{
    struct grain_source source;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        int error = grain_pinned_source(detach->session.pinned, slot, &source);

        if (error || source.state != GRAIN_SOURCE_FREE)
            return error;
    }
    if (detach->options->keep) {
        grain_note(&detach->session, "", "nothing is attached any more; the counts are kept");
        return 0;
    }
    grain_note(&detach->session, "",
               "nothing is attached any more; the counts have gone with the maps");
    return grain_pinned_remove(detach->session.pinned);
}

static int run(struct detach *detach, const char *const *interfaces, size_t count)
{
    int error = grain_reconcile(&detach->session);

    for (size_t i = 0; !error && i < count; i++)
        error = choose_named(detach, interfaces[i]);
    if (!error && detach->options->all)
        error = choose_all(detach);
    if (!error)
        error = take_off(detach);
    return error ? error : remove_if_unused(detach);
}

/* There is no set of maps at all. */
static int nothing_attached(const struct detach *detach, const char *const *interfaces,
                            size_t count)
{
    if (detach->options->all)
        grain_note(&detach->session, "", "nothing is attached");
    for (size_t i = 0; i < count; i++) {
        if (!grain_devices_named(&detach->session.devices, interfaces[i]))
            return grain_fail(-ENOENT,
                              "%s: neither an interface of this network namespace nor "
                              "attached",
                              interfaces[i]);
        grain_note(&detach->session, interfaces[i], "nothing is attached");
    }
    return 0;
}

int grain_detach(const struct grain_detach_options *options, const char *const *interfaces,
                 size_t count)
{
    struct detach detach = {
        .session = {.note = options->note, .result = options->result, .user = options->user},
        .options = options,
    };
    int error;

    if (options->size != sizeof(*options))
        return grain_fail(-EINVAL, "options of another library version");
    error = grain_session_start(&detach.session);
    if (!error) {
        error = grain_pinned_change(&detach.session.pinned, options->root, options->wait);
        error = error == -ENOENT ? nothing_attached(&detach, interfaces, count)
                : error          ? error
                                 : run(&detach, interfaces, count);
    }
    grain_session_end(&detach.session);
    return error;
}

int grain_stages_switch(const char *root, uint32_t wait, uint32_t stages, bool on, uint32_t *before)
{
    struct grain_pinned *pinned = NULL;
    struct grain_config config;
    int error = grain_pinned_change(&pinned, root, wait);

    if (!error)
        error = grain_pinned_config(pinned, &config);
    if (!error) {
        *before = config.stages;
        config.stages = on ? config.stages | stages : config.stages & ~stages;
        error = grain_pinned_set_config(pinned, &config);
    }
    /* As every change does. What has been switched is so all the same. */
    if (!error)
        (void)grain_ingress_refresh(pinned);
    grain_pinned_free(pinned);
    return error;
}
