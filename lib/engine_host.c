// SPDX-License-Identifier: GPL-2.0-only
/* The host engine: the chain of the XDP program, compiled natively, on tables of its own. */
#include <stdlib.h>

#include "engine_private.h"
#include "host_env.h"
#include "stage/chain.h"

_Thread_local struct grain_host *grain_host_current;

struct host_state {
    struct grain_host host; /* first: emit gets this address */
    struct grain_engine *engine;
    uint8_t padded[14];
    uint8_t record[sizeof(struct grain_record) + 65536];
};

static int host_emit(struct grain_host *host, const void *record, size_t size, const void *bytes,
                     size_t length)
{
    struct host_state *state = (struct host_state *)host;
    int error;

    if (!state->engine->options.events)
        return -ENOENT;
    if (size + length > sizeof(state->record))
        return -ENOSPC;
    memcpy(state->record, record, size);
    memcpy(state->record + size, bytes, length);
    error = grain_engine_deliver(state->engine, state->record, size + length);
    if (error && !state->engine->callback_result)
        state->engine->callback_result = error;
    return 0;
}

static void host_close(struct grain_engine *engine)
{
    struct host_state *state = engine->state;

    if (!state)
        return;
    free(state->host.buckets);
    free(state->host.texts);
    free(state->host.tags);
    free(state->host.flows);
    free(state);
    engine->state = NULL;
}

static int host_open(struct grain_engine *engine)
{
    struct host_state *state = calloc(1, sizeof(*state));
    struct grain_host *host = state ? &state->host : NULL;

    if (!state)
        return grain_engine_fail(engine, -ENOMEM, "no memory for the host engine");
    engine->state = state;
    state->engine = engine;
    host->load = engine->load;
    host->config = engine->config;
    host->emit = host_emit;
    host->buckets = calloc((size_t)engine->load.bucket_mask + 1, sizeof(*host->buckets));
    host->texts = calloc((size_t)engine->load.text_mask + 1, sizeof(*host->texts));
    host->tags = calloc((size_t)engine->load.flow_mask + 1, sizeof(*host->tags));
    host->flows =
        calloc(((size_t)engine->load.flow_mask + 1) * GRAIN_FLOW_WAYS, sizeof(*host->flows));
    if (!host->buckets || !host->texts || !host->tags || !host->flows)
        return grain_engine_fail(engine, -ENOMEM, "no memory for the name tables");
    return 0;
}

static int host_run(struct grain_engine *engine, const struct grain_replay *replay,
                    const uint8_t *data)
{
    struct host_state *state = engine->state;
    grain_context ctx = {.data = data, .data_end = data + replay->captured_length};

    if (replay->captured_length < sizeof(state->padded)) {
        memset(state->padded, 0, sizeof(state->padded));
        memcpy(state->padded, data, replay->captured_length);
        ctx.data = state->padded;
        ctx.data_end = state->padded + sizeof(state->padded);
    }
    state->host.replay = *replay;
    grain_host_current = &state->host;
    grain_chain(&ctx);
    return 0;
}

/* Records were delivered as they came. */
static int host_drain(struct grain_engine *engine)
{
    (void)engine;
    return 0;
}

static int host_counts(struct grain_engine *engine, struct grain_engine_counts *out)
{
    const struct host_state *state = engine->state;
    const struct grain_host *host = &state->host;

    out->totals = host->totals;
    memcpy(out->counters, host->cpu.counters, sizeof(out->counters));
    memcpy(out->names, host->cpu.names, sizeof(out->names));
    memcpy(out->unattributed, host->cpu.unattributed, sizeof(out->unattributed));
    for (size_t i = 0; i <= engine->load.flow_mask; i++)
        for (int way = 0; way < GRAIN_FLOW_WAYS; way++)
            out->flows_pending += host->tags[i].tags[way] != 0;
    return 0;
}

static int host_slots(struct grain_engine *engine, struct grain_slot_list *out)
{
    const struct host_state *state = engine->state;

    for (size_t i = 0; i <= engine->load.bucket_mask; i++) {
        for (int s = 0; s < GRAIN_BUCKET_SLOTS; s++) {
            const struct grain_name_slot *slot = &state->host.buckets[i].slots[s];
            int error = slot->hash ? grain_slot_list_add(out, slot) : 0;

            if (error)
                return grain_engine_fail(engine, error, "no memory for the names");
        }
    }
    return 0;
}

static int host_texts(struct grain_engine *engine, uint32_t index, struct grain_text_bucket *out)
{
    const struct host_state *state = engine->state;

    *out = state->host.texts[index & engine->load.text_mask];
    return 0;
}

static int host_reset(struct grain_engine *engine)
{
    struct host_state *state = engine->state;
    struct grain_host *host = &state->host;
    size_t flows = (size_t)engine->load.flow_mask + 1;

    memset(&host->cpu, 0, sizeof(host->cpu));
    memset(&host->totals, 0, sizeof(host->totals));
    memset(host->buckets, 0, ((size_t)engine->load.bucket_mask + 1) * sizeof(*host->buckets));
    memset(host->texts, 0, ((size_t)engine->load.text_mask + 1) * sizeof(*host->texts));
    memset(host->tags, 0, flows * sizeof(*host->tags));
    for (size_t i = 0; i < flows * GRAIN_FLOW_WAYS; i++)
        host->flows[i].state = GRAIN_FLOW_FREE;
    return 0;
}

static int host_program_fd(const struct grain_engine *engine)
{
    (void)engine;
    return -EOPNOTSUPP;
}

const struct grain_engine_ops grain_engine_host_ops = {
    .open = host_open,
    .close = host_close,
    .run = host_run,
    .drain = host_drain,
    .counts = host_counts,
    .slots = host_slots,
    .texts = host_texts,
    .reset = host_reset,
    .program_fd = host_program_fd,
};
