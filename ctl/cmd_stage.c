// SPDX-License-Identifier: GPL-2.0-only
/* grainctl stage: what is looked into, switched while packets pass. */
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

struct settings {
    const char *root;
};

static const struct option_row rows[] = {OPTION_PIN_ROOT(struct settings, root)};

static const struct options options = {
    "stage",
    "stage dns|tls|quic|all on|off [--pin-root DIR]",
    "Switches a stage while packets pass, on all interfaces at once: they share one\n"
    "configuration. Packets that a stage does not look into stay in the totals.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static int switch_stage(const char *root, const char *name, const char *word)
{
    uint32_t stages, before;
    bool on = !strcmp(word, "on");

    if (!option_stages("stage", name, &stages))
        return EXIT_USAGE;
    if (!stages) {
        say("stage none: name one, or all");
        return EXIT_USAGE;
    }
    if (!on && strcmp(word, "off")) {
        say("stage %s %s: it is either on or off", name, word);
        return EXIT_USAGE;
    }
    if (grain_stages_switch(root, CHANGES_WAIT, stages, on, &before)) {
        say("%s", grain_error());
        return EXIT_FAILED;
    }
    printf("%s: %s%s\n", name, on ? "on" : "off",
           (before & stages) == (on ? stages : 0) ? ", as before" : "");
    return EXIT_OK;
}

int cmd_stage(int argc, char **argv)
{
    struct settings settings = {0};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (argc - first > 2) {
        say("stage: %s: a stage is on or off for all interfaces, which share one configuration",
            argv[first + 2]);
        return EXIT_USAGE;
    }
    if (argc - first < 2) {
        say("stage: name a stage, and on or off");
        return EXIT_USAGE;
    }
    return switch_stage(settings.root, argv[first], argv[first + 1]);
}
