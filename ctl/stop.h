/* SPDX-License-Identifier: GPL-2.0-only */
/* Ending when asked to, and waiting until then. */
#ifndef GRAIN_CTL_STOP_H
#define GRAIN_CTL_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT, SIGTERM and SIGHUP ask for the end instead of being it. */
void stop_prepare(void);

bool stop_requested(void);

/* Since some time in the past; does not jump. */
uint64_t clock_now(void);

/* Wait until clock_now() is `until`; false: the end was asked for. */
bool stop_wait(uint64_t until);

/* The same, and also until there is something to read on `fd` or any signal comes. */
bool stop_wait_input(uint64_t until, int fd);
bool stop_wait_either(uint64_t until, int fd, int other); /* -1: none */

#endif
