// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events through the agent on one CPU: from a record to an item with its tags, through a pipeline,
 * a queue and a sink.
 *
 *   grain_bench_agent null|json|statsd|parse [EVENTS [RATE]]
 *
 * parse: only from the record to the item. null: a pipeline whose batches are thrown away. json: to
 * a file in memory, begun anew after 64 MiB. statsd: counted by name in the pipeline and sent each
 * 100 ms to a socket of its own that nobody reads. RATE: events a second; without it, as fast as
 * possible. Prints events, nanoseconds of time and of processor time, resident bytes, and what the
 * sink told, to standard error.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <agent/event.h>
#include <agent/pipeline.h>
#include <agent/sink_json.h>
#include <agent/sink_statsd.h>
#include <agent/steps.h>
#include <grain/engine.h>
#include <grain/error.h>

#include "traffic.h"

#define RECORDS     4096
#define QUEUE_BYTES (16 << 20)
#define BURST       256

struct kept {
    struct grain_record record;
    uint8_t bytes[512];
    size_t length;
};

static char path[64];

static struct kept records[RECORDS];
static size_t count;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "grain_bench_agent: %s: %s\n", what, why);
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int on_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                     size_t length)
{
    (void)user;
    if (count < RECORDS && length <= sizeof(records[0].bytes)) {
        records[count].record = *record;
        memcpy(records[count].bytes, bytes, length);
        records[count++].length = length;
    }
    return 0;
}

/* What the chain says of queries, as it comes out of the kernel's ring. */
static void make_records(void)
{
    const struct grain_engine_options options = {.size = sizeof(options),
                                                 .kind = GRAIN_ENGINE_HOST,
                                                 .ethernet = true,
                                                 .events = true,
                                                 .seed = 1,
                                                 .on_record = on_record};
    struct grain_engine *engine;

    if (grain_engine_new(&engine, &options))
        fail("engine", grain_engine_error(NULL));
    for (uint32_t i = 0; count < RECORDS && i < 100 * RECORDS; i++) {
        uint8_t frame[TRAFFIC_FRAME_MAX] = {0};
        uint32_t length = (uint32_t)traffic_mixed(frame, i);
        const struct grain_frame one = {.data = frame,
                                        .captured_length = length,
                                        .wire_length = length,
                                        .time_ns = 1700000000000000000ULL + i * 1000ULL,
                                        .number = i + 1};

        if (grain_engine_run(engine, &one) || grain_engine_drain(engine))
            fail("engine", grain_engine_error(engine));
    }
    grain_engine_free(engine);
    if (!count)
        fail("records", "none");
}

static uint16_t unread_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        fail("socket", strerror(errno));
    return ntohs(address.sin_port);
}

static struct grain_sink *make_sink(const char *kind)
{
    const struct grain_sink_options options = {.name = kind, .queue = {.size = QUEUE_BYTES}};
    const struct grain_json_settings json = {.target = path, .rotate_bytes = 64 << 20};
    char address[32];
    const struct grain_statsd_settings statsd = {.address = address, .format = GRAIN_STATSD_DOG};
    struct grain_sink *sink;
    void *state;
    int error;

    snprintf(path, sizeof(path), "/dev/shm/grain-bench-%d", (int)getpid());
    if (!strcmp(kind, "statsd")) {
        snprintf(address, sizeof(address), "127.0.0.1:%u", unread_socket());
        error = grain_statsd_new(&state, &statsd);
        if (!error)
            error = grain_sink_new(&sink, &grain_sink_statsd, state, &options);
    } else {
        error = grain_json_new(&state, &json);
        if (!error)
            error = grain_sink_new(&sink, &grain_sink_json, state, &options);
    }
    if (error)
        fail(kind, grain_error());
    return sink;
}

static struct grain_pipeline *make_pipeline(const char *kind, struct grain_sink *sink)
{
    static const char *const by[] = {"qname", "sni", NULL};
    const struct grain_aggregate_settings aggregate = {
        .interval_ns = 1000000000, .events_by = by, .series = 100000};
    struct grain_pipeline *pipeline;
    struct grain_step *step;

