// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the shipping chain costs a packet, on this machine's kernel.
 *
 * Each row has its traffic: thousands of different packets that drive.bpf.c puts into the frame one
 * after the other. The arms of a row are interleaved, round by round: an empty program, the driver
 * alone, the driver with the chain, and the chain on one packet that is always the same. A figure
 * is the slope between a short and a long run, in processor time of this thread; what is printed is
 * the median over the rounds of (empty + driver with chain - driver alone).
 */
#include <errno.h>
#include <getopt.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <grain/config.h>
#include <grain/cpu.h>
#include <grain/flow.h>
#include <grain/limits.h>

#include "drive.h"
#include "drive.skel.h"
#include "rows.h"

#define ROUNDS_MAX 99
#define RING_PAGES 4096 /* 16 MB */
#define RING_PAUSE 50   /* microseconds between two looks of the reader */

enum arm { ARM_EMPTY, ARM_COPY, ARM_GRAIN, ARM_PLAIN, ARMS };

static struct {
    int rounds;
    uint32_t brief, longer; /* repeats */
    int cpu, reader_cpu;
    uint32_t different; /* packets in turn */
    const char *only;
} options = {.different = DRIVE_PACKETS, .rounds = 11, .brief = 50000, .longer = 550000};

/* The reader of the perf ring. */
static struct {
    pthread_t thread;
    struct perf_buffer *ring;
    struct perf_event_mmap_page *page;
    bool stop;
} reader;

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
    return level == LIBBPF_WARN && getenv("GRAIN_BENCH_DEBUG") ? vfprintf(stderr, format, arguments)
                                                               : 0;
}

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
        fail("cannot stay on CPU %d", cpu);
}

static enum bpf_perf_event_ret no_event(void *user, int cpu, struct perf_event_header *event)
{
    (void)user;
    (void)cpu;
    (void)event;
    return LIBBPF_PERF_EVENT_CONT;
}

/* Takes everything that is in the ring, from time to time, and looks at none of it. */
static void *reader_run(void *unused)
{
    struct timespec pause = {.tv_nsec = RING_PAUSE * 1000};

    (void)unused;
    stay_on(options.reader_cpu);
    /* It mostly sleeps; when it wants to run, other work shall not keep it from it. */
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
    while (!__atomic_load_n(&reader.stop, __ATOMIC_RELAXED)) {
        uint64_t head = __atomic_load_n(&reader.page->data_head, __ATOMIC_ACQUIRE);

        __atomic_store_n(&reader.page->data_tail, head, __ATOMIC_RELEASE);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void reader_start(struct drive *drive)
{
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_BPF_OUTPUT,
        .sample_type = PERF_SAMPLE_RAW,
        .sample_period = 1,
        .watermark = 1,
        .wakeup_watermark = RING_PAGES * 4096 / 4,
    };
    int key = options.cpu;
    LIBBPF_OPTS(perf_buffer_raw_opts, raw, .cpu_cnt = 1, .cpus = &options.cpu, .map_keys = &key);
    size_t size;
    void *page;

    reader.ring = perf_buffer__new_raw(bpf_map__fd(drive->maps.grain_events), RING_PAGES, &attr,
                                       no_event, NULL, &raw);
    if (!reader.ring)
        fail("cannot open a perf ring: %s", strerror(errno));
    perf_buffer__buffer(reader.ring, 0, &page, &size);
    reader.page = page;
    reader.stop = false;
    if (pthread_create(&reader.thread, NULL, reader_run, NULL))
        fail("cannot start the reader");
}

static void reader_stop(void)
{
    __atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
    pthread_join(reader.thread, NULL);
    perf_buffer__free(reader.ring);
}

/* Does a row of the same object run the chain on one packet? */
static bool needs_plain(const struct row *row)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].blocks == row->blocks && rows[i].stamp == row->stamp && !rows[i].no_same)
            return true;
    return false;
}

static struct drive *load(const struct row *row)
{
    struct drive *drive = drive__open();

    if (!drive)
        fail("cannot open the drive program: %s", strerror(errno));
    /* As the library does. */
    drive->rodata->grain_load.xdp_load_bytes =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
    drive->rodata->drive_blocks = row->blocks;
    drive->rodata->drive_stamp = row->stamp;
    bpf_program__set_autoload(drive->progs.drive_plain, needs_plain(row));
    bpf_map__set_value_size(drive->maps.drive_packets, row->blocks * DRIVE_BLOCK);
    if (drive__load(drive))
        fail("the drive program does not load: %s", strerror(errno));
    return drive;
}

