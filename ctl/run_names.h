/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of containers for an agent that may not read them: the process that stays root does, and
 * tells the agent, which cannot answer or ask.
 */
#ifndef GRAIN_CTL_RUN_NAMES_H
#define GRAIN_CTL_RUN_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct run_names;

/* NULL: said why not, and the agent does without. */
struct run_names *run_names_new(void);
/* In the agent's process: what it reads from; the rest is closed. */
int run_names_agent(struct run_names *names);
/* In the other one. */
void run_names_parent(struct run_names *names);
/* About once a second: tell of what is new. `root` is put in front of the folders; NULL: none. */
void run_names_look(struct run_names *names, const char *root);
void run_names_free(struct run_names *names); /* takes NULL */

#endif
