// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same chain in userspace: the host engine over a capture in memory, and behind libpcap reading
 * a file that is in the page cache. The arms are interleaved; medians over the rounds, in processor
 * time.
 *
 *   userspace [--rounds N]
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <grain/engine.h>

#include "traffic.h"

#define PACKETS    65536
#define ROUNDS_MAX 99

static struct grain_frame frames[PACKETS];
static uint64_t bytes;
static char path[] = "/tmp/grain-bench-XXXXXX";

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "userspace: %s: %s\n", what, why);
    unlink(path);
    exit(1);
}

static void make_frames(void)
{
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint8_t frame[TRAFFIC_FRAME_MAX] = {0};
        size_t length = traffic_mixed(frame, i);
        uint8_t *copy = malloc(length);

        if (!copy)
            fail("frames", "no memory");
        memcpy(copy, frame, length);
        bytes += length;
        frames[i] = (struct grain_frame){
            .data = copy,
            .captured_length = length,
            .wire_length = length,
            .time_ns = 1700000000000000000ULL + i * 1000ULL,
            .number = i + 1,
        };
    }
}

static void write_capture(void)
{
    pcap_t *pcap =
        pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO);
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    pcap_dumper_t *dumper = pcap && file ? pcap_dump_fopen(pcap, file) : NULL;

    if (!dumper)
        fail(path, strerror(errno));
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct pcap_pkthdr header = {
            .ts = {frames[i].time_ns / 1000000000, frames[i].time_ns % 1000000000},
            .caplen = frames[i].captured_length,
            .len = frames[i].wire_length,
        };

        pcap_dump((u_char *)dumper, &header, frames[i].data);
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
}

static void run_memory(struct grain_engine *engine)
{
    for (uint32_t i = 0; i < PACKETS; i++)
        if (grain_engine_run(engine, &frames[i]))
            fail("engine", grain_engine_error(engine));
}

/* `engine` NULL: only read. */
static void run_file(struct grain_engine *engine)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
    struct pcap_pkthdr *header;
    const u_char *data;
    uint64_t number = 0;

    if (!pcap)
        fail(path, error);
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        struct grain_frame frame = {
            .data = data,
            .captured_length = header->caplen,
            .wire_length = header->len,
            .time_ns = header->ts.tv_sec * 1000000000ULL + header->ts.tv_usec,
            .number = ++number,
        };

        if (engine && grain_engine_run(engine, &frame))
            fail("engine", grain_engine_error(engine));
    }
    pcap_close(pcap);
    if (number != PACKETS)
        fail(path, "packets are missing");
}

enum arm { ARM_MEMORY, ARM_READ, ARM_FILE, ARMS };

static double run(enum arm arm, struct grain_engine *engine)
{
    struct timespec before, after;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    if (arm == ARM_MEMORY)
        run_memory(engine);
    else
        run_file(arm == ARM_FILE ? engine : NULL);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return ((after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec)) / PACKETS;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void check_names(struct grain_engine *engine, int passes)
{
    struct grain_engine_counts counts;

    if (grain_engine_counts(engine, &counts))
        fail("engine", grain_engine_error(engine));
    if (counts.names[GRAIN_NAME_DNS_QUERY] < (uint64_t)passes * PACKETS * 38 / 100)
        fail("engine", "names are missing");
}

int main(int argc, char **argv)
{
    static const char *const titles[ARMS] = {"capture in memory, host engine", "libpcap alone",
                                             "libpcap, host engine"};
    struct grain_engine_options options = {
        .size = sizeof(options), .kind = GRAIN_ENGINE_HOST, .ethernet = true};
    long rounds = argc == 3 && !strcmp(argv[1], "--rounds") ? strtol(argv[2], NULL, 10) : 11;
    static double ns[ARMS][ROUNDS_MAX];
    struct grain_engine *engine;
    cpu_set_t set;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    CPU_ZERO(&set);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        fail("sched_setaffinity", strerror(errno));
    if (grain_engine_new(&engine, &options))
        fail("engine", grain_engine_error(NULL));
    make_frames();
    write_capture();
    run(ARM_FILE, engine);
    for (int round = 0; round < rounds; round++)
        for (int arm = 0; arm < ARMS; arm++)
            ns[arm][round] = run(arm, engine);
    unlink(path);
    check_names(engine, 1 + 2 * (int)rounds);
    printf("capture\t%u\t%.0f\n", PACKETS, (double)bytes / PACKETS);
    for (int arm = 0; arm < ARMS; arm++) {
        qsort(ns[arm], rounds, sizeof(double), compare);
        printf("userspace\t%s\t%.1f\t%.1f\t%.1f\t%.2f\n", titles[arm], ns[arm][rounds / 2],
               ns[arm][rounds / 4], ns[arm][rounds * 3 / 4], 1000 / ns[arm][rounds / 2]);
    }
    grain_engine_free(engine);
    return 0;
}