static void set_config(struct drive *drive, const struct row *row)
{
    struct grain_config config = {
        .abi = GRAIN_ABI_VERSION,
        .stages = GRAIN_STAGE_ALL,
        .ticks_per_second = 250,
        .flow_timeout = 1 << 30,
        .sample = row->sample,
        .snap_length = 65535,
    };
    static struct grain_hash_key key;
    static bool have_key;
    uint32_t zero = 0;

    if (!have_key && getrandom(&key, sizeof(key), 0) != sizeof(key))
        fail("no random bytes");
    have_key = true;
    config.key = key;
    if (bpf_map_update_elem(bpf_map__fd(drive->maps.grain_config_map), &zero, &config, BPF_ANY))
        fail("cannot write the configuration: %s", strerror(errno));
}

static void fill_packets(struct drive *drive, const struct row *row)
{
    int map = bpf_map__fd(drive->maps.drive_packets);

    for (uint32_t i = 0; i < DRIVE_PACKETS; i++) {
        uint8_t frame[TRAFFIC_FRAME_MAX] = {0};
        size_t length = row->traffic(frame, i);

        if (length > row->frame)
            fail("%s: packet %u has %zu bytes", row->name, i, length);
        if (bpf_map_update_elem(map, &i, frame, BPF_ANY))
            fail("cannot store the packets: %s", strerror(errno));
    }
}

