// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replacing the programs while packets pass.
 *
 * A link or a filter changes its program in one step: each packet meets the old one or the new one,
 * and both count, being of the same generation. libxdp's dispatcher cannot do that. There the new
 * program comes beside the old one, dormant because of its generation; one write to the
 * configuration wakes it and puts the old one to sleep; then the old one goes. The generation is
 * one word for all programs, so that with a dispatcher all of them go that way.
 *
 * During all of this the slots stay ATTACHED: there is a program that counts at every instant. What
 * a killed upgrade has left is recognised by the pins of the next program, and by the generation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "attach_private.h"
#include "error_private.h"

/* The second program of a source. */
struct second {
    uint32_t slot;
    struct grain_source before;
    struct grain_source source;
    struct grain_program program;
};

struct upgrade {
    struct grain_session *session;
    struct second *list;
    size_t count;
};

static int read_tag(struct grain_session *session, uint32_t slot, const struct grain_source *source)
{
    struct grain_program program = GRAIN_PROGRAM_NONE;
    int error = grain_program_open(&program, session->pinned, slot, source);

    if (!error)
        error = grain_program_load(&program, source->name);
    if (!error)
        error = grain_program_tag(program.fd, session->tags[source->hook]);
    session->tag_known[source->hook] = !error;
    grain_program_free(&program);
    return error;
}

bool grain_upgrade_wanted(struct grain_session *session, uint32_t slot,
                          const struct grain_source *source)
{
    uint8_t tag[8];
    int fd = grain_pin_get(session->pinned, GRAIN_PIN_PROGRAMS, slot, false);
    bool known = fd >= 0 && !grain_program_tag(fd, tag);

    if (fd >= 0)
        close(fd);
    if (!known || source->hook > GRAIN_HOOK_TC)
        return true;
    if (!session->tag_known[source->hook] && read_tag(session, slot, source))
        return false;
    return memcmp(tag, session->tags[source->hook], sizeof(tag)) != 0;
}

/* Make the second program the one of its slot. The old one is off its hook. */
static int take_over(struct grain_session *session, uint32_t slot, struct grain_source *source)
{
    int error = grain_pinned_set_source(session->pinned, slot, source);

    if (!error)
        error = grain_pin_advance(session->pinned, GRAIN_PIN_PROGRAMS, slot);
    if (!error && source->way == GRAIN_WAY_TCX) {
        error = grain_pin_advance(session->pinned, GRAIN_PIN_LINKS, slot);
        error = error == -ENOENT ? 0 : error;
    }
    return error ? grain_fail(error, "%s: cannot move a pin: %s", source->name, strerror(-error))
                 : 0;
}

static int replace_in_place(struct grain_session *session, struct second *second)
{
    struct grain_hold hold = {session->pinned, second->slot, false, &second->source, false};
    int back, error;

    grain_progress(session, &second->source);
    error = grain_program_open(&second->program, session->pinned, second->slot, &second->source);
    if (!error)
        error = grain_program_load(&second->program, second->source.name);
    if (!error)
        error = grain_pin_put(session->pinned, GRAIN_PIN_PROGRAMS, second->slot, true,
                              second->program.fd);
    if (error)
        return error;
    error = grain_netns_enter(second->source.netns, &back);
    if (!error || second->source.way != GRAIN_WAY_CLSACT)
        error = grain_way_replace(&hold, &second->program);
    else
        (void)grain_fail(error, "%s: its network namespace cannot be entered from here",
                         second->source.name);
    grain_netns_leave(back);
    if (error) {
        grain_pin_drop(session->pinned, GRAIN_PIN_PROGRAMS, second->slot, true);
        return error;
    }
    second->source.program_id = second->program.id;
    return take_over(session, second->slot, &second->source);
}

static int all_in_place(struct upgrade *upgrade)
{
    int error = 0;

    for (size_t i = 0; !error && i < upgrade->count; i++)
        error = replace_in_place(upgrade->session, &upgrade->list[i]);
    return error;
}

