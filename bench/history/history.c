// SPDX-License-Identifier: GPL-2.0-only
/*
 * The history at size: events with synthetic times into a database, then the question of an
 * analyst, many times; and a stream of distinct events in real time. Everything is made from one
 * seed. JSON, one line a measurement.
 *
 *   grain_bench_history DIR [RAW_EVENTS] [REAL_SECONDS]
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <grain/error.h>
#include <grain/host_record.h>
#include <store/reader.h>
#include <store/store.h>

#define PATHS       200000
#define PROCESSES   20000
#define DAYS        30
#define DAY_NS      86400000000000ULL
#define FIRST_NS    (1767225600ULL * 1000000000) /* 2026-01-01 */
#define FLUSH_EVERY 100000
#define QUESTIONS   200
#define PASSWD      20 /* its rank among the paths */
#define STREAM_RATE 50000

static double cumulated[PATHS];
static char paths[PATHS][64];
static struct {
    char comm[16], exe[48], arguments[64], cgroup[96], container[65];
} texts[PROCESSES];
static struct grain_store_process processes[PROCESSES];
static uint64_t state = 0x9e3779b97f4a7c15ULL;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dULL;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint64_t wall_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "grain_bench_history: %s: %s\n", what, grain_error());
    exit(1);
}

static void make_paths(void)
{
    static const char *const roots[] = {"/usr/lib/x86_64-linux-gnu", "/var/lib/app/data",
                                        "/home/user/project/src", "/etc/service.d"};
    double sum = 0;

    for (int i = 0; i < PATHS; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%02x/file-%06d.dat", roots[i % 4], i % 251,
                       i);
        sum += 1.0 / (i + 1);
        cumulated[i] = sum;
    }
    strcpy(paths[PASSWD - 1], "/etc/passwd");
}

static void make_processes(void)
{
    for (int i = 0; i < PROCESSES; i++) {
        bool contained = i % 4 == 0;

        (void)snprintf(texts[i].comm, sizeof(texts[i].comm), "worker-%d", i % 300);
        (void)snprintf(texts[i].exe, sizeof(texts[i].exe), "/usr/bin/worker-%d", i % 300);
        (void)snprintf(texts[i].arguments, sizeof(texts[i].arguments), "worker%c--job=%d", 0,
                       i % 5000);
        (void)snprintf(texts[i].container, sizeof(texts[i].container), "%064x", i % 40);
        (void)snprintf(texts[i].cgroup, sizeof(texts[i].cgroup), "/system.slice/unit-%d.service",
                       i % 100);
        processes[i] = (struct grain_store_process){
            .start_ns = FIRST_NS - DAY_NS + (uint64_t)i * 1000000007,
            .pid = 1000 + (uint32_t)i,
            .ppid = 1,
            .uid = i % 7 ? 1000 + (uint32_t)(i % 50) : 0,
            .comm = texts[i].comm,
            .exe = texts[i].exe,
            .arguments = texts[i].arguments,
            .arguments_length = 7 + strlen(texts[i].arguments + 7) + 1,
            .cgroup = texts[i].cgroup,
            .container = contained ? texts[i].container : NULL,
        };
    }
}

