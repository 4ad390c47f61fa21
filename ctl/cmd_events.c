// SPDX-License-Identifier: GPL-2.0-only
/* grainctl events: names and hellos as they pass. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <agent/event.h>
#include <agent/expression.h>
#include <agent/share.h>
#include <grain/events.h>
#include <grain/limits.h>

#include "commands.h"
#include "json.h"
#include "line.h"
#include "options.h"
#include "say.h"
#include "sources.h"
#include "stop.h"
#include "table.h"

/* How long an event may lie in a ring before it is shown. */
#define POLL_MS 100
/* Of the ring of each CPU. */
#define RING_LEAST (4 << 10)
#define RING_MOST  (256 << 20)

static const char *const kinds[] = {"dns", "tls", "quic"}; /* by enum grain_message_kind */

struct settings {
    const char *root;
    int kind;       /* enum grain_message_kind; -1: all */
    uint64_t count; /* 0: until ^C */
    uint64_t ring;  /* bytes; 0: the default */
    struct grain_expression *filter;
    bool json;
};

static bool take_ring(void *to, const char *option, const char *text)
{
    struct settings *settings = to;

    if (!option_bytes(option, text, &settings->ring))
        return false;
    if (settings->ring >= RING_LEAST && settings->ring <= RING_MOST)
        return true;
    say("%s %s: not a size from %dK to %dM", option, text, RING_LEAST >> 10, RING_MOST >> 20);
    return false;
}

static bool take_filter(void *to, const char *option, const char *text)
{
    struct settings *settings = to;

    if (!grain_expression_new(&settings->filter, text))
        return true;
    say("%s: %s", option, grain_error());
    return false;
}

static const struct option_row rows[] = {
    {"filter", OPTION_CALL, "EXPR",
     "only events for which this is true, as 'qname ends_with \".test\" and dest_port != 53'",
     .take = take_filter},
    {"count", OPTION_NUMBER, "N", "end after N events", OPTION_TARGET(struct settings, count),
     .least = 1, .most = UINT64_MAX},
    {"ring", OPTION_CALL, "SIZE",
     "of each CPU's ring of events, from 4K to 256M, as 4M (1M): rounded up to a power of two",
     .take = take_ring},
    OPTION_JSON(struct settings,
                "one JSON object an event, in the shape of Suricata's EVE; the last one tells "
                "what came of everything that could have become an event"),
    OPTION_PIN_ROOT(struct settings, root),
};

