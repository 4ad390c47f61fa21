// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "stop.h"

static volatile sig_atomic_t asked;
static sigset_t waiting; /* the signals that come through while we wait */

static void on_signal(int signal)
{
    (void)signal;
    asked = 1;
}

void stop_prepare(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigprocmask(SIG_BLOCK, NULL, &waiting);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction before;

        /* nohup and background jobs of a shell have asked not to be disturbed. */
        if (!sigaction(signals[i], NULL, &before) && before.sa_handler == SIG_IGN)
            continue;
        sigaddset(&action.sa_mask, signals[i]);
        (void)sigaction(signals[i], &action, NULL);
    }
    /* One that comes between a look at `asked` and the wait is kept for the wait. */
    (void)sigprocmask(SIG_BLOCK, &action.sa_mask, NULL);
}

bool stop_requested(void)
{
    const struct timespec none = {0};

    if (!asked)
        (void)ppoll(NULL, 0, &none, &waiting);
    return asked;
}

uint64_t clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

bool stop_wait_input(uint64_t until, int fd)
{
    return stop_wait_either(until, fd, -1);
}

bool stop_wait_either(uint64_t until, int fd, int other)
{
    struct pollfd inputs[] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    uint64_t now = clock_now(), left = until > now ? until - now : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000),
                                     .tv_nsec = (long)(left % 1000000000)};

    if (!asked)
        (void)ppoll(inputs, 2, &timeout, &waiting);
    return !asked;
}

bool stop_wait(uint64_t until)
{
    while (!asked && clock_now() < until)
        (void)stop_wait_input(until, -1);
    return !asked;
}