/* Packet numbers by Zipf's law with exponent 1: drawn from the sums of 1/rank. */
static void draw_zipf(uint16_t *packets)
{
    static double sums[DRIVE_PACKETS];
    double sum = 0;

    for (uint32_t i = 0; i < DRIVE_PACKETS; i++)
        sums[i] = sum += 1.0 / (i + 1);
    for (uint32_t i = 0; i < DRIVE_ORDER; i++) {
        double at = drand48() * sum;
        uint32_t low = 0, high = DRIVE_PACKETS - 1;

        while (low < high) {
            uint32_t middle = (low + high) / 2;

            if (sums[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        packets[i] = low;
    }
}

static void fill_order(struct drive *drive, const struct row *row)
{
    static struct drive_order order;
    uint32_t zero = 0;

    srand48(1);
    order.next = 0;
    for (uint32_t i = 0; i < DRIVE_ORDER; i++)
        order.packets[i] = i % options.different;
    for (uint32_t i = DRIVE_ORDER - 1; i > 0 && row->order == ORDER_UNIFORM; i--) {
        uint32_t other = lrand48() % (i + 1);
        uint16_t swap = order.packets[i];

        order.packets[i] = order.packets[other];
        order.packets[other] = swap;
    }
    for (uint32_t i = DRIVE_ORDER / 2 - 1; i > 0 && row->order == ORDER_PAIRS; i--) {
        uint32_t other = lrand48() % (i + 1);
        uint16_t swap[2];

        memcpy(swap, order.packets + 2 * i, sizeof(swap));
        memcpy(order.packets + 2 * i, order.packets + 2 * other, sizeof(swap));
        memcpy(order.packets + 2 * other, swap, sizeof(swap));
    }
    if (row->order == ORDER_ZIPF)
        draw_zipf(order.packets);
    if (bpf_map_update_elem(bpf_map__fd(drive->maps.drive_orders), &zero, &order, BPF_ANY))
        fail("cannot store the order: %s", strerror(errno));
}

static double run(int program, uint8_t *frame, uint32_t length, uint32_t repeat)
{
    LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame, .data_size_in = length,
                .repeat = repeat);
    struct timespec before, after;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    if (bpf_prog_test_run_opts(program, &test))
        fail("test-run: %s", strerror(errno));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    if (test.retval != 2)
        fail("a packet did not pass");
    return (after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec);
}

static uint32_t flows_pending(struct drive *drive)
{
    int map = bpf_map__fd(drive->maps.grain_flow_tags);
    uint32_t count = 0;

    for (uint32_t i = 0; i < GRAIN_FLOW_BUCKETS_DEFAULT; i++) {
        struct grain_flow_tags tags;

        if (bpf_map_lookup_elem(map, &i, &tags))
            fail("cannot read the flows: %s", strerror(errno));
        for (int way = 0; way < GRAIN_FLOW_WAYS; way++)
            count += tags.tags[way] != 0;
    }
    return count;
}

static void make_pending(struct drive *drive, uint32_t wanted)
{
    for (uint32_t i = 0; flows_pending(drive) < wanted; i++) {
        uint8_t frame[TRAFFIC_FRAME_MAX] = {0};
        size_t length = traffic_hello_half(frame, i);

        if (i > 100 * wanted)
            fail("cannot make %u flows pending", wanted);
        run(bpf_program__fd(drive->progs.drive_plain), frame, length, 1);
    }
}

struct tally {
    uint64_t packets[GRAIN_DISPOSITION_MAX];
    uint64_t counters[GRAIN_COUNTER_MAX];
};

static void read_tally(struct drive *drive, struct tally *out)
{
    int cpus = libbpf_num_possible_cpus();
    struct grain_totals *totals = calloc(cpus, sizeof(*totals));
    struct grain_cpu *scratch = calloc(cpus, sizeof(*scratch));
    uint32_t zero = 0;

    memset(out, 0, sizeof(*out));
    if (!totals || !scratch ||
        bpf_map_lookup_elem(bpf_map__fd(drive->maps.grain_totals_map), &zero, totals) ||
        bpf_map_lookup_elem(bpf_map__fd(drive->maps.grain_cpu_map), &zero, scratch))
        fail("cannot read the counters: %s", strerror(errno));
    for (int cpu = 0; cpu < cpus; cpu++) {
        for (int i = 0; i < GRAIN_DISPOSITION_MAX; i++)
            out->packets[i] += totals[cpu].packets[i];
        for (int i = 0; i < GRAIN_COUNTER_MAX; i++)
            out->counters[i] += scratch[cpu].counters[i];
    }
    free(totals);
    free(scratch);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

struct spread {
    double low, median, high; /* quartiles */
};

static struct spread spread_of(const double *values, int count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    return (struct spread){sorted[count / 4], sorted[count / 2], sorted[count * 3 / 4]};
}

struct result {
    struct spread empty, copy, total, above, same;
    double ratio; /* of total to empty, median over the rounds */
    double sent;  /* share of the events */
};

static void time_rounds(struct drive *drive, const struct row *row, struct result *out)
{
    const int programs[ARMS] = {
        bpf_program__fd(drive->progs.drive_empty), bpf_program__fd(drive->progs.drive_copy),
        bpf_program__fd(row->bare ? drive->progs.drive_event : drive->progs.drive_grain),
        bpf_program__fd(drive->progs.drive_plain)};
    static double ns[ARMS][ROUNDS_MAX], total[ROUNDS_MAX], above[ROUNDS_MAX], ratio[ROUNDS_MAX];
    uint32_t packets = row->packets ? row->packets : 1;
    uint8_t frame[TRAFFIC_FRAME_MAX];

    for (int round = 0; round < options.rounds; round++) {
        for (int arm = 0; arm < ARMS; arm++) {
            double brief, longer;

            if (arm == ARM_PLAIN && row->no_same)
                continue;
            memset(frame, 0, sizeof(frame));
            row->traffic(frame, 0);
            brief = run(programs[arm], frame, row->frame, options.brief);
            longer = run(programs[arm], frame, row->frame, options.longer);
            ns[arm][round] = (longer - brief) / (options.longer - options.brief) * packets;
        }
        above[round] = ns[ARM_GRAIN][round] - ns[ARM_COPY][round];
        total[round] = ns[ARM_EMPTY][round] + above[round];
        ratio[round] = total[round] / ns[ARM_EMPTY][round];
    }
    out->empty = spread_of(ns[ARM_EMPTY], options.rounds);
    out->copy = spread_of(ns[ARM_COPY], options.rounds);
    out->same = spread_of(ns[ARM_PLAIN], options.rounds);
    out->above = spread_of(above, options.rounds);
    out->total = spread_of(total, options.rounds);
    out->ratio = spread_of(ratio, options.rounds).median;
}

/* An arm that did something else would look fast. */
static void check_work(const struct row *row, const struct tally *before, const struct tally *after)
{
    uint64_t all = 0, other = 0;

    for (uint32_t i = 0; i < GRAIN_DISPOSITION_MAX; i++) {
        uint64_t count = after->packets[i] - before->packets[i];
        bool expected = row->disposition
                            ? i == row->disposition ||
                                  (row->packets == 2 && i == GRAIN_DISPOSITION_TLS_HELLO_PART)
                            : i == GRAIN_DISPOSITION_TCP_OTHER || i == GRAIN_DISPOSITION_UDP_OTHER;

        all += count;
        other += expected || row->any ? 0 : count;
    }
    if (other * 1000 > all)
        fail("%s: %llu of %llu packets were not what they should be", row->name,
             (unsigned long long)other, (unsigned long long)all);
}

static double share_sent(const struct tally *before, const struct tally *after)
{
    uint64_t sent =
        after->counters[GRAIN_COUNTER_EVENTS_SENT] - before->counters[GRAIN_COUNTER_EVENTS_SENT];
    uint64_t seen =
        after->counters[GRAIN_COUNTER_EVENTS_SEEN] - before->counters[GRAIN_COUNTER_EVENTS_SEEN];

    /* Without the chain nothing is seen; what is not sent counts as refused. */
    if (!seen)
        seen = sent + after->counters[GRAIN_COUNTER_EVENTS_RING_FULL] -
               before->counters[GRAIN_COUNTER_EVENTS_RING_FULL];
    return seen ? (double)sent / seen : 0;
}

/* A row for run.sh: fields separated by tabs. */
static void print_result(const struct row *row, const struct result *r)
{
    double judged = row->above ? r->above.median : r->total.median;
    const char *verdict = row->bar == 0 ? "" : judged <= row->bar ? "met" : "missed";

    if (row->events && r->sent < 0.99)
        verdict = "events lost";
    printf("row\t%s\t%s\t%s%.0f\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%.3f\n",
           row->name, row->title, row->above ? "empty + " : "", row->bar, verdict, r->empty.median,
           r->total.median, r->total.low, r->total.high, r->above.median, r->above.low,
           r->above.high, r->ratio, row->no_same ? 0 : r->same.median, r->sent);
    fflush(stdout);
}

static bool wanted(const struct row *row)
{
    const char *at = options.only;
    size_t length = strlen(row->name);

    while (at && *at) {
        size_t word = strcspn(at, ",");

        if (word == length && !strncmp(at, row->name, length))
            return true;
        at += word + (at[word] == ',');
    }
    return !options.only;
}

static void time_row(struct drive *drive, const struct row *row)
{
    struct tally before, after;
    uint8_t frame[TRAFFIC_FRAME_MAX] = {0};
    struct result result;

    set_config(drive, row);
    fill_packets(drive, row);
    fill_order(drive, row);
    if (row->pending)
        make_pending(drive, row->pending);
    if (row->events)
        reader_start(drive);
    /* Everything known that will be known, every table where it will be. */
    row->traffic(frame, 0);
    run(bpf_program__fd(drive->progs.drive_grain), frame, row->frame, 2 * DRIVE_ORDER);
    read_tally(drive, &before);
    time_rounds(drive, row, &result);
    read_tally(drive, &after);
    if (row->events)
        reader_stop();
    check_work(row, &before, &after);
    result.sent = share_sent(&before, &after);
    print_result(row, &result);
}

static void time_rows(void)
{
    struct drive *drive = NULL;
    const struct row *loaded = NULL;

    for (size_t i = 0; i < row_count; i++) {
        if (!wanted(&rows[i]))
            continue;
        if (!loaded || loaded->blocks != rows[i].blocks || loaded->stamp != rows[i].stamp) {
            drive__destroy(drive);
            drive = load(&rows[i]);
            loaded = &rows[i];
        }
        time_row(drive, &rows[i]);
    }
    drive__destroy(drive);
}

/* How much of the time that this thread wanted the processor, it had it. */
static void print_share(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    unsigned long long ran, waited;
    char line[128], *end;

    if (!file || !fgets(line, sizeof(line), file))
        fail("cannot read the scheduler's statistics");
    ran = strtoull(line, &end, 10);
    waited = strtoull(end, NULL, 10);
    if (!ran)
        fail("cannot read the scheduler's statistics");
    fclose(file);
    printf("share\t%.3f\n", (double)ran / (ran + waited));
}

static uint32_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end || value > INT32_MAX)
        fail("%s is no number", text);
    return value;
}

static void read_options(int argc, char **argv)
{
    static const struct option list[] = {{"rounds", required_argument, NULL, 'r'},
                                         {"repeat", required_argument, NULL, 'n'},
                                         {"only", required_argument, NULL, 'o'},
                                         {"different", required_argument, NULL, 'd'},
                                         {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (option == 'r')
            options.rounds = number(optarg);
        else if (option == 'n')
            options.longer = number(optarg);
        else if (option == 'd')
            options.different = number(optarg);
        else if (option == 'o')
            options.only = optarg;
        else
            exit(2);
    }
    options.brief = options.longer / 11;
    if (options.rounds < 1 || options.rounds > ROUNDS_MAX || options.longer < 1000)
        fail("rounds from 1 to %d, repeats from 1000", ROUNDS_MAX);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    libbpf_set_print(quiet);
    options.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    options.reader_cpu = 0;
    stay_on(options.cpu);
    time_rows();
    print_share();
    return 0;
}
