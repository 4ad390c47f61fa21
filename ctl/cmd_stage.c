// SPDX-License-Identifier: GPL-2.0-only
/* grainctl stage: what is looked into, switched while packets pass. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

static const char usage[] =
    "usage: grainctl stage dns|tls|quic|all on|off [--pin-root DIR]\n"
    "\n"
    "Switches a stage while packets pass, on all interfaces at once: they share one "
    "configuration.\n"
    "Packets that a stage does not look into stay in the totals.\n"
    "\n" OPTION_PIN_ROOT "  --help          this text\n";

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
    static const struct option options[] = {
        {"pin-root", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *root = NULL;
    int option;

    argv[0] = (char *)"grainctl";
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'r') {
            root = optarg;
        } else if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_OK;
        } else {
            say("\"grainctl stage --help\" lists the options");
            return EXIT_USAGE;
        }
    }
    if (argc - optind > 2) {
        say("stage: %s: a stage is on or off for all interfaces, which share one configuration",
            argv[optind + 2]);
        return EXIT_USAGE;
    }
    if (argc - optind < 2) {
        say("stage: name a stage, and on or off");
        return EXIT_USAGE;
    }
    return switch_stage(root, argv[optind], argv[optind + 1]);
}
