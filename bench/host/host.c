// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the probe of files costs a system call: without it, with a program that does nothing at the
 * end of each system call (the kernel's own share, which any tool there bears), and with the probe,
 * in turns. Nanoseconds of processor time: medians over the rounds and, since other work disturbs
 * only upwards, the least; and what they are more than without. With the argument "bare" only what
 * the calls cost just now, by whatever else is attached: peers.py. "stream FOLDER RATE SECONDS
 * FILES" opens files at a rate: stream.sh.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <grain/host.h>

#include "nothing.h"

#define ROUNDS  7
#define SAMPLES 60
#define TURNS   300

static char watched[] = "/tmp/grain-bench-XXXXXX";
static char watched_file[64];

static void call_getppid(void)
{
    (void)syscall(SYS_getppid);
}

static void open_close(const char *path)
{
    int fd = open(path, O_RDONLY);

    if (fd >= 0)
        close(fd);
}

static void open_shallow(void)
{
    open_close("/usr/bin/env");
}

static void open_deep(void)
{
    open_close("/usr/include/linux/netfilter/ipset/ip_set.h");
}

static void open_near(void)
{
    open_close("/etc/hostname"); /* beside files that rules name */
}

static void open_missing(void)
{
    open_close("/usr/lib/there/is/none");
}

static void open_selected(void)
{
    open_close(watched_file);
}

static void read_unselected(void)
{
    static int fd = -1;
    char byte;

    if (fd < 0)
        fd = open("/usr/bin/env", O_RDONLY);
    if (pread(fd, &byte, 1, 0) != 1)
        abort();
}

static const struct {
    const char *name;
    void (*run)(void);
} arms[] = {
    {"getppid", call_getppid},
    {"pread of 1 byte, unselected", read_unselected},
    {"openat+close, unselected", open_shallow},
    {"openat+close, unselected, deep", open_deep},
    {"openat+close, beside watched files", open_near},
    {"openat that fails, unselected", open_missing},
    {"openat+close, selected", open_selected},
};

#define ARMS (sizeof(arms) / sizeof(arms[0]))

/* The best of many short samples: other work only adds. */
static double measure(void (*run)(void))
{
    struct timespec from, to;
    double best = 1e9, one;

    for (int sample = 0; sample < SAMPLES; sample++) {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        for (int i = 0; i < TURNS; i++)
            run();
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        one =
            ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / TURNS;
        best = one < best ? one : best;
    }
    return best;
}

static int ignore(void *user, const struct grain_host_header *record)
{
    (void)user;
    (void)record;
    return 0;
}

static int attach(struct grain_host **host)
{
    struct grain_host_rule rules[GRAIN_HOST_RULES_MAX];
    size_t count;
    const struct grain_host_rule *all = grain_host_default_rules(&count);
    struct grain_host_options options = {
        .size = sizeof(options),
        .probes = 1U << GRAIN_HOST_PROBE_FILES,
        .rules = rules,
        .ring_bytes = 128 << 20,
        .way = -1,
        .see_self = true,
    };

    memcpy(rules, all, count * sizeof(*rules));
    rules[count] = (struct grain_host_rule){.match = GRAIN_HOST_MATCH_DIRECTORY, .path = watched};
    options.rule_count = count + 1;
    return grain_host_new(host, &options);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

static int run_rounds(double off[ARMS][ROUNDS], double empty[ARMS][ROUNDS], double on[ARMS][ROUNDS])
{
    uint64_t counters[GRAIN_HOST_COUNTER_COUNT];
    struct grain_host *host;
    int link;

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ARMS; i++)
            off[i][round] = measure(arms[i].run);
        link = attach_nothing("sys_exit");
        if (link < 0) {
            perror("bench: a program that does nothing");
            return 1;
        }
        for (size_t i = 0; i < ARMS; i++)
            empty[i][round] = measure(arms[i].run);
        close(link);
        if (attach(&host)) {
            fprintf(stderr, "bench: %s\n", grain_error());
            return 1;
        }
        for (size_t i = 0; i < ARMS; i++) {
            on[i][round] = measure(arms[i].run);
            (void)grain_host_poll(host, 0, ignore, NULL);
        }
        if (!grain_host_counters(host, counters) && counters[GRAIN_HOST_COUNTER_RING_FULL])
            printf("round %d: the ring was full %llu times\n", round,
                   (unsigned long long)counters[GRAIN_HOST_COUNTER_RING_FULL]);
        grain_host_free(host);
    }
    return 0;
}

static void print_bare(void)
{
    for (size_t i = 0; i < ARMS; i++)
        printf("%s\t%.1f\n", arms[i].name, measure(arms[i].run));
}

/* median() leaves them sorted. */
static void print_rounds(double off[ARMS][ROUNDS], double empty[ARMS][ROUNDS],
                         double on[ARMS][ROUNDS])
{
    printf("| | without | nothing | the probe | least: without | nothing | the probe |\n");
    printf("|---|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < ARMS; i++) {
        const double before = median(off[i]), nothing = median(empty[i]), after = median(on[i]);

        printf("| %s | %.0f | %+.0f | %+.0f | %.0f | %+.0f | %+.0f |\n", arms[i].name, before,
               nothing - before, after - before, off[i][0], empty[i][0] - off[i][0],
               on[i][0] - off[i][0]);
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Opens `files` files of the folder in turn, `rate` times a second; how many opens that were. */
static long stream(const char *folder, long rate, long duration, long files)
{
    const struct timespec pause = {.tv_nsec = 500000};
    const double from = seconds();
    char name[4096];
    long done = 0;

    for (; done < rate * duration; nanosleep(&pause, NULL))
        for (; done < rate * duration && (double)done < (seconds() - from) * (double)rate; done++) {
            int fd;

            (void)snprintf(name, sizeof(name), "%s/%ld", folder, done % files);
            fd = open(name, O_RDONLY | O_CREAT, 0600);
            if (fd < 0)
                return -1;
            close(fd);
        }
    return done;
}

int main(int argc, char **argv)
{
    static double off[ARMS][ROUNDS], empty[ARMS][ROUNDS], on[ARMS][ROUNDS];
    bool bare = argc > 1 && !strcmp(argv[1], "bare");
    int failed = 0, fd;

    if (argc == 6 && !strcmp(argv[1], "stream")) {
        printf("%ld\n", stream(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10),
                               strtol(argv[5], NULL, 10)));
        return 0;
    }
    if (!mkdtemp(watched))
        return 1;
    (void)snprintf(watched_file, sizeof(watched_file), "%s/file", watched);
    fd = open(watched_file, O_CREAT | O_WRONLY, 0600);
    if (fd < 0)
        return 1;
    close(fd);
    if (bare)
        print_bare();
    else
        failed = run_rounds(off, empty, on);
    if (!bare && !failed)
        print_rounds(off, empty, on);
    unlink(watched_file);
    rmdir(watched);
    return failed;
}
