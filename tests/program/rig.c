// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <grain/flow.h>
#include <linux/bpf.h>

#include "engine_private.h"
#include "rig.h"

#include "grain_tc.skel.h"
#include "grain_xdp.skel.h"

#define START_MS 1700000000000ULL

int rig_map(const struct rig *rig, const char *name)
{
    int fd = bpf_object__find_map_fd_by_name(rig->object, name);

    assert_true(fd >= 0);
    return fd;
}

void rig_configure(struct rig *rig)
{
    uint32_t zero = 0;

    assert_int_equal(
        bpf_map_update_elem(rig_map(rig, "grain_config_map"), &zero, &rig->config, BPF_ANY), 0);
}

static void set_up(struct rig *rig)
{
    rig->load = (struct grain_load){
        .bucket_mask = rig->options.names * 16 / GRAIN_BUCKET_SLOTS - 1,
        .text_mask = rig->options.names * 16 / GRAIN_TEXT_WAYS - 1,
        .flow_mask = rig->options.flows - 1,
        .hook = rig->options.tc ? GRAIN_HOOK_TC : GRAIN_HOOK_XDP,
        .direction = GRAIN_DIRECTION_IN,
        .ethernet = 1,
        .replay = !rig->options.live,
        .xdp_frags = rig->options.frags,
        .xdp_load_bytes =
            libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1,
    };
    rig->config.abi = GRAIN_ABI_VERSION;
    rig->config.stages = GRAIN_STAGE_ALL;
    rig->config.ticks_per_second = 1000;
    rig->config.flow_timeout = 30000;
    rig->config.sample = 1;
    rig->config.snap_length = 3520;
    assert_int_equal(
        grain_hash_key_fill(&rig->config.key, rig->options.seed ? rig->options.seed : 99), 0);
}

static void set_sizes(struct rig *rig)
{
    const struct {
        const char *map;
        uint32_t entries;
    } sizes[] = {
        {"grain_counts", rig->load.bucket_mask + 1},
        {"grain_texts", rig->load.text_mask + 1},
        {"grain_flow_tags", rig->options.flows},
        {"grain_flows", rig->options.flows * GRAIN_FLOW_WAYS},
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bpf_map *map = bpf_object__find_map_by_name(rig->object, sizes[i].map);

        assert_int_equal(bpf_map__set_max_entries(map, sizes[i].entries), 0);
    }
}

static int load(struct rig *rig)
{
    struct grain_xdp *xdp = rig->options.tc ? NULL : grain_xdp__open();
    struct grain_tc *tc = rig->options.tc ? grain_tc__open() : NULL;
    int error;

    assert_true(xdp || tc);
    rig->skeleton = xdp ? (void *)xdp : (void *)tc;
    rig->object = xdp ? xdp->obj : tc->obj;
    memcpy((void *)(xdp ? &xdp->rodata->grain_load : &tc->rodata->grain_load), &rig->load,
           sizeof(rig->load));
    set_sizes(rig);
    if (rig->options.frags)
        assert_int_equal(bpf_program__set_flags(xdp->progs.grain_xdp, BPF_F_XDP_HAS_FRAGS), 0);
    error = xdp ? grain_xdp__load(xdp) : grain_tc__load(tc);
    if (!error)
        rig->program = bpf_program__fd(xdp ? xdp->progs.grain_xdp : tc->progs.grain_tc);
    return error;
}

/* Does this kernel load XDP programs for frames in several buffers? */
static bool has_frags(void)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "frags", "GPL", code, 2, &options);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int rig_open(struct rig *rig, const struct rig_options *options)
{
    int error;

    memset(rig, 0, sizeof(*rig));
    rig->options = *options;
    rig->now_ms = START_MS;
    rig->cpus = libbpf_num_possible_cpus();
    if (options->frags && !has_frags()) {
        printf(
            "SKIPPED: this kernel has no XDP frames in several buffers, or we may not load them\n");
        return 77;
    }
    set_up(rig);
    error = load(rig);
    if (error == -EPERM || error == -EACCES) {
        printf("SKIPPED: this user may not load BPF programs: %s\n", strerror(-error));
        return 77;
    }
    if (error) {
        printf("the kernel does not load the program: %s\n", strerror(-error));
        return 1;
    }
    rig_configure(rig);
    rig->replay = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
                       rig_map(rig, "grain_replay_map"), 0);
    assert_true(rig->replay != MAP_FAILED);
    if (options->ring_pages)
        rig_ring_open(rig, options->ring_pages);
    return 0;
}

void rig_close(struct rig *rig)
{
    rig_ring_close(rig);
    if (rig->replay)
        munmap(rig->replay, getpagesize());
    if (rig->options.tc)
        grain_tc__destroy(rig->skeleton);
    else
        grain_xdp__destroy(rig->skeleton);
    rig->skeleton = NULL;
    rig->replay = NULL;
}

