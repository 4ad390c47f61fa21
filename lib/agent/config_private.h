/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_AGENT_CONFIG_PRIVATE_H
#define GRAIN_AGENT_CONFIG_PRIVATE_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "config.h"

#define CONFIG_SINKS_MAX      32
#define CONFIG_PIPELINES_MAX  32
#define CONFIG_STEPS_MAX      32
#define CONFIG_INTERFACES_MAX 64

/* ---- as the file has it; durations and sizes are texts there. NULL: not given. ---- */

struct config_agent {
    char *interval, *state, *pin_root, *stop_within, *start, *ring;
};

struct config_queue {
    char *size, *when_full, *retry_most;
};

struct config_statsd {
    char *address, *format, *prefix;
    uint32_t *payload;
};

struct config_sink {
    char *name;
    struct config_queue *queue;
    struct config_statsd *statsd;
};

struct config_top {
    char *of;
    char **by;
    uint32_t by_count;
    uint32_t *keep;
};

struct config_step {
    struct config_top *top;
};

struct config_pipeline {
    char *name;
    char **from;
    uint32_t from_count;
    struct config_step *steps;
    uint32_t steps_count;
    char **to;
    uint32_t to_count;
};

struct config_attach {
    char *stages, *memory;
    uint32_t *sample, *event_rate, *new_rate;
};

struct config_interface {
    char *name, *hook, *mode, *direction;
};

struct config_root {
    struct config_agent *agent;
    struct config_attach *attach;
    struct config_interface *interfaces;
    uint32_t interfaces_count;
    struct config_sink *sinks;
    uint32_t sinks_count;
    struct config_pipeline *pipelines;
    uint32_t pipelines_count;
};

extern const cyaml_schema_value_t config_schema;

/* ---- as checked ---- */

struct checked_queue {
    uint64_t size, retry_most_ns;
    bool drop_newest;
};

struct grain_config_file {
    char *name; /* of the file */
    struct config_root *root;
    yaml_document_t document;
    bool has_document;
    struct grain_config_agent agent;
    struct checked_queue queues[CONFIG_SINKS_MAX];
};

/*
 * "FILE:LINE: KEY: ..." through grain_fail, with the line on which the value at `path` stands.
 * A path is as in "sinks[0].statsd.address"; what is not there has the line of what holds it.
 */
int config_fail(const struct grain_config_file *config, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what the library that reads YAML said: lines of messages, and of where. */
int config_yaml_fail(struct grain_config_file *config, const char *messages);

/* The line of a path, from 1; 0: not known. */
size_t config_line(const struct grain_config_file *config, const char *path);

/* Parse the text once more, for the lines. */
void config_read_lines(struct grain_config_file *config, const char *text, size_t length);

/* Of the schema's keys in the mapping at `path`, the one most like `key`; NULL: none is. */
const char *config_suggest(const char *path, const char *key);
/* Of a list that ends with NULL. */
const char *config_nearest(const char *const *words, const char *word);

/* Check everything, and fill in defaults. */
int config_check(struct grain_config_file *config);

/* A fresh copy for the tree that libcyaml frees; NULL: no memory. */
char *config_copy(const char *text);

/* Values: false: what was expected is in *expected. */
bool config_duration(const char *text, uint64_t least_ns, uint64_t most_ns, uint64_t *out);
bool config_size(const char *text, uint64_t least, uint64_t most, uint64_t *out);

#endif
