/* SPDX-License-Identifier: GPL-2.0-only */
/* The TLS stage: a ClientHello at the start of a TCP payload, or put together in a flow. */
#ifndef GRAIN_STAGE_TLS_H
#define GRAIN_STAGE_TLS_H

#include "../parse/tls.h"
#include "names.h"

#define GRAIN_HELLO_REFUSED 0 /* not a hello, or malformed */
#define GRAIN_HELLO_TAKEN   1
#define GRAIN_HELLO_CUT     2 /* the rest is to come */

/* A hello without a server name: counted, and an event where sampling says so. */
static __always_inline void grain_hello_nameless(grain_context *ctx, struct grain_cpu *cpu,
                                                 const struct grain_config *config,
                                                 struct grain_flow *flow, int where)
{
    __u32 flags = GRAIN_RECORD_FLAG_SAMPLED;

    grain_move(cpu, GRAIN_DISPOSITION_TLS_HELLO_NO_SNI);
    cpu->job.hash = 0;
    if (!grain_event_sampled(cpu, config))
        return;
    if (cpu->job.partial)
        flags |= GRAIN_RECORD_FLAG_PARTIAL;
    if (where == GRAIN_AT_FLOW)
        grain_event_stream(ctx, cpu, flow, GRAIN_RECORD_HELLO, flags);
    else
        grain_event_packet(ctx, cpu, config, GRAIN_RECORD_HELLO, flags);
}

/* The hello at the window's start, into cpu->hello. */
static __always_inline int grain_hello_parse_in(const struct grain_window *w, struct grain_cpu *cpu,
                                                bool joined)
{
    struct grain_tls_hello hello = {0};
    enum grain_parse_status status;

    status = grain_tls_hello_parse(w, joined, GRAIN_TLS_WANT_SNI, &hello);
    cpu->hello.sni_offset = hello.sni_offset;
    cpu->hello.sni_length = hello.sni_length;
    return status;
}

static __always_inline int grain_hello_parse_at(int where)
{
    struct grain_cpu *cpu = grain_env_cpu();
    struct grain_window w;

    if (!cpu || !grain_window_open(cpu, where, &w))
        return GRAIN_PARSE_MALFORMED;
    return grain_hello_parse_in(&w, cpu, where == GRAIN_AT_FLOW);
}

GRAIN_GLOBAL int grain_hello_parse_window(void)
{
    return grain_hello_parse_at(GRAIN_AT_WINDOW);
}

GRAIN_GLOBAL int grain_hello_parse_flow(void)
{
    return grain_hello_parse_at(GRAIN_AT_FLOW);
}

/*
 * Parse and count the hello. `final`: no more bytes will come (the frame was cut, or the message is
 * too long to keep), so a server name that is there is taken.
 */
static __always_inline int grain_hello_take(grain_context *ctx, struct grain_cpu *cpu,
                                            const struct grain_config *config,
                                            struct grain_flow *flow, int where, bool final)
{
    struct grain_window w;
    int status;
    bool taken;

    if (where == GRAIN_AT_PACKET) {
        grain_window_open_packet(ctx, cpu, &w);
        status = grain_hello_parse_in(&w, cpu, false);
    } else if (where == GRAIN_AT_WINDOW) {
        status = grain_hello_parse_window();
    } else {
        status = grain_hello_parse_flow();
    }
    if (status == GRAIN_PARSE_CUT) {
        if (!final || (!cpu->hello.sni_length && where != GRAIN_AT_FLOW))
            return GRAIN_HELLO_CUT;
    } else if (status != GRAIN_PARSE_OK) {
        return GRAIN_HELLO_REFUSED;
    }
    cpu->job.kind = GRAIN_NAME_TLS_SNI;
    cpu->job.type = 0;
    cpu->job.question = 0;
    cpu->job.message = 0;
    cpu->job.partial = status == GRAIN_PARSE_CUT;
    if (!cpu->hello.sni_length) {
        grain_hello_nameless(ctx, cpu, config, flow, where);
        return GRAIN_HELLO_TAKEN;
    }
    cpu->job.offset = cpu->hello.sni_offset;
    cpu->job.length = cpu->hello.sni_length;
    if (where == GRAIN_AT_PACKET)
        taken = grain_name_take_packet(ctx, cpu, config, &w);
    else
        taken = grain_name_take(ctx, cpu, config, flow, where);
    return taken ? GRAIN_HELLO_TAKEN : GRAIN_HELLO_REFUSED;
}

GRAIN_STAGE int grain_hello_window(grain_context *ctx, struct grain_cpu *cpu,
                                   const struct grain_config *config, __u32 final)
{
    return grain_hello_take(ctx, cpu, config, NULL, GRAIN_AT_WINDOW, final);
}

GRAIN_STAGE int grain_hello_flow(grain_context *ctx, struct grain_cpu *cpu,
                                 const struct grain_config *config, struct grain_flow *flow,
                                 __u32 final)
{
    return grain_hello_take(ctx, cpu, config, flow, GRAIN_AT_FLOW, final);
}

#endif
