/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of options. What is wrong with one is said. */
#ifndef GRAIN_CTL_OPTIONS_H
#define GRAIN_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

bool option_number(const char *option, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out);

/* Seconds, also with a fraction, from 0.1 to a day; in nanoseconds. */
bool option_seconds(const char *option, const char *text, uint64_t *out);

/* "64M": bytes, with K, M or G for powers of 1024. */
bool option_bytes(const char *option, const char *text, uint64_t *out);

/* Of "dns,tls,quic", or "all" or "none": GRAIN_STAGE_* bits. */
bool option_stages(const char *option, const char *text, uint32_t *out);

/* Of commands that read what is attached. */
#define OPTION_PIN_ROOT                                                 \
    "  --pin-root DIR  where the maps are pinned ($GRAIN_PIN_ROOT, or " \
    "/sys/fs/bpf/grain)\n"

#endif
