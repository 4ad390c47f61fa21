// SPDX-License-Identifier: GPL-2.0-only
/* grainctl detach: grain's programs off interfaces. */
#include <getopt.h>
#include <stdio.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

static const char usage[] =
    "usage: grainctl detach IFACE... | --all [--keep] [--pin-root DIR] [--json]\n"
    "\n"
    "Takes exactly what grain attached off the interfaces; everybody else's programs stay. With\n"
    "the last one go the maps and their counts.\n"
    "\n"
    "  --all           every interface, in every network namespace\n"
    "  --keep          leave the maps and their counts when nothing is attached any "
    "more\n" OPTION_PIN_ROOT "  --json          one JSON object\n"
    "  --help          this text\n";

struct settings {
    struct grain_detach_options detach;
    bool json, help;
};

static bool parse_option(struct settings *settings, int option)
{
    switch (option) {
    case 'a':
        settings->detach.all = true;
        return true;
    case 'k':
        settings->detach.keep = true;
        return true;
    case 'r':
        settings->detach.root = optarg;
        return true;
    case 'j':
        settings->json = true;
        return true;
    case 'h':
        settings->help = true;
        return true;
    default:
        say("\"grainctl detach --help\" lists the options");
        return false;
    }
}

static bool parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"all", no_argument, NULL, 'a'},
        {"keep", no_argument, NULL, 'k'},
        {"pin-root", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!parse_option(settings, option))
            return false;
    if (settings->help)
        return true;
    if (settings->detach.all && optind < argc)
        say("--all and %s: choose one", argv[optind]);
    else if (!settings->detach.all && optind == argc)
        say("detach: name an interface, or --all");
    else
        return true;
    return false;
}

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
    int error;

    argv[0] = (char *)"grainctl";
    if (!parse_options(&settings, argc, argv))
        return EXIT_USAGE;
    if (settings.help) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    changes_start(&changes, settings.json);
    error = grain_detach(&settings.detach, (const char *const *)argv + optind, argc - optind);
    changes_end(&changes, error ? grain_error() : NULL);
    return error ? EXIT_FAILED : EXIT_OK;
}