static void on_sample(void *user, int cpu, void *data, uint32_t size)
{
    struct rig *rig = user;
    struct grain_record record;

    /* In the ring it starts four bytes behind a multiple of eight. */
    assert_true(size >= sizeof(record));
    memcpy(&record, data, sizeof(record));
    assert_int_equal(record.header.version, GRAIN_RECORD_VERSION);
    assert_int_equal(record.header.header_length, sizeof(record));
    assert_int_equal(record.header.cpu, cpu);
    assert_true(record.header.length <= size);
    rig->received++;
    if (rig->options.on_record)
        rig->options.on_record(rig->options.user, &record, (const uint8_t *)data + sizeof(record),
                               record.header.length - sizeof(record));
}

static void on_loss(void *user, int cpu, __u64 count)
{
    struct rig *rig = user;

    (void)cpu;
    rig->lost += count;
}

void rig_ring_open(struct rig *rig, uint32_t pages)
{
    rig->ring =
        perf_buffer__new(rig_map(rig, "grain_events"), pages, on_sample, on_loss, rig, NULL);
    assert_non_null(rig->ring);
}

void rig_ring_close(struct rig *rig)
{
    perf_buffer__free(rig->ring);
    rig->ring = NULL;
}

void rig_drain(struct rig *rig)
{
    assert_true(perf_buffer__consume(rig->ring) >= 0);
}

void rig_pin(int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

int rig_cpus_allowed(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    return CPU_COUNT(&set);
}

uint32_t rig_run(struct rig *rig, const void *frame, uint32_t length)
{
    static _Thread_local uint8_t out[2 * RIG_FRAME_MAX];
    struct xdp_md context = {.data_end = rig->linear};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = length, .data_out = out,
                .data_size_out = sizeof(out), .repeat = 1);

    __atomic_add_fetch(&rig->frames, 1, __ATOMIC_RELAXED);
    rig->replay->time_ns = rig->now_ms * 1000000;
    rig->replay->frame = rig->frames;
    rig->replay->wire_length = rig->wire ? rig->wire : length;
    rig->replay->captured_length = length;
    if (rig->linear && rig->linear < length) {
        run.ctx_in = &context;
        run.ctx_size_in = sizeof(context);
    }
    if (bpf_prog_test_run_opts(rig->program, &run))
        fail_msg("test-run of %u bytes: %s", length, strerror(errno));
    assert_int_equal(run.data_size_out, length);
    assert_memory_equal(out, frame, length);
    return run.retval;
}

static void add_words(void *to, const void *from, size_t bytes)
{
    uint64_t *sum = to;
    const uint64_t *words = from;

    for (size_t i = 0; i < bytes / sizeof(*sum); i++)
        sum[i] += words[i];
}

/* One element of a per-CPU array, all CPUs; the caller frees it. */
static void *per_cpu(const struct rig *rig, const char *map, uint32_t key, size_t size)
{
    void *values = calloc(rig->cpus, size);

    assert_non_null(values);
    assert_int_equal(bpf_map_lookup_elem(rig_map(rig, map), &key, values), 0);
    return values;
}

static void count_table(const struct rig *rig, struct grain_engine_counts *out)
{
    for (uint32_t i = 0; i <= rig->load.bucket_mask; i++) {
        struct grain_name_bucket *buckets = per_cpu(rig, "grain_counts", i, sizeof(*buckets));

        for (int n = 0; n < rig->cpus * GRAIN_BUCKET_SLOTS; n++) {
            const struct grain_name_slot *slot =
                &buckets[n / GRAIN_BUCKET_SLOTS].slots[n % GRAIN_BUCKET_SLOTS];

            if (slot->hash)
                out->table[slot->kind] += slot->count;
        }
        free(buckets);
    }
}

static void count_flows(const struct rig *rig, struct grain_engine_counts *out)
{
    for (uint32_t i = 0; i < rig->options.flows; i++) {
        struct grain_flow_tags tags;

        assert_int_equal(bpf_map_lookup_elem(rig_map(rig, "grain_flow_tags"), &i, &tags), 0);
        for (int way = 0; way < GRAIN_FLOW_WAYS; way++)
            out->flows_pending += tags.tags[way] != 0;
    }
}

void rig_counts(const struct rig *rig, struct grain_engine_counts *out)
{
    struct grain_totals *totals = per_cpu(rig, "grain_totals_map", 0, sizeof(*totals));
    struct grain_cpu *cpus = per_cpu(rig, "grain_cpu_map", 0, sizeof(*cpus));

    memset(out, 0, sizeof(*out));
    for (int cpu = 0; cpu < rig->cpus; cpu++) {
        add_words(&out->totals, &totals[cpu], sizeof(out->totals));
        add_words(out->counters, cpus[cpu].counters, sizeof(out->counters));
        add_words(out->names, cpus[cpu].names, sizeof(out->names));
        add_words(out->unattributed, cpus[cpu].unattributed, sizeof(out->unattributed));
    }
    free(totals);
    free(cpus);
    count_table(rig, out);
    count_flows(rig, out);
    out->events_lost = rig->lost;
}
