// SPDX-License-Identifier: GPL-2.0-only
/* grainctl: the table of commands. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "say.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"attach", cmd_attach, "count what passes interfaces, from now on"},
    {"detach", cmd_detach, "take grain off interfaces"},
    {"stage", cmd_stage, "switch what is looked into, while packets pass"},
    {"status", cmd_status, "show what is attached, and what was lost"},
    {"stats", cmd_stats, "show packets, bytes and dispositions of what is attached"},
    {"top", cmd_top, "show the most frequent names, live"},
    {"trace", cmd_trace, "show what processes do, as they do it"},
    {"events", cmd_events, "show names and hellos as they pass"},
    {"history", cmd_history, "show who touched which file and spoke with whom, and when"},
    {"run", cmd_run, "run the agent: from pipelines to sinks, as a configuration says"},
    {"config", cmd_config, "show what a configuration comes to, and all measurements"},
    {"export", cmd_export, "send counters to a StatsD server"},
    {"check", cmd_check, "find out what this kernel and user may do"},
    {"replay", cmd_replay, "run captures through grain and show what is in them"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
    fputs("usage: grainctl COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n"
          "  --help     this text; \"grainctl COMMAND --help\" for a command's options\n"
          "  --version  the version\n",
          to);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(stdout);
        return EXIT_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        puts("grainctl " GRAIN_VERSION);
        return EXIT_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    say("there is no command '%s'; \"grainctl --help\" lists them", argv[1]);
    return EXIT_USAGE;
}

/* What could not be written is a failure; a reader that went away knows that it did. */
static int close_output(int code)
{
    bool failed = ferror(stdout);

    if (fclose(stdout)) {
        failed = true;
        if (errno != EPIPE)
            say("standard output: %s", strerror(errno));
    }
    return failed && code == EXIT_OK ? EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    return close_output(run(argc, argv));
}