/* Alone at the XDP hook there is no second place: the program waits by its pin. */
static int attach_second(struct grain_hold *hold, struct grain_program *program)
{
    int back, error;

    if (hold->source->way == GRAIN_WAY_XDP)
        return grain_pin_put(hold->pinned, GRAIN_PIN_PROGRAMS, hold->slot, true, program->fd);
    error = grain_netns_enter(hold->source->netns, &back);
    if (error)
        return grain_fail(error, "%s: its network namespace cannot be entered from here",
                          hold->source->name);
    error = grain_way_attach(hold, program);
    grain_netns_leave(back);
    return error ? grain_fail(error, "%s: cannot attach the new program beside the old one: %s",
                              hold->source->name, strerror(-error))
                 : 0;
}

static int place_second(struct upgrade *upgrade, struct second *second, uint32_t generation)
{
    struct grain_pinned *pinned = upgrade->session->pinned;
    struct grain_hold hold = {pinned, second->slot, true, &second->source, false};
    int error;

    second->source.generation = generation;
    grain_progress(upgrade->session, &second->source);
    error = grain_program_open(&second->program, pinned, second->slot, &second->source);
    if (!error && second->source.way != GRAIN_WAY_DISPATCHER)
        error = grain_program_load(&second->program, second->source.name);
    if (!error)
        error = attach_second(&hold, &second->program);
    second->source.program_id = second->program.id;
    return error;
}

static void remove_second(struct grain_session *session, uint32_t slot,
                          const struct grain_source *of)
{
    struct grain_source source = *of;
    struct grain_hold hold = {session->pinned, slot, true, &source, false};

    if (source.way == GRAIN_WAY_XDP)
        grain_pin_drop(session->pinned, GRAIN_PIN_PROGRAMS, slot, true);
    else
        (void)grain_way_detach(&hold);
}

/* The generation has changed: the old program sleeps. */
static int retire(struct grain_session *session, uint32_t slot, struct grain_source *before,
                  struct grain_source *after, const struct grain_program *program)
{
    struct grain_hold hold = {session->pinned, slot, false, before, false};
    int error =
        before->way == GRAIN_WAY_XDP ? grain_way_replace(&hold, program) : grain_way_detach(&hold);

    return error ? error : take_over(session, slot, after);
}

static int flip(struct upgrade *upgrade, uint32_t generation)
{
    struct grain_config config;
    int error = grain_pinned_config(upgrade->session->pinned, &config);

    config.generation = generation;
    return error ? error : grain_pinned_set_config(upgrade->session->pinned, &config);
}

static int beside_and_flip(struct upgrade *upgrade, uint32_t generation)
{
    size_t placed = 0;
    int error = 0, result;

    while (!error && placed < upgrade->count)
        error = place_second(upgrade, &upgrade->list[placed++], generation);
    if (!error)
        error = flip(upgrade, generation);
    while (error && placed) {
        const struct second *second = &upgrade->list[--placed];

        remove_second(upgrade->session, second->slot, &second->source);
    }
    for (size_t i = 0; !error && i < upgrade->count; i++) {
        struct second *second = &upgrade->list[i];

        result = retire(upgrade->session, second->slot, &second->before, &second->source,
                        &second->program);
        error = error ? error : result;
    }
    return error;
}

static int collect(struct upgrade *upgrade, bool *dispatcher)
{
    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        struct second *second = &upgrade->list[upgrade->count];
        int error = grain_pinned_source(upgrade->session->pinned, slot, &second->source);

        if (error)
            return error;
        if (second->source.state != GRAIN_SOURCE_ATTACHED)
            continue;
        second->slot = slot;
        second->before = second->source;
        second->program = GRAIN_PROGRAM_NONE;
        *dispatcher |= second->source.way == GRAIN_WAY_DISPATCHER;
        upgrade->count++;
    }
    return 0;
}

