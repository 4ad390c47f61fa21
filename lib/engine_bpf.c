// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BPF engine: a copy of the shipping XDP program with private maps, each frame through
 * BPF_PROG_TEST_RUN.
 *
 * Perf records land on the ring of the CPU that runs the program, so the thread is pinned to one
 * CPU and only that CPU has a ring. The ring is read before the next frame's records might not fit.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>

#include <grain/flow.h>

#include "error_private.h"
#include "maps_read.h"
#include "probe.h"
#include "quiet.h"

#include "grain_xdp.skel.h"

#define RING_PAGES_DEFAULT 1024
/* Records that one frame can cause, at most; each carries the frame. */
#define RECORDS_PER_FRAME 16
#define READ_BATCH        4096

struct bpf_state {
    struct grain_xdp *skeleton;
    struct perf_buffer *ring;
    struct perf_event_mmap_page *ring_head;
    size_t ring_size;
    struct grain_replay *replay;
    cpu_set_t affinity; /* of the thread before */
    int cpus;           /* possible: per-CPU values come one for each */
    int program;
    bool pinned;
    uint64_t lost;
    int delivered; /* the first error of a delivery */
    struct grain_engine *engine;
    uint8_t out[2 * GRAIN_FRAME_HEAD];
};

static enum bpf_perf_event_ret on_event(void *user, int cpu, struct perf_event_header *event)
{
    struct bpf_state *state = user;
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

    (void)cpu;
    if (event->type == PERF_RECORD_LOST) {
        state->lost += loss->lost;
    } else if (event->type == PERF_RECORD_SAMPLE && event->size >= sizeof(*sample) &&
               sample->size <= event->size - sizeof(*sample)) {
        int error = grain_engine_deliver(state->engine, sample->data, sample->size);

        if (error && !state->delivered)
            state->delivered = error;
    }
    return LIBBPF_PERF_EVENT_CONT;
}

/* Stay on one CPU: the first that this thread may use. Returns it, or -errno. */
static int pin_thread(struct bpf_state *state)
{
    cpu_set_t one;

    if (sched_getaffinity(0, sizeof(state->affinity), &state->affinity))
        return -errno;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &state->affinity))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof(one), &one))
            continue;
        state->pinned = true;
        return cpu;
    }
    return -EINVAL;
}

static int open_ring(struct grain_engine *engine, int cpu)
{
    struct bpf_state *state = engine->state;
    struct perf_event_attr attr = {
        .size = sizeof(attr),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_BPF_OUTPUT,
        .sample_type = PERF_SAMPLE_RAW,
        .sample_period = 1,
        /* Nobody sleeps on this ring: never wake. */
        .watermark = 1,
        .wakeup_watermark = 0x7fffffff,
    };
    int key = cpu;
    LIBBPF_OPTS(perf_buffer_raw_opts, options, .cpu_cnt = 1, .cpus = &cpu, .map_keys = &key);
    size_t pages = engine->options.ring_pages ? engine->options.ring_pages : RING_PAGES_DEFAULT;
    void *memory;

    state->ring = perf_buffer__new_raw(bpf_map__fd(state->skeleton->maps.grain_events), pages,
                                       &attr, on_event, state, &options);
    if (!state->ring)
        return grain_engine_fail(engine, -errno, "cannot open a perf ring of %zu pages: %s", pages,
                                 strerror(errno));
    perf_buffer__buffer(state->ring, 0, &memory, &state->ring_size);
    state->ring_head = memory;
    state->ring_size = pages * (size_t)getpagesize();
    return 0;
}

static int set_sizes(struct grain_engine *engine, struct grain_xdp *skeleton)
{
    const struct grain_load *load = &engine->load;
    uint32_t flows = load->flow_mask + 1;
    int error;

    error = bpf_map__set_max_entries(skeleton->maps.grain_counts, load->bucket_mask + 1);
    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_texts, load->text_mask + 1);
    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_flow_tags, flows);
    if (!error)
        error = bpf_map__set_max_entries(skeleton->maps.grain_flows, flows * GRAIN_FLOW_WAYS);
    return error;
}

static int load_xdp(void *skeleton)
{
    return grain_xdp__load(skeleton);
}

static int load_program(struct grain_engine *engine)
{
    struct bpf_state *state = engine->state;
    int error;

    state->skeleton = grain_xdp__open();
    if (!state->skeleton)
        return grain_engine_fail(engine, -errno, "cannot open the XDP program: %s",
                                 strerror(errno));
    engine->load.xdp_load_bytes =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
    memcpy((void *)&state->skeleton->rodata->grain_load, &engine->load, sizeof(engine->load));
    error = set_sizes(engine, state->skeleton);
    if (!error)
        error = grain_quietly(load_xdp, state->skeleton);
    if (error)
        return grain_engine_fail(engine, error, "the kernel does not load the XDP program: %s%s",
                                 strerror(-error), grain_quiet_detail());
    state->program = bpf_program__fd(state->skeleton->progs.grain_xdp);
    return 0;
}

