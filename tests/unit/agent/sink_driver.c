// SPDX-License-Identifier: GPL-2.0-only
/*
 * One sink, told what to do by lines on standard input, for tests in Python. Answers are lines on
 * descriptor 3, since standard output may be the sink's.
 *
 *   sink_driver TYPE KEY=VALUE...
 *
 *   put FIRST COUNT BATCH   counters "items" with the tag id=N, BATCH items a batch     -> ok
 *   mixed                   one item of each kind, with hostile texts                   -> ok
 *   counts                  -> one line of JSON
 *   memory                  bytes in use and bytes resident; 0 where a sanitizer has an allocator
 *                           of its own, which tells of leaks at the end   -> one line of JSON
 *   reopen                                                                              -> ok
 *   free MS                 drain for so long, end          -> "left N" or "hangs"
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <agent/json_write.h>
#include <agent/sink_console.h>
#include <agent/sink_http.h>
#include <agent/sink_json.h>
#include <agent/sink_prometheus.h>
#include <agent/sink_s3.h>
#include <agent/sink_statsd.h>
#include <grain/error.h>

#define ANSWER_FD 3
/* 2026-01-31T12:00:00Z; an item is a microsecond later than the one before. */
#define TIME_NS 1769860800000000000ULL

static char **options;
static struct grain_sink *sink;
static uint64_t sequence;

__attribute__((format(printf, 1, 2))) static void answer(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vdprintf(ANSWER_FD, format, arguments);
    va_end(arguments);
}

__attribute__((noreturn)) static void die(const char *what)
{
    answer("error %s: %s\n", what, grain_error());
    exit(1);
}

static const char *option(const char *key)
{
    size_t length = strlen(key);

    for (char **at = options; *at; at++)
        if (!strncmp(*at, key, length) && (*at)[length] == '=')
            return *at + length + 1;
    return NULL;
}

static uint64_t number(const char *key)
{
    const char *text = option(key);

    return text ? strtoull(text, NULL, 10) : 0;
}

/* ---- types ---- */

static int new_json(void **out)
{
    const struct grain_json_settings settings = {
        .target = option("target"),
        .rotate_bytes = number("rotate"),
        .keep = (uint32_t)number("keep"),
    };

    return grain_json_new(out, &settings);
}

static int new_http(void **out)
{
    const char *headers[] = {option("header"), NULL};
    const struct grain_http_settings settings = {
        .url = option("target"),
        .headers = headers,
        .gzip = number("gzip") != 0,
        .ca = option("ca"),
        .body_bytes = number("body"),
        .timeout_s = (uint32_t)number("timeout"),
        .retry_after_most_s = (uint32_t)number("pause"),
    };

    return grain_http_new(out, &settings);
}

static int new_prometheus(void **out)
{
    const struct grain_prometheus_settings settings = {
        .address = option("target"),
        .series = (uint32_t)number("series"),
        .expire_s = (uint32_t)number("expire"),
    };

    return grain_prometheus_new(out, &settings);
}

static int new_s3(void **out)
{
    const struct grain_s3_settings settings = {
        .endpoint = option("target"),
        .region = option("region"),
        .bucket = option("bucket"),
        .prefix = option("prefix"),
        .host = option("host"),
        .access_key = option("access_key"),
        .secret_key = option("secret_key"),
        .profile = option("profile"),
        .credentials_file = option("credentials"),
        .object_bytes = number("object"),
        .timeout_s = (uint32_t)number("timeout"),
    };

    return grain_s3_new(out, &settings);
}

static int new_console(void **out)
{
    const struct grain_console_settings settings = {.utc = true};

    return grain_console_new(out, &settings);
}

static int new_statsd(void **out)
{
    const struct grain_statsd_settings settings = {
        .address = option("target"),
        .format = GRAIN_STATSD_DOG,
        .payload = (uint32_t)number("payload"),
    };

    return grain_statsd_new(out, &settings);
}

static const struct {
    const struct grain_sink_type *type;
    int (*make)(void **out);
} types[] = {
    {&grain_sink_console, new_console}, {&grain_sink_http, new_http},
    {&grain_sink_json, new_json},       {&grain_sink_prometheus, new_prometheus},
    {&grain_sink_s3, new_s3},           {&grain_sink_statsd, new_statsd},
};

static void open_sink(const char *name)
{
    struct grain_sink_options settings = {
        .name = name,
        .queue = {.path = option("queue"),
                  .size = number("size"),
                  .drop_newest = number("drop_newest") != 0},
        .retry_least_ns = 10000000,
        .retry_most_ns = 50000000,
    };
    void *state;

    if (!settings.queue.size)
        settings.queue.size = 8 << 20;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].type->name, name) != 0)
            continue;
        if (types[i].make(&state))
            die("settings");
        if (grain_sink_new(&sink, types[i].type, state, &settings))
            die("sink");
        sequence = grain_sink_sequence(sink);
        return;
    }
    answer("error no type %s\n", name);
    exit(2);
}

