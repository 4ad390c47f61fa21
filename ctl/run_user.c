// SPDX-License-Identifier: GPL-2.0-only
#include "run_user.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agent/config.h>
#include <grain/error.h>

#include "commands.h"
#include "confine.h"
#include "run_attach.h"
#include "run_names.h"
#include "say.h"

#define LOOK_MS 1000

struct parent {
    const struct run_user *run;
    struct account account;
    char group[16];
    struct grain_config_file *config;
    sigset_t before; /* signals that were blocked */
    int signals;
    pid_t child;
    struct grain_host
        *host; /* the agent has a copy; the paths that it watches are looked up here */
    struct run_names *names; /* NULL: none are told */
};

/* A directory that is new is given to the user; one that is there has to be the user's already:
 * what others left in it could not be read, or should not be believed. */
static bool give_state(const char *path, const struct account *account)
{
    bool made = !mkdir(path, 0700);
    struct stat found;
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool given = fd >= 0 && !fstat(fd, &found) &&
                 (!made || !fchownat(fd, "", account->user, account->group, AT_EMPTY_PATH));

    if (!given)
        say("%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (given && !made && found.st_uid != account->user) {
        say("%s: the state belongs to user %u, not to user %u: chown -R it, or choose another one",
            path, found.st_uid, account->user);
        given = false;
    }
    return given;
}

static bool prepare(struct parent *parent)
{
    struct grain_config_agent config;

    if (!account_user("--user", parent->run->name, &parent->account))
        return false;
    if (!parent->account.user) {
        say("--user: this is root; without the option the agent runs as whoever starts it");
        return false;
    }
    if (!strcmp(parent->run->path, "-")) {
        say("--user: two processes read the configuration, so that it cannot be standard input");
        return false;
    }
    if (!confine_possible())
        return false;
    if (grain_config_load(&parent->config, parent->run->path)) {
        say("%s", grain_error());
        return false;
    }
    (void)snprintf(parent->group, sizeof(parent->group), "%u", parent->account.group);
    run_attach_group(parent->group);
    grain_config_agent(parent->config, &config);
    return !config.state || give_state(config.state, &parent->account);
}

static bool block_signals(struct parent *parent)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &parent->before);
    parent->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (parent->signals < 0)
        say("cannot wait for signals: %s", strerror(errno));
    return parent->signals >= 0;
}

/* The agent's process. What is passed on before it waits for signals stays pending. */
static int be_agent(struct parent *parent, pid_t above, run_user_part *run)
{
    sigset_t mask = parent->before;

    close(parent->signals);
    parent->signals = -1;
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    /* ^C reaches the parent alone, which passes it on once. */
    (void)setpgid(0, 0);
    /* The filter does not let it ask what the kernel calls it. */
    if (parent->host && grain_host_own(parent->host))
        say("%s", grain_error());
    if (!confine_identity(&parent->account))
        return EXIT_FAILED;
    /* After the change of the user, which resets it; the filter does not allow it any more. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!confine_calls())
        return EXIT_FAILED;
    return getppid() == above ? run(parent->run->user, parent->host,
                                    parent->names ? run_names_agent(parent->names) : -1)
                              : EXIT_FAILED;
}

static void read_anew(struct parent *parent)
{
    struct grain_config_file *fresh = NULL;

    /* The agent says what is wrong with it. */
    if (grain_config_load(&fresh, parent->run->path))
        return;
    grain_config_free(parent->config);
    parent->config = fresh;
    run_attach_forget();
    if (parent->host) {
        struct grain_agent_watch watch;

        grain_config_watch(fresh, &watch);
        if (watch.rule_count && grain_host_set_rules(parent->host, watch.rules, watch.rule_count))
            say("%s", grain_error());
    }
}

static void take_signals(struct parent *parent)
{
    struct signalfd_siginfo info;

    while (read(parent->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        (void)kill(parent->child, (int)info.ssi_signo);
        if (info.ssi_signo == SIGHUP)
            read_anew(parent);
    }
}

static int code_of(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    say("the agent was ended by signal %d", WTERMSIG(status));
    return EXIT_FAILED;
}

static void look_at_names(struct parent *parent)
{
    struct grain_agent_watch watch;

    if (!parent->names)
        return;
    grain_config_watch(parent->config, &watch);
    run_names_look(parent->names, watch.container_files);
}

static int wait_for_agent(struct parent *parent)
{
    struct pollfd ready = {.fd = parent->signals, .events = POLLIN};
    pid_t ended;
    int status;

    for (;;) {
        ended = waitpid(parent->child, &status, WNOHANG);
        if (ended == parent->child)
            return code_of(status);
        if (ended < 0) {
            say("cannot wait for the agent: %s", strerror(errno));
            return EXIT_FAILED;
        }
        (void)poll(&ready, 1, LOOK_MS);
        take_signals(parent);
        if (parent->host)
            (void)grain_host_refresh(parent->host);
        look_at_names(parent);
        if (!parent->run->no_attach)
            run_attach_look(parent->config, false);
    }
}

/* False: this is the new process, or there is none; *code is what to end with. */
static bool begin(struct parent *parent, run_user_part *run, int *code)
{
    pid_t above = getpid();

    *code = EXIT_FAILED;
    parent->child = fork();
    if (parent->child < 0)
        say("cannot start the agent: %s", strerror(errno));
    else if (!parent->child)
        *code = be_agent(parent, above, run);
    return parent->child > 0;
}

/* The agent may not load programs. What is refused here it tries itself, and says why not. */
static void load_probes(struct parent *parent)
{
    struct grain_agent_watch watch;
    struct grain_host_options options = {.size = sizeof(options), .way = -1};

    grain_config_watch(parent->config, &watch);
    if (!watch.probes)
        return;
    parent->names = run_names_new();
    options.probes = watch.probes;
    options.rules = watch.rules;
    options.rule_count = watch.rule_count;
    options.ring_bytes = watch.ring_bytes;
    if (grain_host_new(&parent->host, &options))
        say("%s", grain_error());
}

static int start(struct parent *parent)
{
    int status, code;

    if (!begin(parent, parent->run->check, &code))
        return code;
    code = waitpid(parent->child, &status, 0) == parent->child ? code_of(status) : EXIT_FAILED;
    if (code)
        return code;
    if (!parent->run->no_attach)
        run_attach_look(parent->config, true);
    load_probes(parent);
    look_at_names(parent);
    if (!begin(parent, parent->run->agent, &code))
        return code;
    if (parent->names)
        run_names_parent(parent->names);
    code = wait_for_agent(parent);
    run_attach_wait(parent->config);
    return code;
}

int run_user(const struct run_user *run)
{
    struct parent parent = {.run = run, .signals = -1};
    int code = EXIT_FAILED;

    if (prepare(&parent) && block_signals(&parent))
        code = start(&parent);
    if (parent.child > 0)
        grain_host_free(parent.host);
    run_names_free(parent.names);
    grain_config_free(parent.config);
    if (parent.signals >= 0)
        close(parent.signals);
    return code;
}
