// SPDX-License-Identifier: GPL-2.0-only
/* grainctl trace: what processes do, as they do it. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "say.h"
#include "trace.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} traces[] = {
    {"files", trace_files, "what is done to files"},
    {"net", trace_net, "connections of processes: made, accepted, failed, closed"},
};

#define TRACES (sizeof(traces) / sizeof(traces[0]))

static void print_usage(FILE *to)
{
    fputs("usage: grainctl trace WHAT [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < TRACES; i++)
        fprintf(to, "  %-10s %s\n", traces[i].name, traces[i].summary);
    fputs("\n\"grainctl trace WHAT --help\" lists the options.\n", to);
}

int cmd_trace(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_usage(stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; i < TRACES; i++)
        if (!strcmp(argv[1], traces[i].name))
            return traces[i].run(argc - 1, argv + 1);
    say("trace %s: there is no such trace; \"grainctl trace --help\" lists them", argv[1]);
    return EXIT_USAGE;
}
