// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching: all interfaces of a call, or none.
 *
 * Order, so that a kill at any point leaves what the next command can put in order: the slots are
 * marked CHANGING before anything is at a hook, and ATTACHED when everything is; see reconcile.c.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/memory.h>

#include "attach_choose.h"
#include "attach_private.h"
#include "error_private.h"
#include "pins_private.h"
#include "probe.h"
#include "quiet.h"

#define TIMEOUT_SECONDS 10
#define SNAP_LENGTH     2048
/* How many seconds of a rate may be saved up. */
#define BURST_SECONDS 2

/* One interface and direction of this call. */
struct target {
    const struct grain_device *device;
    struct grain_source source;
    struct grain_program program;
    uint32_t slot;
    bool same;  /* attached before */
    bool taken; /* the slot is CHANGING */
};

struct attach {
    struct grain_session session;
    const struct grain_attach_options *options;
    struct grain_chooser chooser;
    struct target *targets;
    size_t count;
    bool created; /* the set of maps */
};

int grain_session_start(struct grain_session *session)
{
    int error = grain_devices_read(&session->devices);

    grain_quiet_always();
    session->netns = grain_netns_own();
    if (error)
        return grain_fail(error, "cannot list the network interfaces: %s", strerror(-error));
    return session->netns ? 0
                          : grain_fail(-ENOENT, "cannot tell this network namespace: is /proc "
                                                "mounted?");
}

void grain_session_end(struct grain_session *session)
{
    grain_devices_free(&session->devices);
    grain_pinned_free(session->pinned);
    session->pinned = NULL;
}

