// SPDX-License-Identifier: GPL-2.0-only
/* grainctl detach: grain's programs off interfaces. */
#include <stdio.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

struct settings {
    bool json;
    struct grain_detach_options detach;
};

static const struct option_row rows[] = {
    {"all", OPTION_FLAG, NULL, "every interface, in every network namespace",
     OPTION_TARGET(struct settings, detach.all)},
    {"keep", OPTION_FLAG, NULL, "leave the maps and their counts when nothing is attached any more",
     OPTION_TARGET(struct settings, detach.keep)},
    OPTION_PIN_ROOT(struct settings, detach.root),
    OPTION_JSON(struct settings, "one JSON object"),
};

static const struct options options = {
    "detach",
    "detach IFACE... | --all [--keep] [--pin-root DIR] [--json]",
    "Takes exactly what grain attached off the interfaces; everybody else's programs stay. With\n"
    "the last one go the maps and their counts.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

int cmd_detach(int argc, char **argv)
{
    struct changes changes;
    struct settings settings = {
        .detach = {.size = sizeof(settings.detach),
                   .wait = CHANGES_WAIT,
                   .note = changes_note,
                   .result = changes_result,
                   .user = &changes},
    };
    int error, first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (settings.detach.all && first < argc) {
        say("--all and %s: choose one", argv[first]);
        return EXIT_USAGE;
    }
    if (!settings.detach.all && first == argc) {
        say("detach: name an interface, or --all");
        return EXIT_USAGE;
    }
    changes_start(&changes, settings.json);
    error = grain_detach(&settings.detach, (const char *const *)argv + first, argc - first);
    changes_end(&changes, error ? grain_error() : NULL);
    return error ? EXIT_FAILED : EXIT_OK;
}
