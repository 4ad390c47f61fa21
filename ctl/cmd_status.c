// SPDX-License-Identifier: GPL-2.0-only
/* grainctl status: what is attached, who else is there, how full the tables are, what was lost. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grain/live.h>
#include <grain/memory.h>

#include "commands.h"
#include "json.h"
#include "losses.h"
#include "options.h"
#include "say.h"
#include "sources.h"
#include "status.h"
#include "status_host.h"
#include "table.h"

struct settings {
    const char *root;
    bool json;
};

static const struct option_row rows[] = {
    OPTION_JSON(struct settings, "one JSON object"),
    OPTION_PIN_ROOT(struct settings, root),
};

static const struct options options = {
    "status",
    "status [--json] [--pin-root DIR]",
    "Shows where grain is attached and how, who else is at the hook, how full the tables are, and\n"
    "every counter of something that was lost; then the host probes that some process has loaded,\n"
    "and what they cannot see by the way they took.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static int add_other(void *user, const struct grain_live_other *other)
{
    struct status_source *source = user;

    source->others =
        must(reallocarray(source->others, source->others_count + 1, sizeof(*source->others)));
    source->others[source->others_count++] = *other;
    return 0;
}

static int read_sources(struct status *status, struct grain_live *live)
{
    int error = sources_read(&status->sources, live, NULL);

    status->details = must(calloc(status->sources.count + 1, sizeof(*status->details)));
    for (size_t i = 0; !error && i < status->sources.count; i++) {
        const struct grain_live_source *source = &status->sources.list[i];

        error = grain_live_state(live, source, &status->details[i].state);
        if (!error && source->source.state == GRAIN_SOURCE_ATTACHED)
            error = grain_live_others(live, source, add_other, &status->details[i]);
        if (error)
            say("%s", grain_error());
    }
    return error;
}

static int read_status(struct status *status, struct grain_live *live)
{
    const struct grain_pinned *pinned = grain_live_pinned(live);
    const struct grain_abi *abi = grain_pinned_abi(pinned);
    const struct grain_table_sizes sizes = {abi->buckets, abi->texts, abi->flow_buckets};
    int error = grain_pinned_config(pinned, &status->config);

    status->directory = grain_pinned_directory(pinned);
    status->abi = abi;
    grain_memory_count(&sizes, abi->cpus, &status->memory);
    if (!error)
        error = grain_live_clock(live, &status->clock);
    if (!error)
        error = grain_live_counts(live, &status->counts);
    if (!error)
        error = grain_live_fill(live, &status->fill);
    if (!error)
        error = grain_live_memory(live, &status->memory_used);
    if (error)
        say("%s", grain_error());
    return error ? error : read_sources(status, live);
}

static void status_free(struct status *status)
{
    for (size_t i = 0; status->details && i < status->sources.count; i++)
        free(status->details[i].others);
    free(status->details);
    sources_free(&status->sources);
}

/* Also an answer. */
static int print_nothing(const struct settings *settings)
{
    json_t *object;

    if (!settings->json) {
        printf("nothing is attached under %s; attach with: grainctl attach IFACE\n",
               grain_pinned_root(settings->root));
        status_host_print();
        return 0;
    }
    object = must(json_object());
    json_put(object, "sources", json_array());
    json_put(object, "host_probes", status_host_json());
    return json_print(object, false);
}

static int run(const struct settings *settings)
{
    struct grain_live *live = NULL;
    struct status status = {0};
    int error = grain_live_open(&live, settings->root);

    if (error == -ENOENT)
        return print_nothing(settings);
    if (error) {
        say("%s", grain_error());
        return error;
    }
    error = read_status(&status, live);
    if (!error)
        error = settings->json ? status_print_json(&status) : status_print_text(&status);
    status_free(&status);
    grain_live_free(live);
    return error;
}

int cmd_status(int argc, char **argv)
{
    struct settings settings = {0};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first < argc) {
        say("status: takes no arguments");
        return EXIT_USAGE;
    }
    return run(&settings) ? EXIT_FAILED : EXIT_OK;
}