static uint64_t boot_time(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void add_target(struct attach *attach, const struct grain_device *device, uint8_t direction)
{
    struct target *target = &attach->targets[attach->count++];

    target->device = device;
    target->program = GRAIN_PROGRAM_NONE;
    target->source.ifindex = device->ifindex;
    target->source.netns = attach->session.netns;
    target->source.direction = direction;
    memcpy(target->source.name, device->name, sizeof(target->source.name));
    if (device->type == ARPHRD_ETHER || device->type == ARPHRD_LOOPBACK)
        target->source.flags = GRAIN_SOURCE_FLAG_ETHERNET;
}

static bool targeted(const struct attach *attach, const struct grain_device *device)
{
    for (size_t i = 0; i < attach->count; i++)
        if (attach->targets[i].device == device)
            return true;
    return false;
}

static int add_interface(struct attach *attach, const char *name)
{
    const struct grain_device *device = grain_devices_named(&attach->session.devices, name);
    uint8_t directions = attach->options->directions;

    if (!device)
        return grain_fail(-ENODEV,
                          "%s: no such interface in this network namespace; \"ip link\" "
                          "lists them",
                          name);
    if (targeted(attach, device))
        return 0;
    if (!directions)
        directions = GRAIN_DIRECTION_IN | GRAIN_DIRECTION_OUT;
    if (device->flags & IFF_LOOPBACK && directions == (GRAIN_DIRECTION_IN | GRAIN_DIRECTION_OUT)) {
        grain_note(&attach->session, name,
                   "only what comes in is taken: what goes out of a loopback comes in again");
        directions = GRAIN_DIRECTION_IN;
    }
    if (directions & GRAIN_DIRECTION_IN)
        add_target(attach, device, GRAIN_DIRECTION_IN);
    if (directions & GRAIN_DIRECTION_OUT)
        add_target(attach, device, GRAIN_DIRECTION_OUT);
    return 0;
}

static int find_targets(struct attach *attach, const char *const *interfaces, size_t count)
{
    int error = 0;

    attach->targets = calloc(2 * count + 1, sizeof(*attach->targets));
    if (!attach->targets)
        return grain_fail(-ENOMEM, "out of memory");
    for (size_t i = 0; !error && i < count; i++)
        error = add_interface(attach, interfaces[i]);
    return error;
}

static bool is_of(const struct target *target, const struct grain_source *source)
{
    return source->netns == target->source.netns && source->ifindex == target->source.ifindex &&
           source->direction == target->source.direction;
}

/* Is a source attached in another way than the options ask for? */
static bool contradicts(const struct grain_attach_options *options,
                        const struct grain_source *source)
{
    if (source->direction != GRAIN_DIRECTION_IN)
        return false;
    return (options->hook && options->hook != source->hook) ||
           (options->mode == GRAIN_MODE_SKB && source->mode != GRAIN_MODE_SKB);
}

static const char *hook_text(const struct grain_source *source)
{
    if (source->hook != GRAIN_HOOK_XDP)
        return "tc";
    return source->mode == GRAIN_MODE_SKB ? "generic XDP" : "native XDP";
}

/* Which targets are attached already, and is that what is asked for? */
static int find_attached(struct attach *attach)
{
    const struct grain_attach_options *options = attach->options;
    struct grain_source source;

    for (uint32_t slot = 0; slot < GRAIN_SOURCE_SLOTS; slot++) {
        int error = grain_pinned_source(attach->session.pinned, slot, &source);

        if (error)
            return error;
        for (size_t i = 0; i < attach->count; i++) {
            struct target *target = &attach->targets[i];

            if (source.state != GRAIN_SOURCE_ATTACHED || !is_of(target, &source))
                continue;
            if (contradicts(options, &source))
                return grain_fail(-EEXIST,
                                  "%s: attached at %s already; \"grainctl detach %s\" first",
                                  source.name, hook_text(&source), source.name);
            target->same = true;
            target->slot = slot;
            target->source = source;
        }
    }
    return 0;
}

/* The sizes that this call would give to a new set. */
static int wanted_sizes(const struct attach *attach, struct grain_table_sizes *out)
{
    uint64_t least;
    int cpus = grain_cpus();

    if (cpus < 0)
        return cpus;
    if (attach->options->memory)
        return grain_memory_fit(attach->options->memory, cpus, out, &least);
    grain_memory_default(0, out);
    return 0;
}

static void tell_memory(const struct attach *attach, const struct grain_table_sizes *sizes)
{
    struct grain_memory memory;

    grain_memory_count(sizes, libbpf_num_possible_cpus(), &memory);
    grain_note(&attach->session, "",
               "%s %.1f MiB of memory: %u count slots a CPU, %u texts, %u messages under way",
               attach->options->dry_run ? "would take" : "takes", memory.total / 1048576.0,
               sizes->buckets * GRAIN_BUCKET_SLOTS, sizes->texts * GRAIN_TEXT_WAYS,
               sizes->flow_buckets * GRAIN_FLOW_WAYS);
}

/* What was chosen by whoever attached first stays. */
static void tell_other_sizes(const struct attach *attach, const struct grain_table_sizes *wanted)
{
    const struct grain_abi *abi = grain_pinned_abi(attach->session.pinned);

    if (attach->options->memory &&
        (abi->buckets != wanted->buckets || abi->texts != wanted->texts ||
         abi->flow_buckets != wanted->flow_buckets))
        grain_note(&attach->session, "",
                   "the tables are there already, in other sizes; they are chosen by the first "
                   "attach: detach all to choose again");
}

static int set_defaults(struct grain_config *config)
{
    int error = grain_probe_ticks(&config->ticks_per_second);

    if (error)
        return grain_fail(error, "cannot find out how fast the kernel's clock ticks: %s",
                          strerror(-error));
    config->stages = GRAIN_STAGE_ALL;
    config->flow_timeout = TIMEOUT_SECONDS * config->ticks_per_second;
    config->sample = GRAIN_SAMPLE_DEFAULT;
    config->snap_length = SNAP_LENGTH;
    config->new_rate = GRAIN_RATE_DEFAULT;
    config->new_burst = BURST_SECONDS * config->new_rate;
    config->sample_rate = GRAIN_RATE_DEFAULT;
    config->sample_burst = BURST_SECONDS * config->sample_rate;
    return 0;
}

static bool settings_given(const struct grain_attach_options *options)
{
    return options->stages_given || options->sample_given || options->event_rate_given ||
           options->new_rate_given;
}

static void use_given(const struct grain_attach_options *options, struct grain_config *config)
{
    if (options->stages_given)
        config->stages = options->stages;
    if (options->sample_given)
        config->sample = options->sample;
    if (options->event_rate_given) {
        config->sample_rate = options->event_rate;
        config->sample_burst = BURST_SECONDS * options->event_rate;
    }
    if (options->new_rate_given) {
        config->new_rate = options->new_rate;
        config->new_burst = BURST_SECONDS * options->new_rate;
    }
}

/* A set without a clock is new, or one whose maker was killed here. */
static int set_first_config(struct attach *attach)
{
    struct grain_config config;
    int error = grain_pinned_config(attach->session.pinned, &config);

    if (error || config.ticks_per_second)
        return error;
    error = set_defaults(&config);
    use_given(attach->options, &config);
    return error ? error : grain_pinned_set_config(attach->session.pinned, &config);
}

/* Settings are those of the whole set: they change when everything else has gone well. */
static int change_config(struct attach *attach)
{
    const struct grain_attach_options *options = attach->options;
    struct grain_config config;
    int error;

    if (attach->created || !settings_given(options))
        return 0;
    error = grain_pinned_config(attach->session.pinned, &config);
    use_given(options, &config);
    if (!error)
        error = grain_pinned_set_config(attach->session.pinned, &config);
    grain_note(&attach->session, "", "stages, sampling and budgets are those of all interfaces");
    return error;
}

/* How well a free slot suits: its own totals go on; never used; used by another. */
static int suits(const struct grain_source *slot, const struct grain_source *source)
{
    if (slot->state != GRAIN_SOURCE_FREE)
        return 0;
    if (!slot->netns)
        return 2;
    return slot->netns == source->netns && slot->hook == source->hook &&
                   slot->direction == source->direction && !strcmp(slot->name, source->name)
               ? 3
               : 1;
}

static int clear_totals(const struct attach *attach, uint32_t slot)
{
    int cpus = libbpf_num_possible_cpus();
    struct grain_totals *zeros = cpus < 1 ? NULL : calloc(cpus, sizeof(*zeros));
    int error = zeros ? 0 : -ENOMEM;

    if (!error &&
        bpf_map_update_elem(grain_pinned_fd(attach->session.pinned, GRAIN_PINNED_grain_totals_map),
                            &slot, zeros, BPF_ANY))
        error = -errno;
    free(zeros);
    return error
               ? grain_fail(error, "cannot clear the totals of slot %u: %s", slot, strerror(-error))
               : 0;
}

/* Take a slot for a target, whose hook is chosen, and mark it. */
static int take_slot(struct attach *attach, struct target *target)
{
    struct grain_source source, best = {.attached_ns = UINT64_MAX};
    int rank = 0, error = 0;

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++) {
        int suited;

        error = grain_pinned_source(attach->session.pinned, slot, &source);
        suited = error ? 0 : suits(&source, &target->source);
        if (suited > rank || (suited == 1 && rank == 1 && source.attached_ns < best.attached_ns)) {
            rank = suited;
            best = source;
            target->slot = slot;
        }
    }
    if (error)
        return error;
    if (!rank)
        return grain_fail(-ENOSPC, "%s: all %d source slots are in use; detach something first",
                          target->source.name, GRAIN_SOURCE_SLOTS);
    if (rank == 1)
        error = clear_totals(attach, target->slot);
    target->source.state = GRAIN_SOURCE_CHANGING;
    if (!error)
        error = grain_pinned_set_source(attach->session.pinned, target->slot, &target->source);
    target->taken = !error;
    return error;
}

