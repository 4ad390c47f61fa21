// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wake-up costs the packet path some microseconds, so none comes for an event: a ring wakes its
 * reader when it is a quarter full, and a timer reads what is there until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include <grain/events.h>

#include "engine_private.h"
#include "error_private.h"
#include "events_private.h"
#include "lock_private.h"
#include "quiet.h"

#define RING_PAGES_DEFAULT 256

struct grain_events {
    struct grain_live *live;
    struct grain_events_options options;
    struct perf_buffer *rings;
    struct grain_sequence *sequences; /* by CPU */
    uint32_t cpus;
    int lock;
    int result; /* what on_record returned, or 0 */
    struct grain_events_counts counts;
};

uint64_t grain_sequence_missing(struct grain_sequence *sequence, uint64_t number)
{
    uint64_t missing = 0;

    /* A number that goes back tells of other maps or of a lie; counting starts anew. */
    if (sequence->started && number >= sequence->next)
        missing = number - sequence->next;
    sequence->started = true;
    sequence->next = number + 1;
    return missing;
}

static void deliver(struct grain_events *events, int cpu, const void *data, size_t size)
{
    struct grain_record record;

    if (!grain_record_take(&record, data, size)) {
        events->counts.unsound++;
        return;
    }
    if ((uint32_t)cpu < events->cpus)
        events->counts.missing +=
            grain_sequence_missing(&events->sequences[cpu], record.header.sequence);
    events->counts.received++;
    events->result = events->options.on_record(events->options.user, &record,
                                               (const uint8_t *)data + sizeof(record),
                                               record.header.length - sizeof(record));
}

static enum bpf_perf_event_ret on_event(void *user, int cpu, struct perf_event_header *event)
{
    struct grain_events *events = user;
    const struct {
        struct perf_event_header header;
        uint32_t size;
        uint8_t data[];
    } *sample = (const void *)event;
    const struct {
        struct perf_event_header header;
        uint64_t id;
        uint64_t lost;
    } *loss = (const void *)event;

    if (event->type == PERF_RECORD_LOST)
        events->counts.lost += loss->lost;
    else if (event->type != PERF_RECORD_SAMPLE || event->size < sizeof(*sample) ||
             sample->size > event->size - sizeof(*sample))
        events->counts.unsound++;
    else
        deliver(events, cpu, sample->data, sample->size);
    return events->result ? LIBBPF_PERF_EVENT_DONE : LIBBPF_PERF_EVENT_CONT;
}

/* A ring's memory is there as soon as it is open, but many kernels (6.12 does, 6.18 does not) count
 * it as this process's only page by page as it is read: at a few events a second that looks like a
 * leak for minutes. */
static void touch_rings(const struct grain_events *events)
{
    size_t page = (size_t)getpagesize();

    for (size_t i = 0; i < perf_buffer__buffer_cnt(events->rings); i++) {
        void *ring;
        size_t size;

        if (perf_buffer__buffer(events->rings, (int)i, &ring, &size))
            continue;
        for (size_t at = 0; at < size; at += page)
            (void)*((volatile const char *)ring + at);
    }
}

static int open_rings(struct grain_events *events)
{
    size_t pages =
        events->options.ring_pages ? events->options.ring_pages : (size_t)RING_PAGES_DEFAULT;
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_BPF_OUTPUT,
        .sample_type = PERF_SAMPLE_RAW,
        .sample_period = 1,
        .watermark = 1,
        .wakeup_watermark = (uint32_t)(pages * (size_t)getpagesize() / 4),
    };
    int map = grain_pinned_fd(grain_live_pinned(events->live), GRAIN_PINNED_grain_events);
    LIBBPF_OPTS(perf_buffer_raw_opts, options);
    const struct grain_quiet before = grain_quiet_begin();

    events->rings = perf_buffer__new_raw(map, pages, &attr, on_event, events, &options);
    grain_quiet_end(&before);
    if (events->rings) {
        touch_rings(events);
        return 0;
    }
    return grain_fail(-errno, "cannot open perf rings of %zu pages: %s; %s", pages, strerror(errno),
                      errno == ENOMEM ? "choose smaller ones"
                                      : "it takes root, or CAP_PERFMON, CAP_BPF and "
                                        "RLIMIT_MEMLOCK for them");
}

