/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engines share inside the library. */
#ifndef GRAIN_LIB_ENGINE_PRIVATE_H
#define GRAIN_LIB_ENGINE_PRIVATE_H

#include <grain/engine.h>

struct grain_engine;

/* A growing array of slots. */
struct grain_slot_list {
    struct grain_name_slot *slots;
    size_t count;
    size_t room;
};

struct grain_engine_ops {
    int (*open)(struct grain_engine *engine);
    void (*close)(struct grain_engine *engine);
    int (*run)(struct grain_engine *engine, const struct grain_replay *replay, const uint8_t *data);
    int (*drain)(struct grain_engine *engine);
    int (*counts)(struct grain_engine *engine, struct grain_engine_counts *out);
    /* Append every non-empty count slot of every CPU. */
    int (*slots)(struct grain_engine *engine, struct grain_slot_list *out);
    int (*texts)(struct grain_engine *engine, uint32_t index, struct grain_text_bucket *out);
    int (*reset)(struct grain_engine *engine);
    int (*program_fd)(const struct grain_engine *engine);
};

struct grain_engine {
    const struct grain_engine_ops *ops;
    struct grain_engine_options options;
    struct grain_load load;
    struct grain_config config;
    void *state;
    uint64_t heads_only;
    int callback_result;
    char error[256];
};

extern const struct grain_engine_ops grain_engine_bpf_ops;
extern const struct grain_engine_ops grain_engine_host_ops;

/* Note a failure and return it. */
int grain_engine_fail(struct grain_engine *engine, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Check a record that came out of a ring and hand it to the caller. */
int grain_engine_deliver(struct grain_engine *engine, const void *data, size_t size);

/* Copy a record out of a ring. It is untrusted: false when its header does not agree with what
 * came. The raw bytes behind it are those up to header.length. */
bool grain_record_take(struct grain_record *record, const void *data, size_t size);

int grain_slot_list_add(struct grain_slot_list *list, const struct grain_name_slot *slot);

/* Fill a hash key from the system's randomness, or from a seed that is not 0. */
int grain_hash_key_fill(struct grain_hash_key *key, uint64_t seed);

#endif