int grain_upgrade(struct grain_session *session)
{
    struct upgrade upgrade = {session, calloc(GRAIN_SOURCE_SLOTS + 1, sizeof(struct second)), 0};
    struct grain_config config;
    bool dispatcher = false;
    int error = upgrade.list ? grain_pinned_config(session->pinned, &config) : -ENOMEM;

    if (!error)
        error = collect(&upgrade, &dispatcher);
    if (!error)
        error =
            dispatcher ? beside_and_flip(&upgrade, config.generation + 1) : all_in_place(&upgrade);
    for (size_t i = 0; i < upgrade.count; i++) {
        if (!error)
            grain_tell(session, GRAIN_ATTACH_UPGRADED, upgrade.list[i].slot,
                       &upgrade.list[i].source);
        grain_program_free(&upgrade.list[i].program);
    }
    free(upgrade.list);
    return error;
}

/* Has the hook of the first program taken the second one already? */
static bool replaced(struct grain_session *session, uint32_t slot,
                     const struct grain_source *source, uint32_t next_id)
{
    struct grain_source as_next = *source;
    struct grain_hold hold = {session->pinned, slot, false, &as_next, false};
    uint32_t at_link = 0;

    as_next.program_id = next_id;
    if (source->way == GRAIN_WAY_CLSACT)
        return grain_way_present(&hold) == 1;
    return source->way != GRAIN_WAY_DISPATCHER && grain_link_ifindex(&hold, &at_link) >= 0 &&
           at_link == next_id;
}

/* The generation is that of the first program: the second one has either replaced it, or goes. */
static int settle_before_flip(struct grain_session *session, uint32_t slot,
                              struct grain_source *source, struct grain_source *second)
{
    if (source->program_id == second->program_id)
        return take_over(session, slot, source);
    if (replaced(session, slot, source, second->program_id)) {
        source->program_id = second->program_id;
        return take_over(session, slot, source);
    }
    grain_tc_second(second);
    remove_second(session, slot, second);
    return 0;
}

static int settle_after_flip(struct grain_session *session, uint32_t slot,
                             struct grain_source *source, struct grain_source *second, int fd)
{
    const struct grain_program program = {.fd = fd, .id = second->program_id};
    const struct grain_hold next = {session->pinned, slot, true, second, false};
    struct grain_source before = *source;

    grain_tc_second(second);
    if (second->way == GRAIN_WAY_TCX)
        second->link_id = grain_link_id(&next);
    *source = *second;
    if (before.way == GRAIN_WAY_XDP && replaced(session, slot, &before, second->program_id))
        return take_over(session, slot, source);
    return retire(session, slot, &before, source, &program);
}

/* Killed between the two pins that take_over moves: only the link's is left to move. */
static void settle_link(struct grain_session *session, uint32_t slot,
                        const struct grain_source *source)
{
    struct grain_hold next = {session->pinned, slot, true, (struct grain_source *)source, false};
    uint32_t program_id = 0;
    int link;

    if (source->way != GRAIN_WAY_TCX)
        return;
    link = grain_pin_get(session->pinned, GRAIN_PIN_LINKS, slot, false);
    if (link >= 0)
        close(link);
    else if (grain_link_ifindex(&next, &program_id) >= 0 && program_id == source->program_id)
        (void)grain_pin_advance(session->pinned, GRAIN_PIN_LINKS, slot);
}

int grain_upgrade_settle(struct grain_session *session, uint32_t slot, struct grain_source *source)
{
    int fd = grain_pin_get(session->pinned, GRAIN_PIN_PROGRAMS, slot, true);
    struct grain_source second = *source;
    struct grain_config config;
    int error = grain_pinned_config(session->pinned, &config);

    if (fd < 0)
        settle_link(session, slot, source);
    if (fd >= 0 && !error) {
        second.program_id = grain_program_id(fd);
        second.generation = config.generation;
        error = source->generation == config.generation
                    ? settle_before_flip(session, slot, source, &second)
                    : settle_after_flip(session, slot, source, &second, fd);
    }
    if (fd >= 0)
        close(fd);
    return error;
}