/* Try one way. Without a trace when it fails; *obstacle: what was in the way. */
static int try_way(struct attach *attach, struct target *target, enum grain_obstacle *obstacle)
{
    struct grain_hold hold = {attach->session.pinned, target->slot, false, &target->source, false};
    int error =
        grain_program_open(&target->program, attach->session.pinned, target->slot, &target->source);

    if (!error && target->source.way != GRAIN_WAY_DISPATCHER)
        error = grain_program_load(&target->program, target->source.name);
    *obstacle = GRAIN_OBSTACLE_PROGRAM;
    if (error) {
        grain_program_free(&target->program);
        return error;
    }
    error = grain_way_attach(&hold, &target->program);
    *obstacle = hold.refused ? GRAIN_OBSTACLE_HOOK : GRAIN_OBSTACLE_OWN;
    if (error) {
        (void)grain_way_detach(&hold);
        grain_program_free(&target->program);
        target->source.program_id = target->source.link_id = 0;
    }
    return error;
}

static int attach_target(struct attach *attach, struct target *target)
{
    struct grain_choice choice;
    struct grain_config config;
    int error = grain_pinned_config(attach->session.pinned, &config);

    grain_progress(&attach->session, &target->source);
    if (!error)
        error = grain_choose(&attach->chooser, target->device, &target->source, &choice);
    if (error)
        return error;
    target->source.generation = config.generation;
    target->source.priority =
        attach->options->priority ? attach->options->priority : GRAIN_PRIORITY_DEFAULT;
    target->source.attached_ns = boot_time();
    error = take_slot(attach, target);
    while (!error) {
        enum grain_obstacle obstacle;

        error = try_way(attach, target, &obstacle);
        if (!error)
            return grain_ingress_add(&attach->session, target->slot, &target->source);
        /* The slot stays marked: nothing is at the hook. */
        error = grain_choose_next(&attach->chooser, target->device, &target->source, &choice,
                                  obstacle, error);
        if (!error)
            error = grain_pinned_set_source(attach->session.pinned, target->slot, &target->source);
    }
    return error;
}