/* By Zipf's law: the i-th path 1/i as often as the first. */
static size_t draw_path(void)
{
    double at = (double)(draw() >> 11) / 9007199254740992.0 * cumulated[PATHS - 1];
    size_t low = 0, high = PATHS - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cumulated[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A process has files of its own: one of sixteen that go with the path. */
static size_t draw_process(size_t path)
{
    return (path * 7919 + draw() % 16 * 1237) % PROCESSES;
}

struct access {
    size_t path, process;
    uint8_t operation;
    int32_t result;
    unsigned int repeats; /* a file is read in pieces */
};

static struct access draw_access(void)
{
    static const uint8_t operations[] = {GRAIN_HOST_OP_OPEN, GRAIN_HOST_OP_READ, GRAIN_HOST_OP_READ,
                                         GRAIN_HOST_OP_WRITE};
    struct access access = {.path = draw_path()};

    access.process = draw_process(access.path);
    access.operation = operations[draw() % 4];
    access.result = draw() % 50 ? 0 : -13;
    access.repeats = 1 + (unsigned int)(draw() % 5);
    return access;
}

static void append(struct grain_store *store, const struct access *access, uint64_t time_ns)
{
    struct grain_store_file file = {
        .time_ns = time_ns,
        .path = paths[access->path],
        .ino = 100000 + access->path,
        .dev = 8 << 20 | 1,
        .operation = access->operation,
        .bytes = access->operation == GRAIN_HOST_OP_OPEN ? 0 : 4096,
        .result = access->result,
    };

    grain_store_file(store, &processes[access->process], &file);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fill(const char *path, uint64_t events)
{
    struct grain_store_options options = {
        .size = sizeof(options),
        .now_ns = FIRST_NS,
        .max_age_ns = 40 * DAY_NS,
        .max_bytes = 40ULL << 30,
    };
    uint64_t counters[GRAIN_STORE_COUNTER_COUNT];
    uint64_t step = DAYS * DAY_NS / events, time_ns = FIRST_NS;
    double began = now(), cpu = cpu_seconds(), took;
    struct access access = {0};
    struct grain_store *store;

    if (grain_store_open(&store, path, &options))
        die(path);
    for (uint64_t i = 0; i < events; i++, time_ns += step) {
        if (!access.repeats)
            access = draw_access();
        access.repeats--;
        append(store, &access, time_ns);
        if (i % FLUSH_EVERY == FLUSH_EVERY - 1 && grain_store_sync(store, time_ns))
            die(path);
    }
    if (grain_store_sync(store, time_ns))
        die(path);
    took = now() - began;
    grain_store_counters(store, counters);
    printf("{\"what\":\"fill\",\"raw_events\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"seconds\":%.1f,\"cpu_seconds\":%.1f,\"raw_per_second\":%.0f,"
           "\"rows_per_second\":%.0f,\"bytes\":%" PRIu64 ",\"bytes_per_row\":%.1f}\n",
           events, counters[GRAIN_STORE_COUNTER_ROWS], counters[GRAIN_STORE_COUNTER_LOST], took,
           cpu_seconds() - cpu, (double)events / took,
           (double)counters[GRAIN_STORE_COUNTER_ROWS] / took, counters[GRAIN_STORE_COUNTER_BYTES],
           (double)counters[GRAIN_STORE_COUNTER_BYTES] /
               (double)counters[GRAIN_STORE_COUNTER_ROWS]);
    fflush(stdout);
    if (grain_store_close(store))
        die(path);
}

static int count_row(void *user, const struct grain_store_cell *cells, size_t count)
{
    (void)cells;
    (void)count;
    ++*(uint64_t *)user;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Each with a connection of its own, as a command has; windows of a day all over the month. */
static void ask(const char *path, const char *name, const char *asked)
{
    double took[QUESTIONS], cpu = cpu_seconds();
    uint64_t rows = 0;

    for (int i = 0; i < QUESTIONS; i++) {
        struct grain_store_filter filter = {
            .table = GRAIN_STORE_FILES, .path = asked, .operation = -1};
        struct grain_store_reader *reader;
        double began = now();

        filter.from_ns = FIRST_NS + draw() % ((DAYS - 1) * DAY_NS);
        filter.until_ns = filter.from_ns + DAY_NS;
        if (grain_store_reader_open(&reader, path) ||
            grain_store_select(reader, &filter, count_row, &rows))
            die(path);
        grain_store_reader_close(reader);
        took[i] = now() - began;
    }
    qsort(took, QUESTIONS, sizeof(took[0]), compare);
    printf("{\"what\":\"%s\",\"runs\":%d,\"rows_each\":%.0f,\"p50_ms\":%.2f,\"p95_ms\":%.2f,"
           "\"max_ms\":%.2f,\"cpu_ms\":%.2f}\n",
           name, QUESTIONS, (double)rows / QUESTIONS, took[QUESTIONS / 2] * 1e3,
           took[QUESTIONS * 95 / 100] * 1e3, took[QUESTIONS - 1] * 1e3,
           (cpu_seconds() - cpu) / QUESTIONS * 1e3);
    fflush(stdout);
}

/* Every event differs from all others of its minute. */
static void append_distinct(struct grain_store *store, uint64_t i)
{
    uint64_t path = i % PATHS, process = (i / PATHS + i) % PROCESSES;
    struct grain_store_file file = {.time_ns = wall_ns(),
                                    .path = paths[path],
                                    .ino = 100000 + path,
                                    .dev = 8 << 20 | 1,
                                    .operation = GRAIN_HOST_OP_READ,
                                    .bytes = 1};

    grain_store_file(store, &processes[process], &file);
}

static void stream(const char *path, unsigned int seconds)
{
    struct grain_store_options options = {.size = sizeof(options)};
    uint64_t counters[GRAIN_STORE_COUNTER_COUNT], sent = 0;
    double began, cpu, next = 1, took;
    struct grain_store *store;

    if (grain_store_open(&store, path, &options))
        die(path);
    began = now();
    cpu = cpu_seconds();
    while (sent < (uint64_t)STREAM_RATE * seconds) {
        double at = now() - began;
        uint64_t due = (uint64_t)(at * STREAM_RATE);

        for (; sent < due && sent < (uint64_t)STREAM_RATE * seconds; sent++)
            append_distinct(store, sent);
        if (at >= next) {
            grain_store_flush(store, 0);
            next = at + 1;
        }
        usleep(2000);
    }
    took = now() - began;
    cpu = cpu_seconds() - cpu;
    if (grain_store_sync(store, 0))
        die(path);
    grain_store_counters(store, counters);
    printf("{\"what\":\"stream\",\"seconds\":%.1f,\"events_per_second\":%.0f,\"appended\":%" PRIu64
           ",\"folded\":%" PRIu64 ",\"written\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"cpu_share\":%.2f,\"bytes\":%" PRIu64 "}\n",
           took, (double)sent / took, counters[GRAIN_STORE_COUNTER_APPENDED],
           counters[GRAIN_STORE_COUNTER_FOLDED], counters[GRAIN_STORE_COUNTER_WRITTEN],
           counters[GRAIN_STORE_COUNTER_LOST], cpu / took, counters[GRAIN_STORE_COUNTER_BYTES]);
    fflush(stdout);
    if (grain_store_close(store))
        die(path);
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000000;
    unsigned int seconds = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 60;
    char path[4096];

    if (argc < 2) {
        fputs("usage: grain_bench_history DIR [RAW_EVENTS] [REAL_SECONDS]\n", stderr);
        return 2;
    }
    make_paths();
    make_processes();
    (void)snprintf(path, sizeof(path), "%s/stream.db", argv[1]);
    if (seconds)
        stream(path, seconds);
    (void)snprintf(path, sizeof(path), "%s/history.db", argv[1]);
    if (!events)
        return 0;
    if (access(path, F_OK))
        fill(path, events);
    ask(path, "path, 24 h", "/etc/passwd");
    ask(path, "rank 1000, 24 h", paths[999]);
    return 0;
}