static int lock_reader(struct grain_events *events)
{
    const char *directory = grain_pinned_directory(grain_live_pinned(events->live));
    char path[PATH_MAX], who[64];

    (void)snprintf(path, sizeof(path), "%s/" GRAIN_PIN_READER, directory);
    events->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (events->lock < 0)
        return grain_fail(-errno, "%s: %s", path, strerror(errno));
    if (!flock(events->lock, LOCK_EX | LOCK_NB))
        return 0;
    if (errno != EWOULDBLOCK)
        return grain_fail(-errno, "%s: cannot lock: %s", path, strerror(errno));
    grain_lock_holder(events->lock, who, sizeof(who));
    return grain_fail(-EBUSY,
                      "%s: the events are being read by %s; they have one reader at a time: stop "
                      "it, or read counts with \"grainctl top\", which needs no events",
                      directory, who);
}

int grain_events_open(struct grain_events **out, struct grain_live *live,
                      const struct grain_events_options *options)
{
    struct grain_events *events;
    int error;

    if (options->size != sizeof(*options) || !options->on_record)
        return grain_fail(-EINVAL, "options of another library version");
    events = calloc(1, sizeof(*events));
    if (!events)
        return grain_fail(-ENOMEM, "no memory");
    events->live = live;
    events->options = *options;
    events->lock = -1;
    events->cpus = grain_pinned_abi(grain_live_pinned(live))->cpus;
    events->sequences = calloc(events->cpus, sizeof(*events->sequences));
    error = events->sequences ? lock_reader(events) : grain_fail(-ENOMEM, "no memory");
    if (!error)
        error = open_rings(events);
    if (error)
        grain_events_free(events);
    else
        *out = events;
    return error;
}

/* Ring by ring, so that nothing more is taken once on_record has had enough. */
static int consume(struct grain_events *events)
{
    size_t rings = perf_buffer__buffer_cnt(events->rings);
    int result, error = 0;

    for (size_t i = 0; !error && !events->result && i < rings; i++)
        error = perf_buffer__consume_buffer(events->rings, i);
    result = events->result;
    events->result = 0;
    if (result)
        return result;
    return error < 0 ? grain_fail(error, "cannot read a perf ring: %s", strerror(-error)) : 0;
}

int grain_events_poll(struct grain_events *events, int timeout_ms)
{
    struct epoll_event ready;
    int waited = epoll_wait(perf_buffer__epoll_fd(events->rings), &ready, 1, timeout_ms);
    int interrupted = waited < 0 ? -errno : 0;
    int error = consume(events);

    if (error || !interrupted)
        return error;
    return interrupted == -EINTR
               ? -EINTR
               : grain_fail(interrupted, "cannot wait for events: %s", strerror(-interrupted));
}

int grain_events_fd(const struct grain_events *events)
{
    return perf_buffer__epoll_fd(events->rings);
}

int grain_events_stop(struct grain_events *events)
{
    int map = grain_pinned_fd(grain_live_pinned(events->live), GRAIN_PINNED_grain_events);

    for (uint32_t cpu = 0; cpu < events->cpus; cpu++)
        (void)bpf_map_delete_elem(map, &cpu);
    /* Programs that found a ring before are done when every CPU has passed through here. */
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
    return consume(events);
}

void grain_events_counts(const struct grain_events *events, struct grain_events_counts *out)
{
    *out = events->counts;
}

void grain_events_free(struct grain_events *events)
{
    if (!events)
        return;
    perf_buffer__free(events->rings);
    if (events->lock >= 0)
        close(events->lock);
    free(events->sequences);
    free(events);
}
