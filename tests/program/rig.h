/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A loader of the tests' own, for what an engine hides: rings on all CPUs or none, the maps, the
 * tc program, settings that change while packets run.
 */
#ifndef GRAIN_TEST_RIG_H
#define GRAIN_TEST_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <grain/config.h>
#include <grain/engine.h>

#define RIG_FRAME_MAX 66000

struct rig_options {
    bool tc;
    bool live;  /* attached to a device: no replay, the kernel's own clock */
    bool frags; /* XDP for frames in several buffers; rig_open gives 77 where there are none */
    uint32_t names;
    uint32_t flows;
    uint32_t ring_pages; /* 0: nobody listens */
    uint64_t seed;       /* of the hash key, as engines take it; 0: another one */
    void (*on_record)(void *user, const struct grain_record *record, const uint8_t *bytes,
                      size_t length);
    void *user;
};

struct rig {
    struct rig_options options;
    struct grain_load load;
    struct grain_config config;
    void *skeleton;
    struct bpf_object *object;
    struct grain_replay *replay;
    struct perf_buffer *ring;
    int program;
    int cpus;
    uint64_t received; /* records */
    uint64_t lost;     /* that the ring says it dropped */
    uint64_t now_ms;
    uint64_t frames;
    uint32_t wire; /* the next frame's length on the wire; 0: as long as it is */
    uint32_t
        linear; /* bytes of a frame in the first buffer, where test-run can choose; 0: what fits */
};

/* Returns 0, or 77 when this user may not load BPF programs, with the reason printed. */
int rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* Write rig->config. */
void rig_configure(struct rig *rig);
int rig_map(const struct rig *rig, const char *name);

void rig_ring_open(struct rig *rig, uint32_t pages);
void rig_ring_close(struct rig *rig);
void rig_drain(struct rig *rig);

/* Stay on this CPU from now on. */
void rig_pin(int cpu);
/* How many CPUs this thread may use. */
int rig_cpus_allowed(void);

/* Run a frame here and now. The frame must come out as it went in. Returns the verdict. */
uint32_t rig_run(struct rig *rig, const void *frame, uint32_t length);

/* Everything counted so far, summed over CPUs, as an engine gives it. */
void rig_counts(const struct rig *rig, struct grain_engine_counts *out);

#endif