static const struct options options = {
    "events",
    "events [dns|tls|quic] [--filter EXPR] [--count N] [--ring SIZE]\n"
    "                       [--json] [--pin-root DIR]",
    "Shows events as they come, until ^C: new names, and one in so many of the known ones, as\n"
    "\"grainctl attach --sample\" says. Where \"grainctl run\" reads them, it hands them on to "
    "any\n"
    "number of readers; otherwise they have one at a time.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

struct stream {
    const struct settings *settings;
    struct grain_live *live;
    struct grain_source sources[GRAIN_SOURCE_SLOTS];
    struct grain_clock clock;
    uint64_t refreshed; /* clock_now() */
    uint64_t printed;
    uint64_t unreadable;
    bool shared; /* by an agent that reads the rings */
    int output_error;
};

static bool enough(const struct stream *stream)
{
    return stream->output_error ||
           (stream->settings->count && stream->printed >= stream->settings->count);
}

static bool wanted(const struct stream *stream, const struct grain_message *message,
                   const struct grain_item *item)
{
    const struct settings *settings = stream->settings;

    return (settings->kind < 0 || (int)message->kind == settings->kind) &&
           (!settings->filter || grain_expression_true(settings->filter, item));
}

static int on_record(void *user, const struct grain_record *record, const uint8_t *bytes,
                     size_t length)
{
    struct stream *stream = user;
    struct grain_message message;
    struct grain_eve_origin origin = {.interface = "?"};
    struct grain_event_text text;
    struct grain_item item;

    text.room = NULL;
    if (record->header.source_slot < GRAIN_SOURCE_SLOTS)
        origin.interface = source_name(&stream->sources[record->header.source_slot]);
    origin.time_ns = grain_clock_boot(&stream->clock, record->header.time_ns);
    /* The item costs as much as the line: it is made for the filter only. */
    if (stream->settings->filter ? grain_event_item(&item, &text, &message, record, bytes, length,
                                                    origin.interface, origin.time_ns)
                                 : grain_message_parse(&message, record, bytes, length)) {
        stream->unreadable++;
        return 0;
    }
    /* What comes after the last one that was asked for is still counted. */
    if (enough(stream) || !wanted(stream, &message, &item))
        return 0;
    stream->printed++;
    stream->output_error = stream->settings->json ? eve_print(record, &message, &origin)
                                                  : line_print(record, &message, &origin);
    return 0;
}

/* Names of interfaces and the offset of the clocks change now and then. */
static int refresh(struct stream *stream)
{
    int error = grain_live_clock(stream->live, &stream->clock);

    for (uint32_t slot = 0; !error && slot < GRAIN_SOURCE_SLOTS; slot++)
        error = grain_pinned_source(grain_live_pinned(stream->live), slot, &stream->sources[slot]);
    stream->refreshed = clock_now();
    if (!error && !grain_live_current(stream->live)) {
        say("the maps were removed: everything was detached");
        return -ESTALE;
    }
    if (error)
        say("%s", grain_error());
    return error;
}

/* Rounded up to a power of two. */
static uint32_t ring_pages(uint64_t bytes)
{
    uint64_t page = sysconf(_SC_PAGESIZE), pages = 1;

    if (!bytes)
        return 0;
    while (pages * page < bytes)
        pages *= 2;
    return pages;
}

/* Where events come from: the rings themselves, or an agent that reads them. */
struct origin {
    struct grain_events *events;
    struct grain_subscriber *agent;
};

static int origin_open(struct origin *origin, struct stream *stream)
{
    const struct grain_events_options rings = {.size = sizeof(rings),
                                               .ring_pages = ring_pages(stream->settings->ring),
                                               .on_record = on_record,
                                               .user = stream};

    if (!grain_subscriber_new(&origin->agent, stream->live))
        return 0;
    return grain_events_open(&origin->events, stream->live, &rings);
}

static int origin_poll(struct origin *origin, struct stream *stream)
{
    if (origin->agent)
        return grain_subscriber_poll(origin->agent, POLL_MS, on_record, stream);
    return grain_events_poll(origin->events, POLL_MS);
}

static int origin_stop(struct origin *origin)
{
    return origin->events ? grain_events_stop(origin->events) : 0;
}

static void origin_counts(const struct origin *origin, struct grain_events_counts *out)
{
    *out = (struct grain_events_counts){0};
    if (origin->events)
        grain_events_counts(origin->events, out);
    else
        grain_subscriber_counts(origin->agent, &out->received, &out->lost);
}

static void origin_free(struct origin *origin)
{
    grain_events_free(origin->events);
    grain_subscriber_free(origin->agent);
}

static int read_on(struct stream *stream, struct origin *origin)
{
    int error = 0;

    while (!error && !enough(stream) && !stop_requested()) {
        error = origin_poll(origin, stream);
        if (error == -EINTR)
            error = 0;
        if (error)
            say("%s", grain_error());
        if (!stream->output_error)
            stream->output_error = output_flush();
        if (!error && clock_now() - stream->refreshed > 1000000000)
            error = refresh(stream);
    }
    return error;
}

/* The program's counters from EVENTS_SEEN to EVENTS_FAILED, while events were read. */
static void put_counters(json_t *object, const struct grain_engine_counts *before,
                         const struct grain_engine_counts *after)
{
    for (unsigned int i = GRAIN_COUNTER_EVENTS_SEEN; i <= GRAIN_COUNTER_EVENTS_FAILED; i++)
        json_put_number(object, grain_counter_name(i), after->counters[i] - before->counters[i]);
}

static void print_end_json(struct stream *stream, const struct grain_events_counts *counts,
                           const struct grain_engine_counts *before,
                           const struct grain_engine_counts *after)
{
    json_t *event = must(json_object()), *stats = must(json_object());

    json_put_number(stats, "printed", stream->printed);
    json_put_number(stats, "received", counts->received);
    json_put_number(stats, "records_lost", counts->lost);
    json_put_number(stats, "records_missing", counts->missing);
    json_put_number(stats, "records_unsound", counts->unsound);
    json_put_number(stats, "records_unreadable", stream->unreadable);
    put_counters(stats, before, after);
    json_put_time(event, "timestamp", stream->clock.wall_ns);
    json_put_text(event, "event_type", "stats");
    json_put(event, "stats", stats);
    stream->output_error = json_print(event, true);
}

static void say_part(char *text, size_t size, uint64_t count, const char *what)
{
    char buffer[COUNT_TEXT_MAX];
    size_t used = strlen(text);

    if (count)
        (void)snprintf(text + used, size - used, ", %s %s", count_text(buffer, count), what);
}

static void say_end(const struct stream *stream, const struct grain_events_counts *counts,
                    const struct grain_engine_counts *before,
                    const struct grain_engine_counts *after)
{
    static const struct {
        unsigned int counter;
        const char *what;
    } parts[] = {
        {GRAIN_COUNTER_EVENTS_SAMPLED_OUT, "not chosen by sampling"},
        {GRAIN_COUNTER_EVENTS_OVER_BUDGET, "over budget"},
        {GRAIN_COUNTER_EVENTS_RING_FULL, "lost: the ring was full"},
        {GRAIN_COUNTER_EVENTS_NO_READER, "while no ring was open"},
        {GRAIN_COUNTER_EVENTS_FAILED, "refused by the kernel"},
    };
    char text[512] = "", buffer[COUNT_TEXT_MAX];

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        say_part(text, sizeof(text),
                 after->counters[parts[i].counter] - before->counters[parts[i].counter],
                 parts[i].what);
    if (stream->shared)
        say_part(text, sizeof(text), counts->lost, "lost: this command was too slow");
    say_part(text, sizeof(text), counts->received - stream->printed - stream->unreadable,
             "not asked for");
    say_part(text, sizeof(text), counts->unsound + stream->unreadable, "unreadable");
    say("%s event%s%s", count_text(buffer, stream->printed), stream->printed == 1 ? "" : "s", text);
}

/* Whoever counts events should know that they are not all that passes. */
static void say_sampling(const struct grain_live *live)
{
    struct grain_config config;
    char buffer[COUNT_TEXT_MAX];

    if (grain_pinned_config(grain_live_pinned(live), &config))
        return;
    if (!config.sample)
        say("known names are not shown, only new ones (attach --sample)");
    else if (config.sample > 1)
        say("of packets with a known name one in %s is shown (attach --sample)",
            count_text(buffer, config.sample));
}

static int run_stream(struct stream *stream)
{
    struct grain_engine_counts before, after;
    struct grain_events_counts counts;
    struct origin origin = {NULL, NULL};
    int error = grain_live_counters(stream->live, &before);

    if (!error)
        error = origin_open(&origin, stream);
    if (error) {
        say("%s", grain_error());
        return error;
    }
    stream->shared = origin.agent;
    if (!stream->settings->json)
        say_sampling(stream->live);
    error = read_on(stream, &origin);
    if (origin_stop(&origin) || grain_live_counters(stream->live, &after)) {
        say("%s", grain_error());
        error = error ? error : -EIO;
    } else {
        (void)grain_live_clock(stream->live, &stream->clock);
        origin_counts(&origin, &counts);
        if (stream->settings->json && !stream->output_error)
            print_end_json(stream, &counts, &before, &after);
        say_end(stream, &counts, &before, &after);
    }
    origin_free(&origin);
    return error ? error : stream->output_error;
}

static int run(const struct settings *settings)
{
    struct stream stream = {.settings = settings, .live = live_open(settings->root)};
    int error;

    if (!stream.live)
        return EXIT_FAILED;
    stop_prepare();
    error = refresh(&stream);
    if (!error)
        error = run_stream(&stream);
    grain_live_free(stream.live);
    return error ? EXIT_FAILED : EXIT_OK;
}

static bool parse_kind(struct settings *settings, const char *text)
{
    for (int i = 0; i < 3; i++)
        if (!strcmp(text, kinds[i]))
            settings->kind = i;
    if (settings->kind < 0)
        say("events %s: there are dns, tls and quic, or all without a name", text);
    return settings->kind >= 0;
}

static int read_arguments(struct settings *settings, int argc, char **argv)
{
    int first, code;

    if (!options_read(&options, settings, argc, argv, &first, &code))
        return code;
    if (first < argc && !parse_kind(settings, argv[first++]))
        return EXIT_USAGE;
    if (first < argc) {
        say("events: one kind, or none for all");
        return EXIT_USAGE;
    }
    return run(settings);
}

int cmd_events(int argc, char **argv)
{
    struct settings settings = {.kind = -1};
    int code = read_arguments(&settings, argc, argv);

    grain_expression_free(settings.filter);
    return code;
}
