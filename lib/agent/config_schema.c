// SPDX-License-Identifier: GPL-2.0-only
/* The keys there are, their kinds and bounds. docs/grain.yaml explains them. */
#include "config_private.h"

#define TEXT_MOST 4095
#define OPTIONAL  (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

#define TEXT(type, key) CYAML_FIELD_STRING_PTR(#key, OPTIONAL, struct type, key, 1, TEXT_MOST)
#define REQUIRED(type, key) \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct type, key, 1, TEXT_MOST)
#define NUMBER(type, key)          CYAML_FIELD_UINT_PTR(#key, OPTIONAL, struct type, key)
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

static const cyaml_schema_field_t sink_fields[] = {
    REQUIRED(config_sink, name), MAPPING(config_sink, queue, queue_fields),
    MAPPING(config_sink, statsd, statsd_fields), CYAML_FIELD_END};

static const cyaml_schema_value_t sink = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_sink, sink_fields)};

static const cyaml_schema_field_t top_fields[] = {REQUIRED(config_top, of),
                                                  TEXTS(config_top, by, CYAML_FLAG_POINTER, 1, 8),
                                                  NUMBER(config_top, keep), CYAML_FIELD_END};

static const cyaml_schema_field_t step_fields[] = {MAPPING(config_step, top, top_fields),
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

static const cyaml_schema_field_t attach_fields[] = {
    TEXT(config_attach, stages),     TEXT(config_attach, memory),
    NUMBER(config_attach, sample),   NUMBER(config_attach, event_rate),
    NUMBER(config_attach, new_rate), CYAML_FIELD_END};

static const cyaml_schema_field_t interface_fields[] = {
    REQUIRED(config_interface, name), TEXT(config_interface, hook), TEXT(config_interface, mode),
    TEXT(config_interface, direction), CYAML_FIELD_END};

static const cyaml_schema_value_t interface = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_interface, interface_fields)};

static const cyaml_schema_field_t root_fields[] = {
    MAPPING(config_root, agent, agent_fields),
    MAPPING(config_root, attach, attach_fields),
    CYAML_FIELD_SEQUENCE("interfaces", OPTIONAL, struct config_root, interfaces, &interface, 0,
                         CONFIG_INTERFACES_MAX),
    CYAML_FIELD_SEQUENCE("sinks", OPTIONAL, struct config_root, sinks, &sink, 0, CONFIG_SINKS_MAX),
    CYAML_FIELD_SEQUENCE("pipelines", OPTIONAL, struct config_root, pipelines, &pipeline, 0,
                         CONFIG_PIPELINES_MAX),
    CYAML_FIELD_END};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_root, root_fields)};
