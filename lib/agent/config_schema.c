// SPDX-License-Identifier: GPL-2.0-only
/* The keys there are, their kinds and bounds. docs/grain.yaml explains them. */
#include "config_private.h"

#define TEXT_MOST 4095
#define OPTIONAL  (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

#define TEXT(type, key) CYAML_FIELD_STRING_PTR(#key, OPTIONAL, struct type, key, 1, TEXT_MOST)
#define REQUIRED(type, key) \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct type, key, 1, TEXT_MOST)
#define NUMBER(type, key)          CYAML_FIELD_UINT_PTR(#key, OPTIONAL, struct type, key)
#define FLAG(type, key)            CYAML_FIELD_BOOL_PTR(#key, OPTIONAL, struct type, key)
#define MAPPING(type, key, fields) CYAML_FIELD_MAPPING_PTR(#key, OPTIONAL, struct type, key, fields)
#define TEXTS(type, key, flags, least, most) \
    CYAML_FIELD_SEQUENCE(#key, flags, struct type, key, &text, least, most)

static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MOST)};

static const cyaml_schema_field_t agent_fields[] = {TEXT(config_agent, interval),
                                                    TEXT(config_agent, state),
                                                    TEXT(config_agent, pin_root),
                                                    TEXT(config_agent, stop_within),
                                                    TEXT(config_agent, start),
                                                    TEXT(config_agent, ring),
                                                    CYAML_FIELD_END};

static const cyaml_schema_field_t queue_fields[] = {
    TEXT(config_queue, size), TEXT(config_queue, when_full), TEXT(config_queue, retry_most),
    CYAML_FIELD_END};

static const cyaml_schema_field_t statsd_fields[] = {
    REQUIRED(config_statsd, address), TEXT(config_statsd, format),
    CYAML_FIELD_STRING_PTR("prefix", OPTIONAL, struct config_statsd, prefix, 0, 255),
    NUMBER(config_statsd, payload), CYAML_FIELD_END};

static const cyaml_schema_field_t json_fields[] = {REQUIRED(config_json, target),
                                                   TEXT(config_json, rotate),
                                                   NUMBER(config_json, keep), CYAML_FIELD_END};

static const cyaml_schema_field_t console_fields[] = {FLAG(config_console, utc), CYAML_FIELD_END};

static const cyaml_schema_field_t prometheus_fields[] = {
    TEXT(config_prometheus, listen), TEXT(config_prometheus, expire),
    NUMBER(config_prometheus, series), CYAML_FIELD_END};

static const cyaml_schema_field_t header_fields[] = {
    REQUIRED(config_header, name), TEXT(config_header, value), TEXT(config_header, value_file),
    TEXT(config_header, value_env), CYAML_FIELD_END};

static const cyaml_schema_value_t header = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_header, header_fields)};

static const cyaml_schema_field_t http_fields[] = {
    REQUIRED(config_http, url),
    CYAML_FIELD_SEQUENCE("headers", OPTIONAL, struct config_http, headers, &header, 0, 32),
    FLAG(config_http, gzip),
    TEXT(config_http, ca),
    TEXT(config_http, body),
    TEXT(config_http, timeout),
    TEXT(config_http, connect_timeout),
    TEXT(config_http, retry_after_most),
    CYAML_FIELD_END};

static const cyaml_schema_field_t s3_fields[] = {REQUIRED(config_s3, bucket),
                                                 TEXT(config_s3, endpoint),
                                                 TEXT(config_s3, region),
                                                 TEXT(config_s3, prefix),
                                                 TEXT(config_s3, access_key),
                                                 TEXT(config_s3, secret_key_file),
                                                 TEXT(config_s3, secret_key_env),
                                                 TEXT(config_s3, profile),
                                                 TEXT(config_s3, credentials_file),
                                                 TEXT(config_s3, ca),
                                                 TEXT(config_s3, object),
                                                 TEXT(config_s3, timeout),
                                                 CYAML_FIELD_END};

static const cyaml_schema_field_t sink_fields[] = {
    REQUIRED(config_sink, name),
    MAPPING(config_sink, queue, queue_fields),
    MAPPING(config_sink, statsd, statsd_fields),
    MAPPING(config_sink, json, json_fields),
    MAPPING(config_sink, console, console_fields),
    MAPPING(config_sink, prometheus, prometheus_fields),
    MAPPING(config_sink, http, http_fields),
    MAPPING(config_sink, s3, s3_fields),
    CYAML_FIELD_END};

static const cyaml_schema_value_t sink = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_sink, sink_fields)};

static const cyaml_schema_field_t top_fields[] = {REQUIRED(config_top, of),
                                                  TEXTS(config_top, by, CYAML_FLAG_POINTER, 1, 8),
                                                  NUMBER(config_top, keep), CYAML_FIELD_END};

static const cyaml_schema_field_t pattern_fields[] = {
    REQUIRED(config_pattern, key), REQUIRED(config_pattern, regex),
    CYAML_FIELD_STRING_PTR("replace", CYAML_FLAG_POINTER, struct config_pattern, replace, 0,
                           TEXT_MOST),
    FLAG(config_pattern, whole), CYAML_FIELD_END};

