// SPDX-License-Identifier: GPL-2.0-only
/* grainctl run: the agent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include <agent/agent.h>
#include <agent/config.h>
#include <grain/error.h>

#include "commands.h"
#include "heap.h"
#include "options.h"
#include "run_attach.h"
#include "run_user.h"
#include "say.h"

struct settings {
    const char *config, *user;
    bool check, no_attach;
    struct grain_host *host; /* loaded by whoever may; the agent's */
    bool names_told;         /* names of containers, to names_fd */
    int names_fd;
};

static const struct option_row rows[] = {
    {"c", OPTION_TEXT, "FILE",
     "the configuration (" GRAIN_CONFIG_FILE "; without one, Prometheus on port 9469)",
     OPTION_TARGET(struct settings, config)},
    {"check", OPTION_FLAG, NULL, "only say whether the configuration is right",
     OPTION_TARGET(struct settings, check)},
    {"no-attach", OPTION_FLAG, NULL,
     "leave the interfaces to \"grainctl attach\": the agent needs no right to change them then",
     OPTION_TARGET(struct settings, no_attach)},
    {"user", OPTION_TEXT, "NAME",
     "the agent becomes this user with two capabilities; a small process stays root and attaches",
     OPTION_TARGET(struct settings, user)},
};

static const struct options options = {
    "run",
    "run [-c FILE] [--check] [--no-attach] [--user NAME]",
    "Runs the agent: reads what is attached, and hands it through the configuration's pipelines "
    "to\n"
    "its sinks, until SIGTERM or ^C. SIGHUP reads the configuration anew: what changed is "
    "applied,\n"
    "and a wrong one leaves everything as it was. What is attached stays so when the agent ends.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

struct run {
    const struct settings *settings;
    struct grain_config_file *config;
    struct grain_agent *agent;
};

/* Under systemd each line begins with its priority (sd-daemon(3)). */
static void on_log(void *user, enum grain_log_level level, const char *text)
{
    static const char *const priorities[] = {SD_ERR, SD_WARNING, SD_INFO};
    char *escaped;

    (void)user;
    if (!getenv("JOURNAL_STREAM")) {
        say("%s", text);
        return;
    }
    escaped = escape_text(text);
    (void)fprintf(stderr, "%s%s\n", priorities[level], escaped);
    free(escaped);
}

static void on_reload(void *user)
{
    struct run *run = user;
    struct grain_config_file *fresh = NULL;
    int error;

    (void)sd_notify(0, "RELOADING=1");
    error = grain_config_load(&fresh, run->settings->config);
    if (!error)
        error = grain_config_apply(fresh, run->agent);
    if (!error) {
        struct grain_agent_watch watch;

        grain_config_watch(fresh, &watch);
        if (grain_agent_watch_anew(run->agent, &watch))
            on_log(NULL, GRAIN_LOG_ERROR, grain_error());
    }
    if (error && !fresh) {
        on_log(NULL, GRAIN_LOG_ERROR, grain_error());
        on_log(NULL, GRAIN_LOG_ERROR, "the configuration stays as it was");
    } else if (error) {
        on_log(NULL, GRAIN_LOG_ERROR, grain_error());
        grain_config_free(fresh);
    } else {
        grain_config_free(run->config);
        run->config = fresh;
        run_attach_forget();
        on_log(NULL, GRAIN_LOG_INFO, "the configuration was read anew");
    }
    (void)sd_notify(0, "READY=1");
}

static void on_state(void *user, bool running)
{
    (void)user;
    (void)sd_notify(0, running ? "READY=1" : "STOPPING=1");
}

static void on_alive(void *user)
{
    struct run *run = user;

    (void)sd_notify(0, "WATCHDOG=1");
    if (!run->settings->no_attach)
        run_attach_look(run->config, false);
}

/* Rounded up to a power of two. */
static uint32_t ring_pages(uint32_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint32_t pages = 1;

    while (pages * page < bytes)
        pages *= 2;
    return pages;
}

/* Of root, or of whoever runs this, and of nobody else to write: what was told is believed. */
static int prepare_state(const char *path)
{
    struct stat found;

    if (!path)
        return 0;
    if (mkdir(path, 0700) && errno != EEXIST)
        say("%s: %s", path, strerror(errno));
    else if (stat(path, &found))
        say("%s: %s", path, strerror(errno));
    else if (!S_ISDIR(found.st_mode) || (found.st_uid && found.st_uid != geteuid()) ||
             (found.st_mode & 022))
        say("%s: the state is a directory that only root or the agent's user may write to", path);
    else
        return 0;
    return -1;
}

static int run_agent(struct run *run)
{
    struct grain_config_agent config;
    struct grain_agent_options agent_options = {.size = sizeof(agent_options),
                                                .log = on_log,
                                                .reload = on_reload,
                                                .state_changed = on_state,
                                                .alive = on_alive,
                                                .user = run};
    struct grain_agent_watch watch;
    uint64_t left = 0, kept = 0;
    int error;

    grain_config_agent(run->config, &config);
    grain_config_watch(run->config, &watch);
    watch.host = run->settings->host;
    watch.names_told = run->settings->names_told;
    watch.names_fd = run->settings->names_fd;
    if (prepare_state(config.state))
        return EXIT_FAILED;
    agent_options.pin_root = config.pin_root;
    agent_options.state = config.state;
    agent_options.interval_ns = config.interval_ns;
    agent_options.drain_ns = config.drain_ns;
    agent_options.ring_pages = ring_pages(config.ring_bytes);
    agent_options.from_now = config.from_now;
    error = grain_agent_new(&run->agent, &agent_options);
    if (!error)
        error = grain_config_apply(run->config, run->agent);
    if (!error)
        error = grain_agent_watch(run->agent, &watch);
    if (!error && !run->settings->no_attach)
        run_attach_look(run->config, true);
    if (!error)
        error = grain_agent_run(run->agent);
    if (error)
        on_log(NULL, GRAIN_LOG_ERROR, grain_error());
    else
        grain_agent_left(run->agent, &left, &kept);
    grain_agent_free(run->agent);
    return error || left > kept ? EXIT_FAILED : EXIT_OK;
}

/* All that is read is read as whoever the agent is. */
static int load_and_run(void *settings_)
{
    const struct settings *settings = settings_;
    struct run run = {.settings = settings};
    int code;

    heap_stay_small();
    if (grain_config_load(&run.config, settings->config) || grain_config_apply(run.config, NULL)) {
        say("%s", grain_error());
        grain_config_free(run.config);
        return EXIT_FAILED;
    }
    code = settings->check ? EXIT_OK : run_agent(&run);
    grain_config_free(run.config);
    return code;
}

/* The agent's side of two processes: the other one attaches. */
static int run_apart(void *settings_, struct grain_host *host, int names)
{
    struct settings *settings = settings_;

    settings->no_attach = true;
    settings->host = host;
    settings->names_told = names >= 0;
    settings->names_fd = names;
    return load_and_run(settings);
}

static int check_apart(void *settings_, struct grain_host *host, int names)
{
    struct settings *settings = settings_;

    (void)host;
    (void)names;
    settings->check = true;
    return load_and_run(settings);
}

int cmd_run(int argc, char **argv)
{
    struct settings settings = {.config = NULL};
    struct run_user apart = {.check = check_apart, .agent = run_apart, .user = &settings};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (first < argc) {
        say("run: no arguments but options; the configuration is given with -c");
        return EXIT_USAGE;
    }
    if (!settings.user || settings.check)
        return load_and_run(&settings);
    apart.path = settings.config;
    apart.name = settings.user;
    apart.no_attach = settings.no_attach;
    return run_user(&apart);
}
