// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../error_private.h"
#include "escape.h"
#include "steps.h"

/* Whoever may set the host's name can put anything into it. */
#define ESCAPED_MAX (4 * sizeof(((struct utsname *)NULL)->nodename) + 1)

struct system {
    struct grain_step step;
    char host[ESCAPED_MAX];
    char kernel[ESCAPED_MAX];
    char *instance;
};

static void read_names(struct system *system)
{
    struct utsname names;

    if (uname(&names))
        return;
    (void)grain_escape(system->host, sizeof(system->host), names.nodename, sizeof(names.nodename));
    (void)grain_escape(system->kernel, sizeof(system->kernel), names.release,
                       sizeof(names.release));
}

static int system_take(struct grain_step *step, struct grain_item *item)
{
    struct system *system = (struct system *)step;

    grain_step_tag(step, item, "host", system->host);
    grain_step_tag(step, item, "kernel", system->kernel);
    if (system->instance)
        grain_step_tag(step, item, "instance", system->instance);
    return grain_step_pass(step, item);
}

/* The host may have been given a name since. */
static int system_flush(struct grain_step *step, uint64_t now_ns, bool end)
{
    (void)now_ns;
    (void)end;
    read_names((struct system *)step);
    return 0;
}

static void system_free(struct grain_step *step)
{
    struct system *system = (struct system *)step;

    free(system->instance);
    free(system);
}

static const struct grain_step_type type = {
    .name = "system", .take = system_take, .flush = system_flush, .free = system_free};

int grain_step_system(struct grain_step **out, const struct grain_system_settings *settings)
{
    struct system *system = calloc(1, sizeof(*system));

    if (!system)
        return grain_fail(-ENOMEM, "no memory");
    system->step.type = &type;
    read_names(system);
    if (settings->instance && !(system->instance = strdup(settings->instance))) {
        system_free(&system->step);
        return grain_fail(-ENOMEM, "no memory");
    }
    *out = &system->step;
    return 0;
}
