// SPDX-License-Identifier: GPL-2.0-only
/* grainctl replay: captures through the programs that run on a network card. */
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

struct settings {
    struct replay_options replay;
    uint64_t top;
    bool json, stats;
};

static bool take_engine(void *to, const char *option, const char *text)
{
    struct settings *settings = to;

    settings->replay.engine_chosen = true;
    if (!strcmp(text, "bpf"))
        settings->replay.engine = GRAIN_ENGINE_BPF;
    else if (!strcmp(text, "host"))
        settings->replay.engine = GRAIN_ENGINE_HOST;
    else
        say("%s %s: the engines are bpf and host", option, text);
    return !strcmp(text, "bpf") || !strcmp(text, "host");
}

static const struct option_row rows[] = {
    {"engine", OPTION_CALL, "bpf|host",
     "bpf: the XDP program in the kernel, which needs root, or CAP_BPF, CAP_NET_ADMIN and "
     "CAP_PERFMON; host: the same program without the kernel, which needs no privileges. Without "
     "this option: bpf where it is allowed, else host",
     .take = take_engine},
    OPTION_JSON(struct settings, "one JSON object an event, in the shape of Suricata's EVE"),
    {"stats", OPTION_FLAG, NULL, "all counters as one JSON object",
     OPTION_TARGET(struct settings, stats)},
    {"top", OPTION_NUMBER, "N", "show at most N names and so on (20)",
     OPTION_TARGET(struct settings, top), .least = 1, .most = 1000000000},
    {"seed", OPTION_NUMBER, "N",
     "derive the hash key from N, so that a replay can be repeated "
     "exactly",
     OPTION_TARGET(struct settings, replay.seed), .least = 1, .most = UINT64_MAX},
};

static const struct options options = {
    "replay",
    "replay FILE... [--engine bpf|host] [--json | --stats] [--top N] [--seed N]",
    "Runs pcap and pcapng captures through grain and shows where every packet went, the DNS\n"
    "names, the TLS server names and what was lost. \"-\" is standard input.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

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
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (settings.json && settings.stats) {
        say("--json and --stats: choose one");
        return EXIT_USAGE;
    }
    if (first == argc) {
        say("replay: name a capture, or \"-\" for standard input");
        return EXIT_USAGE;
    }
    if (settings.json)
        settings.replay.form = REPLAY_EVENTS;
    if (settings.stats)
        settings.replay.form = REPLAY_STATS;
    return run(&settings, argc - first, argv + first);
}
