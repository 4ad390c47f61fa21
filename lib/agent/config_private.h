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

struct config_json {
    char *target, *rotate;
    uint32_t *keep;
};

struct config_console {
    bool *utc;
};

struct config_prometheus {
    char *listen, *expire;
    uint32_t *series;
};

/* One of the three. */
struct config_header {
    char *name, *value, *value_file, *value_env;
};

struct config_http {
    char *url, *ca, *body, *timeout, *connect_timeout, *retry_after_most;
    struct config_header *headers;
    uint32_t headers_count;
    bool *gzip;
};

struct config_s3 {
    char *endpoint, *region, *bucket, *prefix, *access_key, *secret_key_file, *secret_key_env;
    char *profile, *credentials_file, *ca, *object, *timeout;
};

struct config_sink {
    char *name;
    struct config_queue *queue;
    struct config_statsd *statsd;
    struct config_json *json;
    struct config_console *console;
    struct config_prometheus *prometheus;
    struct config_http *http;
    struct config_s3 *s3;
};

struct config_top {
    char *of;
    char **by;
    uint32_t by_count;
    uint32_t *keep;
};

struct config_pattern {
    char *key, *regex, *replace;
    bool *whole;
};

struct config_system {
    char *instance;
};

struct config_aggregate {
    char *interval, *gauges;
    double *percentiles;
    uint32_t percentiles_count;
    char **events_by;
    uint32_t events_by_count;
};

struct config_geo {
    char *database;
    char **keys;
    uint32_t keys_count;
};

/* One of them. */
struct config_step {
    char *filter, *filter_out;
    char **allow, **drop;
    uint32_t allow_count, drop_count;
    struct config_pattern *regex;
    uint32_t regex_count;
    struct config_system *system;
    uint32_t *sample;
    struct config_aggregate *aggregate;
    struct config_top *top;
    struct config_geo *geo;
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
    char *stages, *memory, *group;
    uint32_t *sample, *event_rate, *new_rate;
};

struct config_interface {
    char *name, *hook, *mode, *direction;
};

struct config_files {
    bool *defaults;
    char **paths, **exclude, **operations;
    uint32_t paths_count, exclude_count, operations_count;
};

struct config_host {
    struct config_files *files;
    bool *net, *processes, *syscalls;
    char *ring, *container_files;
};

struct config_history {
    char *path, *max_age, *max_size;
};

struct config_root {
    struct config_agent *agent;
    struct config_host *host;
    struct config_history *history;
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
    struct grain_agent_watch watch;
    struct grain_host_rule rules[GRAIN_HOST_RULES_MAX];
    char *history; /* where it is when the file does not say so */
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

/* ---- values ---- */

#define CONFIG_PATH_MOST 256

bool config_duration(const char *text, uint64_t least_ns, uint64_t most_ns, uint64_t *out);
bool config_size(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* A mapping of the file, for what is wrong in it. */
struct config_place {
    const struct grain_config_file *config;
    char path[CONFIG_PATH_MOST];
};

void config_place(struct config_place *place, const struct grain_config_file *config,
                  const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Each checks the value at `key` there and fills in what is taken `otherwise`. */
int config_fill(char **value, const char *otherwise);
int config_fill_number(uint32_t **value, uint32_t otherwise);
int config_fill_mapping(void **mapping, size_t size);
int config_check_duration(const struct config_place *place, const char *key, char **value,
                          const char *otherwise, uint64_t least_ns, uint64_t most_ns,
                          uint64_t *out);
int config_check_size(const struct config_place *place, const char *key, char **value,
                      const char *otherwise, uint64_t least, uint64_t most, uint64_t *out);
int config_check_word(const struct config_place *place, const char *key, char **value,
                      const char *otherwise, const char *const *words, int *out);
int config_check_number(const struct config_place *place, const char *key, uint32_t **value,
                        uint32_t otherwise, uint32_t least, uint32_t most);
int config_check_name(const struct config_place *place, const char *name);
int config_fail_at(const struct config_place *place, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- sinks and steps ---- */

int config_check_host(struct grain_config_file *config);
int config_check_sink(struct grain_config_file *config, uint32_t i);
int config_check_step(struct grain_config_file *config, uint32_t i, uint32_t k);

/* What a sink is made from; *settings tells whether anything has changed, and is to be freed. */
struct config_made_sink {
    const struct grain_sink_type *type;
    void *state;
    char *settings;
};

int config_make_sink(struct config_made_sink *out, const struct grain_config_file *config,
                     uint32_t i);
int config_make_step(struct grain_step **out, const struct grain_config_file *config, uint32_t i,
                     uint32_t k);

/* As grain_config_show, with the secrets that stand in the file. */
int config_show_all(const struct grain_config_file *config, char **text, size_t *length);

#endif
