// SPDX-License-Identifier: GPL-2.0-only
/* Ticks are jiffies, which userspace cannot read: a program of two instructions does. */
#include <errno.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "error_private.h"
#include "live_private.h"

#define REFUSED (-2)

static int load(void)
{
    const struct bpf_insn code[] = {
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64},
        {.code = BPF_JMP | BPF_EXIT},
    };

    return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "grain_ticks", "GPL", code,
                         sizeof(code) / sizeof(code[0]), NULL);
}

/* What a program returns are its low 32 bits, which is what tables keep of a tick. */
static bool read_ticks(struct grain_live *live, uint32_t *out)
{
    uint8_t frame[64] = {0};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
                .repeat = 1);

    if (live->clock == -1) {
        live->clock = load();
        if (live->clock < 0)
            live->clock = REFUSED;
    }
    if (live->clock == REFUSED || bpf_prog_test_run_opts(live->clock, &run))
        return false;
    *out = run.retval;
    return true;
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int grain_live_clock(struct grain_live *live, struct grain_clock *out)
{
    int error = grain_pinned_config(live->pinned, &live->config);

    if (error)
        return error;
    *out = (struct grain_clock){.ticks_per_second = live->config.ticks_per_second};
    out->ticks_known = out->ticks_per_second && read_ticks(live, &out->ticks);
    out->boot_ns = read_clock(CLOCK_BOOTTIME);
    out->wall_ns = read_clock(CLOCK_REALTIME);
    return 0;
}

uint64_t grain_clock_tick(const struct grain_clock *clock, uint32_t tick)
{
    int32_t age = (int32_t)(clock->ticks - tick);

    if (!clock->ticks_known)
        return 0;
    /* Seen after the clock was read. */
    if (age < 0)
        return clock->wall_ns;
    return clock->wall_ns - (uint64_t)age * 1000000000 / clock->ticks_per_second;
}

uint64_t grain_clock_boot(const struct grain_clock *clock, uint64_t boot_ns)
{
    return clock->wall_ns - clock->boot_ns + boot_ns;
}