static void roll_back(struct attach *attach)
{
    char why[512];

    (void)snprintf(why, sizeof(why), "%s", grain_error());
    for (size_t i = attach->count; i-- > 0;) {
        struct target *target = &attach->targets[i];

        if (target->taken)
            (void)grain_source_release(&attach->session, target->slot, &target->source);
    }
    if (attach->created)
        (void)grain_pinned_remove(attach->session.pinned);
    (void)grain_fail(0, "%s", why);
}

static int commit(struct attach *attach)
{
    int error = 0;

    for (size_t i = 0; !error && i < attach->count; i++) {
        struct target *target = &attach->targets[i];

        if (!target->taken)
            continue;
        target->source.state = GRAIN_SOURCE_ATTACHED;
        error = grain_pinned_set_source(attach->session.pinned, target->slot, &target->source);
    }
    for (size_t i = 0; !error && i < attach->count; i++)
        if (attach->targets[i].taken)
            grain_tell(&attach->session, GRAIN_ATTACH_NEW, attach->targets[i].slot,
                       &attach->targets[i].source);
    return error;
}

static bool wants_upgrade(struct attach *attach)
{
    for (size_t i = 0; i < attach->count; i++) {
        const struct target *target = &attach->targets[i];

        if (target->same)
            grain_progress(&attach->session, &target->source);
        if (target->same && (attach->options->upgrade ||
                             grain_upgrade_wanted(&attach->session, target->slot, &target->source)))
            return true;
    }
    return false;
}

static int attach_new(struct attach *attach)
{
    int error = 0;

    for (size_t i = 0; !error && i < attach->count; i++)
        if (!attach->targets[i].same)
            error = attach_target(attach, &attach->targets[i]);
    if (!error)
        error = commit(attach);
    if (error)
        roll_back(attach);
    return error;
}

/* What is attached already: replaced, or left as it is with the devices that stand on it now. */
static int keep_same(struct attach *attach)
{
    bool upgrade = wants_upgrade(attach);
    int error = upgrade ? grain_upgrade(&attach->session) : 0;

    for (size_t i = 0; !error && i < attach->count; i++) {
        const struct target *target = &attach->targets[i];

        if (!target->same)
            continue;
        error = grain_ingress_add(&attach->session, target->slot, &target->source);
        if (!error && !upgrade)
            grain_tell(&attach->session, GRAIN_ATTACH_SAME, target->slot, &target->source);
    }
    return error;
}

