// SPDX-License-Identifier: GPL-2.0-or-later
// Times each way of linking stages on the running kernel, against an empty program.
//
//   chain_time FOLDER [ROUNDS]
//
// BPF_PROG_TEST_RUN reports whole nanoseconds, and a call has a cost of its own: each figure is the
// slope between a short and a long run, in processor time of this thread, which leaves out the time
// that other processes took. The arms are interleaved in every round. One line an arm: name, CPU
// level, packet, median ns above the empty program of the same round, and the spread between the
// first and the third quartile. The same packet is repeated, so branches are always predicted
// right; that is fair here, where every arm does the same work and only the links differ.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "frame.h"

#define SHORT_RUN  1000000
#define LONG_RUN   9000000
#define ROUNDS_MAX 99

static struct arm {
    const char *object, *level, *program;
    uint8_t protocol;
    int fd, totals;
    double ns[ROUNDS_MAX];
} arms[] = {
    {"empty", "v2", "empty", CHAIN_TCP, -1, -1, {0}},
    {"empty", "v2", "empty", CHAIN_UDP, -1, -1, {0}},
    {"one_inlined", "v2", "one_entry", CHAIN_TCP, -1, -1, {0}},
    {"one_inlined", "v2", "one_entry", CHAIN_UDP, -1, -1, {0}},
    {"one_program", "v2", "one_entry", CHAIN_TCP, -1, -1, {0}},
    {"one_program", "v2", "one_entry", CHAIN_UDP, -1, -1, {0}},
    {"like_one_slot", "v2", "like_dispatch", CHAIN_TCP, -1, -1, {0}},
    {"like_one_slot", "v2", "like_dispatch", CHAIN_UDP, -1, -1, {0}},
    {"like_dispatcher", "v2", "like_dispatch", CHAIN_TCP, -1, -1, {0}},
    {"like_dispatcher", "v2", "like_dispatch", CHAIN_UDP, -1, -1, {0}},
    {"tail_calls", "v2", "tail_entry", CHAIN_TCP, -1, -1, {0}},
    {"tail_calls", "v2", "tail_entry", CHAIN_UDP, -1, -1, {0}},
    {"one_inlined", "v3", "one_entry", CHAIN_TCP, -1, -1, {0}},
    {"one_inlined", "v3", "one_entry", CHAIN_UDP, -1, -1, {0}},
    {"one_program", "v3", "one_entry", CHAIN_TCP, -1, -1, {0}},
    {"one_program", "v3", "one_entry", CHAIN_UDP, -1, -1, {0}},
    {"like_one_slot", "v3", "like_dispatch", CHAIN_TCP, -1, -1, {0}},
    {"like_one_slot", "v3", "like_dispatch", CHAIN_UDP, -1, -1, {0}},
    {"like_dispatcher", "v3", "like_dispatch", CHAIN_TCP, -1, -1, {0}},
    {"like_dispatcher", "v3", "like_dispatch", CHAIN_UDP, -1, -1, {0}},
    {"tail_calls", "v3", "tail_entry", CHAIN_TCP, -1, -1, {0}},
    {"tail_calls", "v3", "tail_entry", CHAIN_UDP, -1, -1, {0}},
    {"calls", "v2", "calls_none", CHAIN_TCP, -1, -1, {0}},
    {"calls", "v2", "calls_none", CHAIN_UDP, -1, -1, {0}},
    {"calls", "v2", "calls_ten", CHAIN_TCP, -1, -1, {0}},
    {"calls", "v2", "calls_ten", CHAIN_UDP, -1, -1, {0}},
};
#define ARMS (sizeof(arms) / sizeof(arms[0]))

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

static const char *packet_name(const struct arm *arm)
{
    return arm->protocol == CHAIN_UDP ? "three_stages" : "no_stage";
}

// The objects stay open: a prog array is emptied when its last user in userspace goes.
static int open_arm(const char *folder, struct arm *arm)
{
    struct bpf_object *object;
    struct bpf_program *program;
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.%s.bpf.o", folder, arm->object, arm->level);
    object = bpf_object__open_file(path, NULL);
    if (!object || bpf_object__load(object))
        return -EINVAL;
    program = bpf_object__find_program_by_name(object, arm->program);
    arm->totals = bpf_object__find_map_fd_by_name(object, "chain_totals");
    arm->fd = program ? bpf_program__fd(program) : -1;
    return arm->fd < 0 ? -ENOENT : 0;
}

static double run(const struct arm *arm, int repeat)
{
    uint8_t frame[CHAIN_FRAME_SIZE];
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
                .repeat = repeat);
    struct timespec before, after;

    chain_frame(frame, arm->protocol);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    if (bpf_prog_test_run_opts(arm->fd, &options)) {
        fprintf(stderr, "%s: test-run: %s\n", arm->object, strerror(errno));
        exit(1);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return (after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void print_arm(struct arm *arm, long rounds, int is_empty)
{
    qsort(arm->ns, rounds, sizeof(double), compare);
    printf("time %s %s %s %.1f %.1f..%.1f%s\n",
           !strcmp(arm->object, "calls") ? arm->program : arm->object, arm->level, packet_name(arm),
           arm->ns[rounds / 2], arm->ns[rounds / 4], arm->ns[rounds * 3 / 4],
           is_empty ? " total" : "");
}

// An arm that left early would look fast.
static int did_its_work(const struct arm *arm)
{
    struct chain_totals totals[256];
    unsigned int slot = arm->protocol == CHAIN_UDP ? CHAIN_FIRST + CHAIN_STAGES - 1 : CHAIN_BULK;
    int cpus = libbpf_num_possible_cpus();
    __u32 zero = 0;
    __u64 sum = 0;

    if (!strcmp(arm->object, "empty") || !strcmp(arm->object, "calls"))
        return 1;
    if (cpus < 1 || cpus > 256 || bpf_map_lookup_elem(arm->totals, &zero, totals))
        return 0;
    for (int i = 0; i < cpus; i++)
        sum += totals[i].count[slot];
    return sum != 0;
}

static int pin_thread(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
    return sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 11;

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: chain_time FOLDER [ROUNDS]\n");
        return 2;
    }
    libbpf_set_print(quiet);
    for (size_t i = 0; i < ARMS; i++) {
        if (open_arm(argv[1], &arms[i])) {
            fprintf(stderr, "%s %s does not load\n", arms[i].object, arms[i].level);
            return 1;
        }
    }
    if (pin_thread())
        perror("cannot pin the thread");
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < ARMS; i++) {
            double brief = run(&arms[i], SHORT_RUN);

            arms[i].ns[round] = (run(&arms[i], LONG_RUN) - brief) / (LONG_RUN - SHORT_RUN);
        }
    // The first two arms are the empty program, once with each packet.
    for (size_t i = 2; i < ARMS; i++)
        for (int round = 0; round < rounds; round++)
            arms[i].ns[round] -= arms[i % 2].ns[round];
    for (size_t i = 0; i < ARMS; i++) {
        if (!did_its_work(&arms[i])) {
            fprintf(stderr, "%s %s did not count its packets\n", arms[i].object, arms[i].level);
            return 1;
        }
        print_arm(&arms[i], rounds, i < 2);
    }
    return 0;
}