static int set_config(struct grain_engine *engine)
{
    struct bpf_state *state = engine->state;
    uint32_t zero = 0;
    void *memory;

    if (bpf_map_update_elem(bpf_map__fd(state->skeleton->maps.grain_config_map), &zero,
                            &engine->config, BPF_ANY))
        return grain_engine_fail(engine, -errno, "cannot write the configuration: %s",
                                 strerror(errno));
    memory = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
                  bpf_map__fd(state->skeleton->maps.grain_replay_map), 0);
    if (memory == MAP_FAILED)
        return grain_engine_fail(engine, -errno, "cannot map the replay clock: %s",
                                 strerror(errno));
    state->replay = memory;
    return 0;
}

static void bpf_close(struct grain_engine *engine)
{
    struct bpf_state *state = engine->state;

    if (!state)
        return;
    perf_buffer__free(state->ring);
    if (state->replay)
        munmap(state->replay, getpagesize());
    grain_xdp__destroy(state->skeleton);
    if (state->pinned)
        (void)sched_setaffinity(0, sizeof(state->affinity), &state->affinity);
    free(state);
    engine->state = NULL;
}

static int bpf_open(struct grain_engine *engine)
{
    struct bpf_state *state = calloc(1, sizeof(*state));
    int error, cpu;

    if (!state)
        return grain_engine_fail(engine, -ENOMEM, "no memory for the BPF engine");
    engine->state = state;
    state->engine = engine;
    state->program = -1;
    state->cpus = grain_cpus();
    if (state->cpus < 1)
        return grain_engine_fail(engine, state->cpus, "%s", grain_error());
    cpu = pin_thread(state);
    if (cpu < 0)
        return grain_engine_fail(engine, cpu, "cannot stay on one CPU: %s", strerror(-cpu));
    error = load_program(engine);
    if (!error)
        error = set_config(engine);
    if (!error && engine->options.events)
        error = open_ring(engine, cpu);
    return error;
}

static size_t ring_used(const struct bpf_state *state)
{
    uint64_t head = __atomic_load_n(&state->ring_head->data_head, __ATOMIC_ACQUIRE);

    return head - state->ring_head->data_tail;
}

static int bpf_drain(struct grain_engine *engine)
{
    struct bpf_state *state = engine->state;
    uint64_t lost = state->lost;
    int error;

    if (!state->ring)
        return 0;
    error = perf_buffer__consume(state->ring);
    if (error < 0)
        return grain_engine_fail(engine, error, "cannot read the perf ring: %s", strerror(-error));
    if (state->delivered) {
        error = state->delivered;
        state->delivered = 0;
        return error;
    }
    if (state->lost != lost)
        return grain_engine_fail(engine, -ENOBUFS, "the perf ring lost %llu records",
                                 (unsigned long long)(state->lost - lost));
    return 0;
}

static int bpf_run(struct grain_engine *engine, const struct grain_replay *replay,
                   const uint8_t *data)
{
    struct bpf_state *state = engine->state;
    uint32_t length = replay->captured_length;
    size_t room =
        RECORDS_PER_FRAME * (sizeof(struct grain_record) + length + 64) + sizeof(struct grain_flow);
    uint8_t padded[14] = {0};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = data, .data_size_in = length,
                .data_out = state->out, .data_size_out = sizeof(state->out), .repeat = 1);

    /* Test-run takes no frame shorter than an Ethernet header. */
    if (length < sizeof(padded)) {
        memcpy(padded, data, length);
        run.data_in = padded;
        run.data_size_in = sizeof(padded);
    }
    if (state->ring && ring_used(state) + room > state->ring_size) {
        int error = bpf_drain(engine);

        if (error)
            return error;
    }
    *state->replay = *replay;
    if (bpf_prog_test_run_opts(state->program, &run))
        return grain_engine_fail(engine, -errno, "test-run of frame %llu (%u bytes): %s",
                                 (unsigned long long)replay->frame, length, strerror(errno));
    if (run.retval != XDP_PASS)
        return grain_engine_fail(engine, -EBADMSG, "frame %llu: verdict %u instead of pass",
                                 (unsigned long long)replay->frame, run.retval);
    if (run.data_size_out != run.data_size_in || memcmp(state->out, run.data_in, run.data_size_in))
        return grain_engine_fail(engine, -EBADMSG, "frame %llu came out changed",
                                 (unsigned long long)replay->frame);
    return 0;
}

static struct grain_map_set map_set(const struct grain_engine *engine)
{
    const struct bpf_state *state = engine->state;

    return (struct grain_map_set){
        .totals = bpf_map__fd(state->skeleton->maps.grain_totals_map),
        .cpu = bpf_map__fd(state->skeleton->maps.grain_cpu_map),
        .counts = bpf_map__fd(state->skeleton->maps.grain_counts),
        .texts = bpf_map__fd(state->skeleton->maps.grain_texts),
        .flow_tags = bpf_map__fd(state->skeleton->maps.grain_flow_tags),
        .cpus = state->cpus,
        .buckets = engine->load.bucket_mask + 1,
        .text_buckets = engine->load.text_mask + 1,
        .flow_buckets = engine->load.flow_mask + 1,
    };
}

