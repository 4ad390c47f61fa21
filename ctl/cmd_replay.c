// SPDX-License-Identifier: GPL-2.0-only
/* grainctl replay: captures through the programs that run on a network card. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "eve.h"
#include "options.h"
#include "replay.h"
#include "report.h"
#include "say.h"
#include "stats.h"

#define TOP_DEFAULT 20

static const char usage[] =
    "usage: grainctl replay FILE... [--engine bpf|host] [--json | --stats] [--top N] [--seed N]\n"
    "\n"
    "Runs pcap and pcapng captures through grain and shows where every packet went, the DNS "
    "names,\n"
    "the TLS server names and what was lost. \"-\" is standard input.\n"
    "\n"
    "  --engine bpf   the XDP program in the kernel; needs root, or CAP_BPF, CAP_NET_ADMIN and\n"
    "                 CAP_PERFMON\n"
    "  --engine host  the same program without the kernel; needs no privileges. Without --engine:\n"
    "                 bpf where it is allowed, else host\n"
    "  --json         one JSON object an event, in the shape of Suricata's EVE\n"
    "  --stats        all counters as one JSON object\n"
    "  --top N        show at most N names and so on (20)\n"
    "  --seed N       derive the hash key from N, so that a replay can be repeated exactly\n"
    "  --help         this text\n";

struct settings {
    struct replay_options replay;
    size_t top;
    bool json, stats, help;
};

static bool parse_engine(struct settings *settings, const char *text)
{
    settings->replay.engine_chosen = true;
    if (!strcmp(text, "bpf"))
        settings->replay.engine = GRAIN_ENGINE_BPF;
    else if (!strcmp(text, "host"))
        settings->replay.engine = GRAIN_ENGINE_HOST;
    else
        say("--engine %s: the engines are bpf and host", text);
    return !strcmp(text, "bpf") || !strcmp(text, "host");
}

static bool parse_option(struct settings *settings, int option)
{
    uint64_t number;

    switch (option) {
    case 'e':
        return parse_engine(settings, optarg);
    case 'j':
        settings->json = true;
        return true;
    case 's':
        settings->stats = true;
        return true;
    case 't':
        if (!option_number("--top", optarg, 1, 1000000000, &number))
            return false;
        settings->top = number;
        return true;
    case 'S':
        return option_number("--seed", optarg, 1, UINT64_MAX, &settings->replay.seed);
    case 'h':
        settings->help = true;
        return true;
    default:
        say("\"grainctl replay --help\" lists the options");
        return false;
    }
}

static bool parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"engine", required_argument, NULL, 'e'},
        {"json", no_argument, NULL, 'j'},
        {"stats", no_argument, NULL, 's'},
        {"top", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 'S'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!parse_option(settings, option))
            return false;
    if (settings->help)
        return true;
    if (settings->json && settings->stats)
        say("--json and --stats: choose one");
    else if (optind == argc)
        say("replay: name a capture, or \"-\" for standard input");
    else
        return true;
    return false;
}

static void print_result(const struct settings *settings, const struct replay *replay)
{
    int error = 0;

    if (settings->replay.form == REPLAY_REPORT && replay_sums(replay)->files)
        report_print(replay_sums(replay), settings->top);
    else if (settings->replay.form == REPLAY_STATS)
        stats_print(replay_sums(replay));
    else if (!replay_output_failed(replay))
        eve_flush(&error);
}

static int run(const struct settings *settings, int files, char **paths)
{
    struct replay *replay = replay_new(&settings->replay);
    bool fine = true;

    for (int i = 0; i < files && !replay_output_failed(replay); i++)
        fine &= replay_file(replay, paths[i]);
    print_result(settings, replay);
    replay_free(replay);
    return fine ? EXIT_OK : EXIT_FAILED;
}

int cmd_replay(int argc, char **argv)
{
    struct settings settings = {.top = TOP_DEFAULT, .replay.engine = GRAIN_ENGINE_BPF};

    argv[0] = (char *)"grainctl";
    if (!parse_options(&settings, argc, argv))
        return EXIT_USAGE;
    if (settings.help) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (settings.json)
        settings.replay.form = REPLAY_EVENTS;
    if (settings.stats)
        settings.replay.form = REPLAY_STATS;
    return run(&settings, argc - optind, argv + optind);
}