    if (grain_pipeline_new(&pipeline, "bench", 0))
        fail("pipeline", grain_error());
    if (!strcmp(kind, "statsd") &&
        (grain_step_aggregate(&step, &aggregate) || grain_pipeline_add_step(pipeline, step)))
        fail("step", grain_error());
    if (sink && grain_pipeline_add_sink(pipeline, sink))
        fail("pipeline", grain_error());
    return pipeline;
}

/* The queue is no bottle's neck here: wait for room. */
static void wait_for_room(struct grain_sink *sink)
{
    struct grain_sink_counts counts;

    for (;;) {
        grain_sink_counts(sink, &counts);
        if (counts.queue.bytes < counts.queue.size / 2)
            return;
        usleep(100);
    }
}

static void take(struct grain_pipeline *pipeline, uint64_t i, uint64_t now)
{
    const struct kept *kept = &records[i % count];
    struct grain_event_text text;
    struct grain_message message;
    struct grain_item item;

    text.room = NULL;
    if (grain_event_item(&item, &text, &message, &kept->record, kept->bytes, kept->length, "eth0",
                         now))
        fail("record", "not readable");
    if (pipeline)
        grain_pipeline_take(pipeline, &item);
}

static void flush(struct grain_pipeline *pipeline, struct grain_sink *sink, uint64_t now, bool end)
{
    static uint64_t sequence;

    if (!pipeline)
        return;
    grain_pipeline_flush(pipeline, now, end);
    grain_pipeline_number(pipeline, &sequence);
    if (sink)
        wait_for_room(sink);
    (void)grain_pipeline_put(pipeline);
}

/* Behind when it should have been: events of a rate. */
static void keep_rate(uint64_t done, uint64_t rate, uint64_t start)
{
    uint64_t due = rate ? start + done * 1000000000 / rate : 0, now = clock_ns(CLOCK_MONOTONIC);

    if (due > now)
        usleep((useconds_t)((due - now) / 1000));
}

/* Resident pages, the second number of statm. */
static uint64_t resident(void)
{
    FILE *stream = fopen("/proc/self/statm", "r");
    const char *second = NULL;
    char line[128];

    if (stream && fgets(line, sizeof(line), stream))
        second = strchr(line, ' ');
    if (stream)
        fclose(stream);
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "json";
    uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t rate = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    bool parse = !strcmp(kind, "parse"), none = parse || !strcmp(kind, "null");
    struct grain_sink *sink = none ? NULL : make_sink(kind);
    struct grain_pipeline *pipeline = parse ? NULL : make_pipeline(kind, sink);
    struct grain_sink_counts counts = {.queue = {.sent = 0}};
    uint64_t start, cpu, left = 0;

    make_records();
    start = clock_ns(CLOCK_MONOTONIC);
    cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < events; i++) {
        take(pipeline, i, 1700000000000000000ULL + (clock_ns(CLOCK_MONOTONIC) - start));
        if (i % BURST == BURST - 1) {
            flush(pipeline, sink, 1700000000000000000ULL + (clock_ns(CLOCK_MONOTONIC) - start),
                  false);
            keep_rate(i, rate, start);
        }
    }
    flush(pipeline, sink, 1700000000000000000ULL + 3600000000000ULL, true);
    while (sink) {
        grain_sink_counts(sink, &counts);
        if (!counts.queue.waiting)
            break;
        usleep(100);
    }
    fprintf(stderr,
            "events %" PRIu64 " wall %" PRIu64 " cpu %" PRIu64 " rss %" PRIu64 " sent %" PRIu64
            " dropped %" PRIu64 "\n",
            events, clock_ns(CLOCK_MONOTONIC) - start, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu,
            resident(), counts.queue.sent, counts.queue.dropped);
    if (sink)
        grain_sink_drain(sink, clock_ns(CLOCK_MONOTONIC) + 1000000000);
    (void)grain_sink_free(sink, &left);
    grain_pipeline_free(pipeline);
    if (*path)
        unlink(path);
    return 0;
}