static int change(struct attach *attach)
{
    int error = grain_reconcile(&attach->session);

    if (!error)
        error = find_attached(attach);
    if (!error)
        error = set_first_config(attach);
    if (error) {
        if (attach->created)
            (void)grain_pinned_remove(attach->session.pinned);
        return error;
    }
    error = keep_same(attach);
    if (!error)
        error = attach_new(attach);
    return error ? error : change_config(attach);
}

static int plan(struct attach *attach)
{
    int error = grain_pinned_open(&attach->session.pinned, attach->options->root);

    if (error && error != -ENOENT)
        return error;
    error = attach->session.pinned ? find_attached(attach) : 0;
    for (size_t i = 0; !error && i < attach->count; i++) {
        struct target *target = &attach->targets[i];
        struct grain_choice choice;

        if (!target->same)
            error = grain_choose(&attach->chooser, target->device, &target->source, &choice);
        if (!error)
            grain_tell(&attach->session, target->same ? GRAIN_ATTACH_SAME : GRAIN_ATTACH_PLANNED,
                       target->slot, &target->source);
    }
    return error;
}

static int give(struct attach *attach)
{
    uint32_t group = attach->options->group;
    char barred[PATH_MAX];
    int error = grain_pinned_give(attach->session.pinned, group);

    if (error && attach->created)
        (void)grain_pinned_remove(attach->session.pinned);
    if (!error && grain_pinned_barred(attach->session.pinned, group, barred, sizeof(barred)))
        grain_note(&attach->session, "",
                   "group %u cannot pass %s, so that it cannot read what is pinned: mount a BPF "
                   "file system elsewhere (mkdir -p /run/grain/bpf; mount -t bpf -o mode=0751 bpf "
                   "/run/grain/bpf) and give --pin-root /run/grain/bpf/grain",
                   group, barred);
    return error;
}

static int run(struct attach *attach, const char *const *interfaces, size_t count)
{
    struct grain_table_sizes sizes = {0};
    int error = grain_session_start(&attach->session);

    if (!error)
        error = find_targets(attach, interfaces, count);
    if (!error)
        error = wanted_sizes(attach, &sizes);
    if (error)
        return error;
    attach->chooser = (struct grain_chooser){.session = &attach->session,
                                             .dry_run = attach->options->dry_run,
                                             .hook = attach->options->hook,
                                             .mode = attach->options->mode};
    if (attach->options->dry_run) {
        error = plan(attach);
        if (!error && !attach->session.pinned)
            tell_memory(attach, &sizes);
        return error;
    }
    error = grain_pinned_create(&attach->session.pinned, attach->options->root,
                                attach->options->wait, &sizes, &attach->created);
    if (error)
        return error;
    if (attach->created)
        tell_memory(attach, &sizes);
    else
        tell_other_sizes(attach, &sizes);
    if (attach->options->group_given)
        error = give(attach);
    return error ? error : change(attach);
}

int grain_attach(const struct grain_attach_options *options, const char *const *interfaces,
                 size_t count)
{
    struct attach attach = {
        .session = {.note = options->note,
                    .result = options->result,
                    .progress = options->progress,
                    .user = options->user},
        .options = options,
    };
    int error;

    if (options->size != sizeof(*options))
        return grain_fail(-EINVAL, "options of another library version");
    if (options->event_rate > GRAIN_RATE_MOST || options->new_rate > GRAIN_RATE_MOST)
        return grain_fail(-EINVAL, "a rate is at most %d events a second", GRAIN_RATE_MOST);
    error = run(&attach, interfaces, count);
    for (size_t i = 0; i < attach.count; i++)
        grain_program_free(&attach.targets[i].program);
    free(attach.targets);
    grain_session_end(&attach.session);
    return error;
}
