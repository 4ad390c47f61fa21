// SPDX-License-Identifier: GPL-2.0-only
/* grainctl attach: the shipping programs onto interfaces. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

static const char usage[] =
    "usage: grainctl attach IFACE... [OPTIONS]\n"
    "\n"
    "Counts what passes the interfaces from now on, also after this command has ended. All of "
    "them\n"
    "are attached, or none. On what is attached already, another program is replaced by this one\n"
    "while packets pass. Nobody else's program is touched.\n"
    "\n"
    "  --hook auto|xdp|tc       for what comes in: chosen by the interface (auto), or only this\n"
    "  --mode native|skb        skb: generic XDP, which works everywhere and is slow\n"
    "  --direction in|out|both  both is the default; what goes out is always seen at tc\n"
    "  --stages LIST            of dns,tls,quic, or none: what is looked into, on all interfaces\n"
    "  --priority N             among the programs of libxdp's dispatcher (10), lowest first\n"
    "  --sample N               an event for one in N packets with a known name (100); 0: none\n"
    "  --event-rate N           such events a second and CPU (2000); 0: no limit\n"
    "  --new-rate N             events for new names a second and CPU (2000); 0: no limit\n"
    "  --memory SIZE            tables that take at most this, as 64M; by the first attach only\n"
    "  --upgrade                replace the programs even if they are the same\n"
    "  --dry-run                say what would be done, and why; change nothing\n"
    "  --pin-root DIR           where the maps are pinned ($GRAIN_PIN_ROOT, or "
    "/sys/fs/bpf/grain)\n"
    "  --json                   one JSON object\n"
    "  --help                   this text\n";

struct settings {
    struct grain_attach_options attach;
    bool json, help;
};

/* The number that belongs to `text`; 0: said that there is none. */
static int parse_word(const char *option, const char *text, const char *const *words,
                      const int *values)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], text))
            return values[i];
    say("%s %s: not one that there is; \"grainctl attach --help\" lists them", option, text);
    return 0;
}

static bool parse_hook(struct settings *settings, const char *text)
{
    static const char *const words[] = {"auto", "xdp", "tc", NULL};
    static const int values[] = {-1, GRAIN_HOOK_XDP, GRAIN_HOOK_TC};
    int value = parse_word("--hook", text, words, values);

    settings->attach.hook = value > 0 ? value : 0;
    return value;
}

static bool parse_mode(struct settings *settings, const char *text)
{
    static const char *const words[] = {"native", "skb", NULL};
    static const int values[] = {GRAIN_MODE_NATIVE, GRAIN_MODE_SKB};

    settings->attach.mode = parse_word("--mode", text, words, values);
    return settings->attach.mode;
}

static bool parse_direction(struct settings *settings, const char *text)
{
    static const char *const words[] = {"in", "out", "both", NULL};
    static const int values[] = {GRAIN_DIRECTION_IN, GRAIN_DIRECTION_OUT,
                                 GRAIN_DIRECTION_IN | GRAIN_DIRECTION_OUT};

    settings->attach.directions = parse_word("--direction", text, words, values);
    return settings->attach.directions;
}

static bool parse_priority(struct settings *settings, const char *text)
{
    uint64_t number = 0;

    if (!option_number("--priority", text, 1, 1000000, &number))
        return false;
    settings->attach.priority = number;
    return true;
}

static bool parse_sample(struct settings *settings, const char *text)
{
    uint64_t number = 0;

    if (!option_number("--sample", text, 0, UINT32_MAX, &number))
        return false;
    settings->attach.sample = number;
    settings->attach.sample_given = true;
    return true;
}

static bool parse_rate(const char *option, const char *text, bool *given, uint32_t *rate)
{
    uint64_t number = 0;

    if (!option_number(option, text, 0, GRAIN_RATE_MOST, &number))
        return false;
    *rate = number;
    *given = true;
    return true;
}

static bool parse_option(struct settings *settings, int option)
{
    switch (option) {
    case 'k':
        return parse_hook(settings, optarg);
    case 'm':
        return parse_mode(settings, optarg);
    case 'd':
        return parse_direction(settings, optarg);
    case 's':
        settings->attach.stages_given = true;
        return option_stages("--stages", optarg, &settings->attach.stages);
    case 'p':
        return parse_priority(settings, optarg);
    case 'S':
        return parse_sample(settings, optarg);
    case 'E':
        return parse_rate("--event-rate", optarg, &settings->attach.event_rate_given,
                          &settings->attach.event_rate);
    case 'N':
        return parse_rate("--new-rate", optarg, &settings->attach.new_rate_given,
                          &settings->attach.new_rate);
    case 'M':
        return option_bytes("--memory", optarg, &settings->attach.memory);
    case 'u':
        settings->attach.upgrade = true;
        return true;
    case 'n':
        settings->attach.dry_run = true;
        return true;
    case 'r':
        settings->attach.root = optarg;
        return true;
    case 'j':
        settings->json = true;
        return true;
    case 'h':
        settings->help = true;
        return true;
    default:
        say("\"grainctl attach --help\" lists the options");
        return false;
    }
}

static bool parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"hook", required_argument, NULL, 'k'},
        {"mode", required_argument, NULL, 'm'},
        {"direction", required_argument, NULL, 'd'},
        {"stages", required_argument, NULL, 's'},
        {"priority", required_argument, NULL, 'p'},
        {"sample", required_argument, NULL, 'S'},
        {"event-rate", required_argument, NULL, 'E'},
        {"new-rate", required_argument, NULL, 'N'},
        {"memory", required_argument, NULL, 'M'},
        {"upgrade", no_argument, NULL, 'u'},
        {"dry-run", no_argument, NULL, 'n'},
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
    if (optind == argc)
        say("attach: name an interface");
    else if (settings->attach.mode == GRAIN_MODE_SKB && settings->attach.hook == GRAIN_HOOK_TC)
        say("--mode skb and --hook tc: choose one");
    else
        return true;
    return false;
}

int cmd_attach(int argc, char **argv)
{
    struct changes changes;
    struct settings settings = {
        .attach = {.size = sizeof(settings.attach),
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
    error = grain_attach(&settings.attach, (const char *const *)argv + optind, argc - optind);
    changes_end(&changes, error ? grain_error() : NULL);
    return error ? EXIT_FAILED : EXIT_OK;
}
