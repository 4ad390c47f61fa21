// SPDX-License-Identifier: GPL-2.0-only
/* From a checked configuration to sinks and pipelines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "config_private.h"

/* What is made before anything changes. */
struct made {
    struct config_made_sink sinks[CONFIG_SINKS_MAX];
    struct grain_pipeline *pipelines[CONFIG_PIPELINES_MAX];
};

static void free_made(struct made *made)
{
    for (size_t i = 0; i < CONFIG_SINKS_MAX; i++) {
        if (made->sinks[i].state)
            made->sinks[i].type->free(made->sinks[i].state);
        free(made->sinks[i].settings);
    }
    for (size_t i = 0; i < CONFIG_PIPELINES_MAX; i++)
        grain_pipeline_free(made->pipelines[i]);
}

/* ---- pipelines ---- */

static unsigned int groups_of(const struct config_pipeline *pipeline)
{
    unsigned int groups = 0;

    for (uint32_t k = 0; k < pipeline->from_count; k++)
        for (unsigned int group = 0; group < GRAIN_GROUP_COUNT; group++)
            if (!strcmp(pipeline->from[k], grain_group_name(group)))
                groups |= 1U << group;
    return groups;
}

static int make_pipeline(struct grain_pipeline **out, const struct grain_config_file *config,
                         uint32_t i)
{
    const struct config_pipeline *pipeline = &config->root->pipelines[i];
    struct grain_pipeline *made = NULL;
    int error = grain_pipeline_new(&made, pipeline->name, groups_of(pipeline));

    for (uint32_t k = 0; made && !error && k < pipeline->steps_count; k++) {
        struct grain_step *step = NULL;

        error = config_make_step(&step, config, i, k);
        if (!error && step)
            error = grain_pipeline_add_step(made, step);
    }
    *out = made;
    return error;
}

/* ---- into force ---- */

static int add_sink(struct grain_agent *agent, const struct grain_config_file *config,
                    struct config_made_sink *made, uint32_t i)
{
    const struct checked_queue *queue = &config->queues[i];
    const char *name = config->root->sinks[i].name;
    struct grain_sink *sink;
    char file[GRAIN_SINK_NAME_MAX + 16];
    void *state = made->state;
    char *path;
    int error;

    (void)snprintf(file, sizeof(file), "%s.queue", name);
    path = grain_agent_path(agent, file);
    made->state = NULL;
    grain_agent_end_sink(agent, name);
    error = grain_sink_new(
        &sink, made->type, state,
        &(struct grain_sink_options){
            .name = name,
            .queue = {.path = path, .size = queue->size, .drop_newest = queue->drop_newest},
            .retry_most_ns = queue->retry_most_ns,
        });
    free(path);
    if (!error)
        error = grain_agent_add_sink(agent, sink);
    return error ? error : grain_agent_set_settings(agent, name, made->settings);
}

static bool queue_text_same(const char *a, const char *b)
{
    const char *x = strstr(a, "queue:"), *y = strstr(b, "queue:");

    return x && y && !strncmp(x, y, strcspn(x, "}") < 200 ? strcspn(x, "}") : 200);
}

/* A sink that is there already. A queue of another size is a new one on the same file. */
static int change_sink(struct grain_agent *agent, const struct grain_config_file *config,
                       struct config_made_sink *made, uint32_t i)
{
    const char *name = config->root->sinks[i].name;
    const char *before = grain_agent_settings(agent, name);
    int error;

    if (!strcmp(before, made->settings))
        return 0;
    if (!queue_text_same(before, made->settings)) {
        grain_agent_drop_sink(agent, name);
        return add_sink(agent, config, made, i);
    }
    error = grain_sink_replace(grain_agent_sink(agent, name), made->type, made->state);
    if (!error)
        made->state = NULL;
    return error ? error : grain_agent_set_settings(agent, name, made->settings);
}

static bool is_configured(const struct config_root *root, const char *name)
{
    for (uint32_t i = 0; i < root->sinks_count; i++)
        if (!strcmp(root->sinks[i].name, name))
            return true;
    return false;
}

static void drop_others(struct grain_agent *agent, const struct config_root *root)
{
    char name[GRAIN_SINK_NAME_MAX];

    for (size_t i = 0; grain_agent_sink_name(agent, i, name);) {
        if (is_configured(root, name))
            i++;
        else
            grain_agent_drop_sink(agent, name);
    }
}

static int join(struct grain_agent *agent, const struct config_pipeline *config,
                struct grain_pipeline *pipeline)
{
    int error = 0;

    for (uint32_t k = 0; !error && k < config->to_count; k++) {
        struct grain_sink *sink = grain_agent_sink(agent, config->to[k]);

        error = sink ? grain_pipeline_add_sink(pipeline, sink)
                     : grain_fail(-ENOENT, "pipeline %s: sink %s could not be made", config->name,
                                  config->to[k]);
    }
    if (!error)
        return grain_agent_add_pipeline(agent, pipeline);
    grain_pipeline_free(pipeline);
    return error;
}

/* New sinks first: when one cannot be made, all is as it was. */
static int put_in_force(const struct grain_config_file *config, struct grain_agent *agent,
                        struct made *made)
{
    const struct config_root *root = config->root;
    bool added[CONFIG_SINKS_MAX] = {false};
    int error = 0, first = 0;

    for (uint32_t i = 0; !error && i < root->sinks_count; i++) {
        if (grain_agent_sink(agent, root->sinks[i].name))
            continue;
        error = add_sink(agent, config, &made->sinks[i], i);
        added[i] = !error;
    }
    if (error) {
        for (uint32_t i = 0; i < root->sinks_count; i++)
            if (added[i])
                grain_agent_drop_sink(agent, root->sinks[i].name);
        return error;
    }
    grain_agent_drop_pipelines(agent);
    for (uint32_t i = 0; i < root->sinks_count; i++) {
        error = added[i] ? 0 : change_sink(agent, config, &made->sinks[i], i);
        first = first ? first : error;
    }
    drop_others(agent, root);
    for (uint32_t i = 0; i < root->pipelines_count; i++) {
        error = join(agent, &root->pipelines[i], made->pipelines[i]);
        made->pipelines[i] = NULL;
        first = first ? first : error;
    }
    grain_agent_set_interval(agent, config->agent.interval_ns);
    return first;
}

int grain_config_apply(const struct grain_config_file *config, struct grain_agent *agent)
{
    struct made *made = calloc(1, sizeof(*made));
    int error = 0;

    if (!made)
        return grain_fail(-ENOMEM, "no memory");
    for (uint32_t i = 0; !error && i < config->root->sinks_count; i++)
        error = config_make_sink(&made->sinks[i], config, i);
    for (uint32_t i = 0; !error && i < config->root->pipelines_count; i++)
        error = make_pipeline(&made->pipelines[i], config, i);
    if (!error && agent)
        error = put_in_force(config, agent, made);
    free_made(made);
    free(made);
    return error;
}
