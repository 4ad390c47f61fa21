// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "error_private.h"
#include "grain_probe.skel.h"
#include "probe.h"
#include "quiet.h"

int grain_cpus(void)
{
    int cpus = libbpf_num_possible_cpus();

    if (cpus > 0)
        return cpus;
    return grain_fail(cpus < 0 ? cpus : -EINVAL,
                      "cannot tell the number of CPUs from "
                      "/sys/devices/system/cpu/possible: is /sys mounted?");
}

static int load(void *skeleton)
{
    return grain_probe__load(skeleton);
}

/* Open the probe with one program to be loaded. */
static struct grain_probe *open_for(bool target, bool extension, bool time)
{
    struct grain_probe *probe = grain_probe__open();

    if (!probe)
        return NULL;
    bpf_program__set_autoload(probe->progs.grain_probe_target, target);
    bpf_program__set_autoload(probe->progs.grain_probe_extension, extension);
    bpf_program__set_autoload(probe->progs.grain_probe_time, time);
    return probe;
}

int grain_probe_extension(void)
{
    struct grain_probe *target = open_for(true, false, false);
    struct grain_probe *extension = open_for(false, true, false);
    int error = target && extension ? grain_quietly(load, target) : -ENOMEM;

    if (!error)
        error = bpf_program__set_attach_target(extension->progs.grain_probe_extension,
                                               bpf_program__fd(target->progs.grain_probe_target),
                                               "grain_probe_slot");
    if (!error)
        error = grain_quietly(load, extension);
    grain_probe__destroy(extension);
    grain_probe__destroy(target);
    return error;
}

static int read_clocks(const struct grain_probe *probe, uint64_t out[2])
{
    uint8_t frame[64] = {0};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
                .repeat = 1);
    int map = bpf_map__fd(probe->maps.grain_probe_clock);

    if (bpf_prog_test_run_opts(bpf_program__fd(probe->progs.grain_probe_time), &run))
        return -errno;
    for (uint32_t i = 0; i < 2; i++)
        if (bpf_map_lookup_elem(map, &i, &out[i]))
            return -errno;
    return 0;
}

/* The rates that kernels are configured with; another one stays as measured. */
static uint32_t nearest_rate(uint64_t rate)
{
    static const uint32_t rates[] = {100, 250, 300, 1000};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if (rate > rates[i] - rates[i] / 12 && rate < rates[i] + rates[i] / 12)
            return rates[i];
    return rate ? rate : 1;
}

int grain_probe_ticks(uint32_t *out)
{
    const struct timespec pause = {.tv_nsec = 125000000};
    struct grain_probe *probe = open_for(false, false, true);
    uint64_t before[2], after[2];
    int error = probe ? grain_quietly(load, probe) : -ENOMEM;

    if (!error)
        error = read_clocks(probe, before);
    if (!error) {
        (void)nanosleep(&pause, NULL);
        error = read_clocks(probe, after);
    }
    grain_probe__destroy(probe);
    if (!error && after[1] <= before[1])
        error = -ERANGE;
    if (!error)
        *out = nearest_rate(((after[0] - before[0]) * 1000000000ULL + (after[1] - before[1]) / 2) /
                            (after[1] - before[1]));
    return error;
}
