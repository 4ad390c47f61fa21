/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent in two processes: a small one that stays root and attaches, and the agent itself. */
#ifndef GRAIN_CTL_RUN_USER_H
#define GRAIN_CTL_RUN_USER_H

#include "account.h"

struct grain_host;

/* In a process of its own, as the user; returns an exit code. `host`: probes that were loaded for
 * it; NULL: none. `names`: where it is told what containers are called; -1: nowhere. */
typedef int run_user_part(void *user, struct grain_host *host, int names);

struct run_user {
    const char *path; /* of the configuration */
    const char *name; /* the user as given */
    bool no_attach;
    run_user_part *check; /* is the configuration right? */
    run_user_part *agent;
    void *user;
};

/*
 * If the configuration is right: attaches the configured interfaces, loads the host probes and
 * makes the state directory, starts the agent, keeps the interfaces attached, and passes SIGTERM,
 * SIGINT and SIGHUP on. The agent's exit code. If one of the two ends, so does the other one.
 */
int run_user(const struct run_user *run);

#endif