static const cyaml_schema_value_t pattern = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_pattern, pattern_fields)};

static const cyaml_schema_field_t system_fields[] = {TEXT(config_system, instance),
                                                     CYAML_FIELD_END};

static const cyaml_schema_value_t percentile = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};

static const cyaml_schema_field_t aggregate_fields[] = {
    TEXT(config_aggregate, interval), TEXT(config_aggregate, gauges),
    CYAML_FIELD_SEQUENCE("percentiles", OPTIONAL, struct config_aggregate, percentiles, &percentile,
                         1, 16),
    TEXTS(config_aggregate, events_by, OPTIONAL, 0, 16), CYAML_FIELD_END};

static const cyaml_schema_field_t geo_fields[] = {REQUIRED(config_geo, database),
                                                  TEXTS(config_geo, keys, CYAML_FLAG_POINTER, 1, 8),
                                                  CYAML_FIELD_END};

static const cyaml_schema_field_t step_fields[] = {
    TEXT(config_step, filter),
    TEXT(config_step, filter_out),
    TEXTS(config_step, allow, OPTIONAL, 0, GRAIN_TAGS_MAX),
    TEXTS(config_step, drop, OPTIONAL, 1, GRAIN_TAGS_MAX),
    CYAML_FIELD_SEQUENCE("regex", OPTIONAL, struct config_step, regex, &pattern, 1, 32),
    MAPPING(config_step, system, system_fields),
    NUMBER(config_step, sample),
    MAPPING(config_step, aggregate, aggregate_fields),
    MAPPING(config_step, top, top_fields),
    MAPPING(config_step, geo, geo_fields),
    CYAML_FIELD_END};

static const cyaml_schema_value_t step = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_step, step_fields)};

static const cyaml_schema_field_t pipeline_fields[] = {
    REQUIRED(config_pipeline, name), TEXTS(config_pipeline, from, OPTIONAL, 1, GRAIN_GROUP_COUNT),
    CYAML_FIELD_SEQUENCE("steps", OPTIONAL, struct config_pipeline, steps, &step, 0,
                         CONFIG_STEPS_MAX),
    TEXTS(config_pipeline, to, CYAML_FLAG_POINTER, 1, CONFIG_SINKS_MAX), CYAML_FIELD_END};

static const cyaml_schema_value_t pipeline = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_pipeline, pipeline_fields)};

static const cyaml_schema_field_t attach_fields[] = {TEXT(config_attach, stages),
                                                     TEXT(config_attach, memory),
                                                     TEXT(config_attach, group),
                                                     NUMBER(config_attach, sample),
                                                     NUMBER(config_attach, event_rate),
                                                     NUMBER(config_attach, new_rate),
                                                     CYAML_FIELD_END};

static const cyaml_schema_field_t interface_fields[] = {
    REQUIRED(config_interface, name), TEXT(config_interface, hook), TEXT(config_interface, mode),
    TEXT(config_interface, direction), CYAML_FIELD_END};

static const cyaml_schema_value_t interface = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_interface, interface_fields)};

static const cyaml_schema_field_t files_fields[] = {
    FLAG(config_files, defaults), TEXTS(config_files, paths, OPTIONAL, 0, GRAIN_HOST_RULES_MAX),
    TEXTS(config_files, exclude, OPTIONAL, 0, GRAIN_HOST_RULES_MAX),
    TEXTS(config_files, operations, OPTIONAL, 1, GRAIN_HOST_OP_COUNT), CYAML_FIELD_END};

static const cyaml_schema_field_t host_fields[] = {MAPPING(config_host, files, files_fields),
                                                   FLAG(config_host, net),
                                                   FLAG(config_host, processes),
                                                   FLAG(config_host, syscalls),
                                                   TEXT(config_host, ring),
                                                   TEXT(config_host, container_files),
                                                   CYAML_FIELD_END};

static const cyaml_schema_field_t history_fields[] = {
    TEXT(config_history, path), TEXT(config_history, max_age), TEXT(config_history, max_size),
    CYAML_FIELD_END};

static const cyaml_schema_field_t root_fields[] = {
    MAPPING(config_root, agent, agent_fields),
    MAPPING(config_root, host, host_fields),
    MAPPING(config_root, history, history_fields),
    MAPPING(config_root, attach, attach_fields),
    CYAML_FIELD_SEQUENCE("interfaces", OPTIONAL, struct config_root, interfaces, &interface, 0,
                         CONFIG_INTERFACES_MAX),
    CYAML_FIELD_SEQUENCE("sinks", OPTIONAL, struct config_root, sinks, &sink, 0, CONFIG_SINKS_MAX),
    CYAML_FIELD_SEQUENCE("pipelines", OPTIONAL, struct config_root, pipelines, &pipeline, 0,
                         CONFIG_PIPELINES_MAX),
    CYAML_FIELD_END};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_root, root_fields)};
