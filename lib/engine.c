// SPDX-License-Identifier: GPL-2.0-only
/* What both engines have in common: options, settings, the checks of records. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grain/flow.h>
#include <grain/limits.h>

#include "quiet.h"
#include "tables_private.h"

static _Thread_local char last_error[256];

int grain_engine_fail(struct grain_engine *engine, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(engine->error, sizeof(engine->error), format, arguments);
    va_end(arguments);
    return error;
}

const char *grain_engine_error(const struct grain_engine *engine)
{
    return engine ? engine->error : last_error;
}

static bool power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

/* Tables by the number of names expected: see grain/limits.h. */
static int set_sizes(struct grain_engine *engine)
{
    uint32_t names = engine->options.names ? engine->options.names : GRAIN_NAMES_DEFAULT;
    uint32_t flows = engine->options.flows ? engine->options.flows : GRAIN_FLOW_BUCKETS_DEFAULT;

    if (!power_of_two(names) || names > 1 << 24)
        return grain_engine_fail(engine, -EINVAL, "names: %u is not a power of two up to 16777216",
                                 names);
    if (!power_of_two(flows) || flows > 1 << 20)
        return grain_engine_fail(engine, -EINVAL, "flows: %u is not a power of two up to 1048576",
                                 flows);
    engine->load.bucket_mask = names * 16 / GRAIN_BUCKET_SLOTS - 1;
    engine->load.text_mask = names * 16 / GRAIN_TEXT_WAYS - 1;
    engine->load.flow_mask = flows - 1;
    return 0;
}

static int set_up(struct grain_engine *engine)
{
    struct grain_config *config = &engine->config;
    int error = set_sizes(engine);

    if (error)
        return error;
    engine->load.hook = GRAIN_HOOK_XDP;
    engine->load.direction = GRAIN_DIRECTION_IN;
    engine->load.ethernet = engine->options.ethernet;
    engine->load.replay = 1;
    config->abi = GRAIN_ABI_VERSION;
    config->stages = GRAIN_STAGE_ALL;
    config->ticks_per_second = 1000;
    config->flow_timeout = 30 * 1000;
    config->sample = engine->options.sample ? engine->options.sample : 1;
    config->snap_length = engine->options.snap ? engine->options.snap : GRAIN_FRAME_HEAD;
    config->new_rate = engine->options.new_rate;
    config->new_burst = engine->options.new_burst;
    error = grain_hash_key_fill(&config->key, engine->options.seed);
    if (error)
        return grain_engine_fail(engine, error, "no random bytes for the hash key: %s",
                                 strerror(-error));
    return 0;
}

int grain_engine_new(struct grain_engine **out, const struct grain_engine_options *options)
{
    struct grain_engine *engine = calloc(1, sizeof(*engine));
    int error;

    grain_quiet_always();
    if (!engine)
        return -ENOMEM;
    if (options->size != sizeof(*options)) {
        snprintf(last_error, sizeof(last_error), "options of another library version");
        free(engine);
        return -EINVAL;
    }
    engine->options = *options;
    engine->ops =
        options->kind == GRAIN_ENGINE_BPF ? &grain_engine_bpf_ops : &grain_engine_host_ops;
    error = set_up(engine);
    if (!error)
        error = engine->ops->open(engine);
    if (error) {
        memcpy(last_error, engine->error, sizeof(last_error));
        grain_engine_free(engine);
        return error;
    }
    *out = engine;
    return 0;
}

void grain_engine_free(struct grain_engine *engine)
{
    if (!engine)
        return;
    engine->ops->close(engine);
    free(engine);
}

int grain_engine_run(struct grain_engine *engine, const struct grain_frame *frame)
{
    struct grain_replay replay = {
        .time_ns = frame->time_ns,
        .frame = frame->number,
        .wire_length = frame->wire_length,
        .captured_length = frame->captured_length,
    };

    if (replay.wire_length < replay.captured_length)
        replay.wire_length = replay.captured_length;
    if (replay.captured_length > GRAIN_FRAME_HEAD) {
        replay.captured_length = GRAIN_FRAME_HEAD;
        engine->heads_only++;
    }
    return engine->ops->run(engine, &replay, frame->data);
}

int grain_engine_drain(struct grain_engine *engine)
{
    int error = engine->ops->drain(engine);

    if (!error)
        error = engine->callback_result;
    engine->callback_result = 0;
    return error;
}

static int engine_slots(void *engine, struct grain_slot_list *out)
{
    const struct grain_engine *from = engine;

    return from->ops->slots(engine, out);
}

static int engine_texts(void *engine, uint32_t index, struct grain_text_bucket *out)
{
    const struct grain_engine *from = engine;

    return from->ops->texts(engine, index, out);
}

static struct grain_tables tables_of(struct grain_engine *engine)
{
    return (struct grain_tables){
        .slots = engine_slots,
        .texts = engine_texts,
        .user = engine,
        .text_mask = engine->load.text_mask,
        .key = &engine->config.key,
    };
}

int grain_engine_names(struct grain_engine *engine, grain_name_fn fn, void *user)
{
    const struct grain_tables tables = tables_of(engine);

    return grain_tables_names(&tables, NULL, fn, user);
}

int grain_engine_counts(struct grain_engine *engine, struct grain_engine_counts *out)
{
    const struct grain_tables tables = tables_of(engine);
    int error;

    memset(out, 0, sizeof(*out));
    error = engine->ops->counts(engine, out);
    out->heads_only = engine->heads_only;
    return error ? error : grain_tables_count(&tables, out);
}

int grain_engine_reset(struct grain_engine *engine)
{
    engine->heads_only = 0;
    engine->callback_result = 0;
    return engine->ops->reset(engine);
}

int grain_engine_program_fd(const struct grain_engine *engine)
{
    return engine->ops->program_fd(engine);
}

bool grain_record_take(struct grain_record *record, const void *data, size_t size)
{
    const struct grain_record_header *header = &record->header;

    /* In a ring, records start at any multiple of four. */
    if (size < sizeof(*record))
        return false;
    memcpy(record, data, sizeof(*record));
    return header->version == GRAIN_RECORD_VERSION && header->type >= GRAIN_RECORD_NAME &&
           header->type <= GRAIN_RECORD_DNS && header->header_length == sizeof(*record) &&
           header->length >= sizeof(*record) && header->length <= size;
}

int grain_engine_deliver(struct grain_engine *engine, const void *data, size_t size)
{
    struct grain_record record;

    if (!grain_record_take(&record, data, size))
        return grain_engine_fail(engine, -EBADMSG, "a record of %zu bytes makes no sense", size);
    if (!engine->options.on_record)
        return 0;
    return engine->options.on_record(engine->options.user, &record,
                                     (const uint8_t *)data + sizeof(record),
                                     record.header.length - sizeof(record));
}