/* ---- items ---- */

static void put_batch(struct grain_batch *batch)
{
    if (batch->items && grain_sink_put(sink, ++sequence, batch))
        die("put");
    grain_batch_clear(batch);
}

static void add(struct grain_batch *batch, const struct grain_item *item)
{
    if (grain_batch_add(batch, item))
        die("batch");
}

static void put(uint64_t first, uint64_t count, uint32_t size)
{
    struct grain_batch batch = {0};
    char id[24];

    for (uint64_t i = first; i < first + count; i++) {
        struct grain_item item = {.kind = GRAIN_ITEM_COUNTER,
                                  .name = "items",
                                  .unit = "1",
                                  .time_ns = TIME_NS + 1000 * i,
                                  .count = 1};

        (void)snprintf(id, sizeof(id), "%" PRIu64, i);
        (void)grain_item_set_tag(&item, "id", id);
        add(&batch, &item);
        if (batch.items == size)
            put_batch(&batch);
    }
    put_batch(&batch);
    grain_batch_free(&batch);
}

/* A value for each way in which a name can be hostile. */
static void put_mixed(void)
{
    static const char *const texts[] = {
        "\033[31m",           "\342\200\256", "a\nb", "\377\300",
        "=cmd|' /C calc'!A0", "\"'\\`{}<>",   "",     "\t,;:|#@ ",
    };
    struct grain_batch batch = {0};
    struct grain_item item = {.unit = "seconds", .time_ns = TIME_NS, .count = 2, .number = 0.5};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        item.tag_count = 0;
        item.kind = (enum grain_item_kind)(i % GRAIN_ITEM_EVENT);
        item.name = grain_item_kind_name(item.kind);
        item.member = item.kind == GRAIN_ITEM_SET ? texts[i] : NULL;
        (void)grain_item_set_tag(&item, "text", texts[i]);
        add(&batch, &item);
    }
    put_batch(&batch);
    grain_batch_free(&batch);
}

/* ---- commands ---- */

static void counts(void)
{
    struct grain_sink_counts now;
    struct grain_json w = {0};

    grain_sink_counts(sink, &now);
    grain_json_object(&w, NULL);
#define PUT(name) grain_json_number(&w, #name, now.queue.name)
    PUT(queued);
    PUT(sent);
    PUT(skipped);
    PUT(refused);
    PUT(dropped);
    PUT(corrupt);
    PUT(uncertain);
    PUT(retried);
    PUT(waiting);
#undef PUT
    grain_json_text(&w, "error", now.error);
    grain_json_end_object(&w);
    if (grain_json_end_line(&w))
        die("memory");
    answer("%.*s", (int)w.length, w.text);
    grain_json_free(&w);
}

/* Of all threads' heaps, and of what is too large for them. */
static uint64_t used_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static uint64_t resident_bytes(void)
{
    FILE *stream = fopen("/proc/self/statm", "re");
    const char *second = NULL;
    char line[128];

    if (stream && fgets(line, sizeof(line), stream))
        second = strchr(line, ' ');
    if (!second)
        die("statm");
    (void)fclose(stream);
    return strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void memory(void)
{
#ifdef __SANITIZE_ADDRESS__
    const bool own = true;
#else
    const bool own = false;
#endif

    answer("{\"used\": %" PRIu64 ", \"resident\": %" PRIu64 "}\n", own ? 0 : used_bytes(),
           own ? 0 : resident_bytes());
}

static void finish(uint64_t ms)
{
    struct timespec now;
    uint64_t left;

    clock_gettime(CLOCK_MONOTONIC, &now);
    grain_sink_drain(sink,
                     (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ms * 1000000);
    if (grain_sink_free(sink, &left))
        answer("hangs\n");
    else
        answer("left %" PRIu64 "\n", left);
}

/* False: the end. */
static bool command(char *line)
{
    uint64_t numbers[3] = {0};
    char *at = line + strcspn(line, " \n");

    for (int i = 0; i < 3 && *at == ' '; i++)
        numbers[i] = strtoull(at + 1, &at, 10);
    line[strcspn(line, " \n")] = 0;
    if (!strcmp(line, "free")) {
        finish(numbers[0]);
        return false;
    }
    if (!strcmp(line, "counts")) {
        counts();
        return true;
    }
    if (!strcmp(line, "memory")) {
        memory();
        return true;
    }
    if (!strcmp(line, "put"))
        put(numbers[0], numbers[1], (uint32_t)numbers[2]);
    else if (!strcmp(line, "mixed"))
        put_mixed();
    else if (!strcmp(line, "reopen"))
        grain_sink_reopen(sink);
    else
        exit(2);
    answer("ok\n");
    return true;
}

int main(int argc, char **argv)
{
    char line[256];

    if (argc < 2)
        return 2;
    options = argv + 2;
    open_sink(argv[1]);
    answer("ok\n");
    while (fgets(line, sizeof(line), stdin) && command(line))
        ;
    return 0;
}