static int bpf_counts(struct grain_engine *engine, struct grain_engine_counts *out)
{
    const struct bpf_state *state = engine->state;
    const struct grain_map_set maps = map_set(engine);
    int error = grain_maps_totals(&maps, engine->load.source_slot, &out->totals);

    if (!error)
        error = grain_maps_cpus(&maps, out);
    if (!error)
        error = grain_maps_flows(&maps, &out->flows_pending);
    out->events_lost = state->lost;
    if (error)
        return grain_engine_fail(engine, error, "cannot read the counters: %s", strerror(-error));
    return 0;
}

static int bpf_slots(struct grain_engine *engine, struct grain_slot_list *out)
{
    const struct grain_map_set maps = map_set(engine);
    int error = grain_maps_slots(&maps, out);

    if (error)
        return grain_engine_fail(engine, error, "cannot read the names: %s", strerror(-error));
    return 0;
}

static int bpf_texts(struct grain_engine *engine, uint32_t index, struct grain_text_bucket *out)
{
    const struct grain_map_set maps = map_set(engine);
    int error = grain_maps_text(&maps, index, out);

    if (error)
        return grain_engine_fail(engine, error, "cannot read a name's text: %s", strerror(-error));
    return 0;
}

/* Write zeros over every element of a map, `values` of them for each key. */
static int zero_map(const struct bpf_map *map, size_t values)
{
    uint32_t entries = bpf_map__max_entries(map);
    size_t size = (bpf_map__value_size(map) + 7) / 8 * 8 * values;
    uint32_t batch = entries < READ_BATCH ? entries : READ_BATCH;
    uint32_t *keys = calloc(batch, sizeof(*keys));
    void *zeros = calloc(batch, size);
    int error = keys && zeros ? 0 : -ENOMEM;
    LIBBPF_OPTS(bpf_map_batch_opts, options);

    for (uint32_t first = 0; !error && first < entries; first += batch) {
        uint32_t count = batch;

        for (uint32_t i = 0; i < batch; i++)
            keys[i] = first + i;
        if (bpf_map_update_batch(bpf_map__fd(map), keys, zeros, &count, &options))
            error = errno == EINVAL || errno == 524 ? -EOPNOTSUPP : -errno;
    }
    free(keys);
    free(zeros);
    return error;
}

/* Free the flows that are pending; a free slot's bytes mean nothing. */
static int free_flows(struct grain_engine *engine, struct bpf_state *state)
{
    int tags_map = bpf_map__fd(state->skeleton->maps.grain_flow_tags);
    int flows_map = bpf_map__fd(state->skeleton->maps.grain_flows);
    struct grain_flow *nothing = calloc(1, sizeof(*nothing));
    int error = nothing ? 0 : -ENOMEM;

    for (uint32_t i = 0; !error && i <= engine->load.flow_mask; i++) {
        struct grain_flow_tags tags;

        if (bpf_map_lookup_elem(tags_map, &i, &tags))
            error = -errno;
        for (uint32_t way = 0; !error && way < GRAIN_FLOW_WAYS; way++) {
            uint32_t slot = i * GRAIN_FLOW_WAYS + way;

            if (tags.tags[way] && bpf_map_update_elem(flows_map, &slot, nothing, BPF_ANY))
                error = -errno;
        }
    }
    free(nothing);
    return error;
}

static int bpf_reset(struct grain_engine *engine)
{
    struct bpf_state *state = engine->state;
    int error = free_flows(engine, state);

    if (!error)
        error = zero_map(state->skeleton->maps.grain_flow_tags, 1);
    if (!error)
        error = zero_map(state->skeleton->maps.grain_texts, 1);
    if (!error)
        error = zero_map(state->skeleton->maps.grain_counts, state->cpus);
    if (!error)
        error = zero_map(state->skeleton->maps.grain_totals_map, state->cpus);
    if (!error)
        error = zero_map(state->skeleton->maps.grain_cpu_map, state->cpus);
    state->lost = 0;
    state->delivered = 0;
    if (error)
        return grain_engine_fail(engine, error, "cannot clear the tables: %s", strerror(-error));
    return 0;
}

static int bpf_program_fd(const struct grain_engine *engine)
{
    const struct bpf_state *state = engine->state;

    return state->program;
}

const struct grain_engine_ops grain_engine_bpf_ops = {
    .open = bpf_open,
    .close = bpf_close,
    .run = bpf_run,
    .drain = bpf_drain,
    .counts = bpf_counts,
    .slots = bpf_slots,
    .texts = bpf_texts,
    .reset = bpf_reset,
    .program_fd = bpf_program_fd,
};
