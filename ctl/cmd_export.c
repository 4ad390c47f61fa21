// SPDX-License-Identifier: GPL-2.0-only
/* grainctl export: what is attached, to a system that the team already has, without a
 * configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <agent/agent.h>
#include <agent/sink_statsd.h>
#include <agent/steps.h>
#include <grain/error.h>

#include "commands.h"
#include "heap.h"
#include "options.h"
#include "say.h"

#define QUEUE_BYTES (4 << 20)
#define DRAIN_NS    5000000000ULL

struct settings {
    const char *root;
    const char *state;
    const char *address;
    const char *prefix;
    int format; /* enum grain_statsd_format */
    uint64_t interval, duration;
    uint32_t payload;
    uint32_t top;
    bool from_now;
};

static const struct option_word formats[] = {{"plain", GRAIN_STATSD_PLAIN},
                                             {"dogstatsd", GRAIN_STATSD_DOG},
                                             {"graphite", GRAIN_STATSD_GRAPHITE},
                                             {"influxdb", GRAIN_STATSD_INFLUX},
                                             {NULL, 0}};

static bool take_format(void *to, const char *option, const char *text)
{
    struct settings *settings = to;

    return option_word("export", option, text, formats, &settings->format);
}

static const struct option_row rows[] = {
    {"format", OPTION_CALL, "F",
     "how tags are written: plain (into the name), dogstatsd, graphite or influxdb (dogstatsd)",
     .take = take_format},
    {"prefix", OPTION_TEXT, "P", "before each name, with a dot (grain); \"\": none",
     OPTION_TARGET(struct settings, prefix)},
    {"interval", OPTION_SECONDS, "S", "between two collections (10)",
     OPTION_TARGET(struct settings, interval)},
    {"duration", OPTION_SECONDS, "S", "end after S seconds; without it, run until ^C",
     OPTION_TARGET(struct settings, duration)},
    {"top", OPTION_NUMBER, "N",
     "names of each kind in a collection; the rest are added up as \"(other)\" (100)",
     OPTION_TARGET(struct settings, top), .least = 0, .most = 1000000},
    {"payload", OPTION_NUMBER, "N",
     "bytes of a datagram (1432, which fits Ethernet; 8192 for a Unix socket)",
     OPTION_TARGET(struct settings, payload), .least = 128, .most = 65000},
    {"from-now", OPTION_FLAG, NULL,
     "leave out what was counted before; otherwise the first collection tells all of it",
     OPTION_TARGET(struct settings, from_now)},
    {"state", OPTION_TEXT, "DIR",
     "remember there what was told, so that the next export goes on from it, also after a crash",
     OPTION_TARGET(struct settings, state)},
    OPTION_PIN_ROOT(struct settings, root),
};

static const struct options options = {
    "export",
    "export statsd HOST[:PORT]|unix:PATH [--format F] [--prefix P]\n"
    "                       [--interval S] [--top N] [--state DIR] [--pin-root DIR]",
    "Sends counters and gauges of what is attached to a StatsD server, until ^C: packets and bytes "
    "by\n"
    "interface and disposition, names, losses, and how full the tables are. \"grainctl config\n"
    "measurements\" lists them.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static void on_log(void *user, enum grain_log_level level, const char *text)
{
    (void)user;
    (void)level;
    say("%s", text);
}

static int add_top(struct grain_pipeline *pipeline, const struct settings *settings, const char *of,
                   const char *const *by)
{
    const struct grain_top_settings top = {.of = of, .by = by, .keep = settings->top};
    struct grain_step *step;
    int error = grain_step_top(&step, &top);

    return error ? error : grain_pipeline_add_step(pipeline, step);
}

static int add_pipeline(struct grain_agent *agent, const struct settings *settings,
                        struct grain_sink *sink)
{
    static const char *const dns[] = {"qname", "qtype", NULL}, *const tls[] = {"sni", NULL};
    const unsigned int groups = 1U << GRAIN_GROUP_TOTALS | 1U << GRAIN_GROUP_NAMES |
                                1U << GRAIN_GROUP_LOSSES | 1U << GRAIN_GROUP_TABLES |
                                1U << GRAIN_GROUP_AGENT;
    struct grain_pipeline *pipeline;
    int error = grain_pipeline_new(&pipeline, "export", groups);

    if (error)
        return error;
    error = add_top(pipeline, settings, "dns.names", dns);
    if (!error)
        error = add_top(pipeline, settings, "tls.names", tls);
    if (!error)
        error = grain_pipeline_add_sink(pipeline, sink);
    if (!error)
        return grain_agent_add_pipeline(agent, pipeline);
    grain_pipeline_free(pipeline);
    return error;
}

static int add_sink(struct grain_agent *agent, const struct settings *settings,
                    struct grain_sink **sink)
{
    const struct grain_statsd_settings statsd = {.address = settings->address,
                                                 .format = settings->format,
                                                 .prefix = settings->prefix,
                                                 .payload = settings->payload};
    char *path = grain_agent_path(agent, "statsd.queue");
    const struct grain_sink_options sink_options = {.name = "statsd",
                                                    .queue = {.path = path, .size = QUEUE_BYTES}};
    void *state;
    int error = grain_statsd_new(&state, &statsd);

    if (!error)
        error = grain_sink_new(sink, &grain_sink_statsd, state, &sink_options);
    free(path);
    return error ? error : grain_agent_add_sink(agent, *sink);
}

static int run(const struct settings *settings)
{
    const struct grain_agent_options agent_options = {.size = sizeof(agent_options),
                                                      .pin_root = settings->root,
                                                      .state = settings->state,
                                                      .interval_ns = settings->interval,
                                                      .drain_ns = DRAIN_NS,
                                                      .end_ns = settings->duration,
                                                      .from_now = settings->from_now,
                                                      .log = on_log};
    struct grain_agent *agent = NULL;
    struct grain_sink *sink;
    uint64_t left = 0, kept = 0;
    int error = grain_agent_new(&agent, &agent_options);

    if (!error)
        error = add_sink(agent, settings, &sink);
    if (!error)
        error = add_pipeline(agent, settings, sink);
    if (!error)
        error = grain_agent_run(agent);
    if (error)
        say("%s", grain_error());
    else
        grain_agent_left(agent, &left, &kept);
    grain_agent_free(agent);
    return error || left > kept ? EXIT_FAILED : EXIT_OK;
}

static bool make_state(const char *path)
{
    struct stat stat_;

    if (!path || !mkdir(path, 0700))
        return true;
    if (errno == EEXIST && !stat(path, &stat_) && S_ISDIR(stat_.st_mode))
        return true;
    say("--state %s: %s", path, errno == EEXIST ? "not a directory" : strerror(errno));
    return false;
}

int cmd_export(int argc, char **argv)
{
    struct settings settings = {
        .prefix = "grain", .format = GRAIN_STATSD_DOG, .interval = 10000000000ULL, .top = 100};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (argc - first != 2 || strcmp(argv[first], "statsd")) {
        say("export: expected statsd and its address: grainctl export statsd HOST[:PORT]");
        return EXIT_USAGE;
    }
    settings.address = argv[first + 1];
    heap_stay_small();
    return make_state(settings.state) ? run(&settings) : EXIT_FAILED;
}
