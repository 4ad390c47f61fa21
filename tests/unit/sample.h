/* SPDX-License-Identifier: GPL-2.0-only */
/* What every parser test needs: cmocka, guarded memory, windows, and the samples with tshark's
 * answers. */
#ifndef GRAIN_TESTS_SAMPLE_H
#define GRAIN_TESTS_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guard.h"
#include "random.h"
#include "parse/window.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SAMPLE_MAX    4096

static const uint32_t window_kinds[] = {GRAIN_WINDOW_PACKET, GRAIN_WINDOW_BUFFER};

struct dns_answer {
    const char *file;
    uint32_t offset; /* 2 behind a length prefix */
    uint16_t id;
    uint8_t response;
    uint8_t opcode;
    uint16_t questions;
    uint16_t type;
    uint16_t class;
    uint16_t name_length;
    const char *name;
};

struct tls_answer {
    const char *file;
    uint32_t records;
    uint32_t hello_length;
    uint32_t legacy_version;
    const char *sni;
    const char *alpn;
    const char *versions;
};

struct quic_answer {
    const char *file;
    uint32_t version;
    uint32_t dcid_length;
    const char *dcid;
    uint32_t scid_length;
    const char *scid;
};

struct frame_answer {
    const char *file;
    uint16_t source_port;
    uint16_t destination_port;
    int payload_length; /* -1: no ports, no payload */
};

struct sample {
    size_t length;
    uint8_t bytes[SAMPLE_MAX];
};

static inline struct grain_window window_over(const uint8_t *base, size_t length, uint32_t kind)
{
    struct grain_window w = {.base = base, .kind = kind};

    w.end = kind == GRAIN_WINDOW_PACKET ? base + length : NULL;
    grain_window_limit(&w, (uint32_t)length);
    return w;
}

/* Fails the test when the file cannot be read. */
static inline void sample_read(const char *file, struct sample *s)
{
    char path[512];
    FILE *stream;

    snprintf(path, sizeof(path), "%s/%s", GRAIN_SAMPLES, file);
    stream = fopen(path, "rb");
    if (!stream)
        fail_msg("%s: cannot be opened", path);
    s->length = fread(s->bytes, 1, sizeof(s->bytes), stream);
    fclose(stream);
    assert_true(s->length > 0 && s->length < sizeof(s->bytes));
}

/* For every test: guarded memory as its state. */
static inline int guard_setup(void **state)
{
    struct guard *g = malloc(sizeof(*g));

    if (!g || guard_open(g, SAMPLE_MAX))
        return -1;
    *state = g;
    return 0;
}

static inline int guard_teardown(void **state)
{
    guard_close(*state);
    free(*state);
    return 0;
}

#endif
