// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run_attach.h"
#include "say.h"

#define INTERFACES_MAX 64
/* Between two tries on an interface that refuses. */
#define RETRY_SECONDS 30

extern char **environ;

/* By the number that an interface has in the configuration. */
static struct {
    unsigned int ifindex; /* that was attached; an interface made anew has another */
    bool missing_said;
    time_t again; /* not before */
} watched[INTERFACES_MAX];

static pid_t child;
static const char *group_given;
static size_t child_for;
static unsigned int child_ifindex;

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Messages go where the agent's go; the report of success would only repeat itself. */
static void begin(const struct grain_config_file *config, size_t i, unsigned int ifindex)
{
    const char **arguments = must(grain_config_attach(config, i, group_given));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    /* The agent blocks signals that end a command. */
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    error =
        posix_spawn(&child, "/proc/self/exe", &actions, &attributes, (char **)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(arguments);
    if (error) {
        say("%s: cannot start \"grainctl attach\": %s", grain_config_interface(config, i),
            strerror(error));
        child = 0;
        watched[i].again = seconds() + RETRY_SECONDS;
        return;
    }
    child_for = i;
    child_ifindex = ifindex;
}

/* True: there is no child any more. */
static bool reap(const struct grain_config_file *config, bool wait)
{
    int status;
    pid_t ended = child ? waitpid(child, &status, wait ? 0 : WNOHANG) : 0;

    if (!child)
        return true;
    if (ended != child)
        return false;
    child = 0;
    if (WIFEXITED(status) && !WEXITSTATUS(status)) {
        watched[child_for].ifindex = child_ifindex;
        return true;
    }
    watched[child_for].again = seconds() + RETRY_SECONDS;
    if (child_for < grain_config_interfaces(config))
        say("%s: not attached; the next try is in %d s", grain_config_interface(config, child_for),
            RETRY_SECONDS);
    return true;
}

/* True: an attach was begun. */
static bool look(const struct grain_config_file *config, size_t i)
{
    const char *name = grain_config_interface(config, i);
    unsigned int ifindex = if_nametoindex(name);

    if (!ifindex) {
        if (!watched[i].missing_said)
            say("%s: there is no such interface; it is attached when it comes", name);
        watched[i].missing_said = true;
        watched[i].ifindex = 0;
        return false;
    }
    watched[i].missing_said = false;
    if (ifindex == watched[i].ifindex || seconds() < watched[i].again)
        return false;
    begin(config, i, ifindex);
    return child != 0;
}

void run_attach_look(const struct grain_config_file *config, bool wait)
{
    for (size_t i = 0; i < grain_config_interfaces(config) && i < INTERFACES_MAX; i++) {
        if (!reap(config, wait))
            return;
        (void)look(config, i);
    }
    if (wait)
        (void)reap(config, true);
}

void run_attach_group(const char *group)
{
    group_given = group;
}

void run_attach_wait(const struct grain_config_file *config)
{
    (void)reap(config, true);
}

void run_attach_forget(void)
{
    memset(watched, 0, sizeof(watched));
}
