// SPDX-License-Identifier: GPL-2.0-only
/* What a schema cannot say: names that must exist, bounds that depend on others, defaults. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "config_private.h"

#define SECOND_NS 1000000000ULL

/* ---- the parts ---- */

static int check_agent(struct grain_config_file *config)
{
    static const char *const starts[] = {"all", "now", NULL};
    struct grain_config_agent *out = &config->agent;
    struct config_agent *agent;
    struct config_place place;
    uint64_t ring = 0;
    int start = 0;
    int error = config_fill_mapping((void **)&config->root->agent, sizeof(*agent));

    if (error)
        return error;
    agent = config->root->agent;
    config_place(&place, config, "agent");
    error = config_check_duration(&place, "interval", &agent->interval, "10s", SECOND_NS / 10,
                                  3600 * SECOND_NS, &out->interval_ns);
    if (!error)
        error = config_check_duration(&place, "stop_within", &agent->stop_within, "5s", 0,
                                      600 * SECOND_NS, &out->drain_ns);
    if (!error)
        error = config_check_word(&place, "start", &agent->start, "all", starts, &start);
    if (!error)
        error = config_check_size(&place, "ring", &agent->ring, "1M", 4096, 256 << 20, &ring);
    if (!error && agent->state && *agent->state != '/')
        error = config_fail(config, "agent.state", "\"%s\": expected a path from the root on",
                            agent->state);
    if (!error && agent->pin_root && *agent->pin_root != '/')
        error = config_fail(config, "agent.pin_root", "\"%s\": expected a path from the root on",
                            agent->pin_root);
    out->ring_bytes = (uint32_t)ring;
    out->from_now = start;
    out->state = agent->state;
    out->pin_root = agent->pin_root;
    return error;
}

static int check_group(struct grain_config_file *config, uint32_t i, uint32_t k)
{
    const char *words[GRAIN_GROUP_COUNT + 1] = {NULL};
    struct config_pipeline *pipeline = &config->root->pipelines[i];
    const char *meant;
    char path[CONFIG_PATH_MOST], list[256] = "";

    for (unsigned int group = 0; group < GRAIN_GROUP_COUNT; group++) {
        size_t length = strlen(list);

        words[group] = grain_group_name(group);
        if (!strcmp(words[group], pipeline->from[k]))
            return 0;
        (void)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "",
                       words[group]);
    }
    (void)snprintf(path, sizeof(path), "pipelines[%u].from[%u]", i, k);
    meant = config_nearest(words, pipeline->from[k]);
    if (meant)
        return config_fail(config, path, "there is no \"%s\"; did you mean \"%s\"?",
                           pipeline->from[k], meant);
    return config_fail(config, path, "there is no \"%s\"; there are %s", pipeline->from[k], list);
}

static int check_target(struct grain_config_file *config, uint32_t i, uint32_t k)
{
    const struct config_root *root = config->root;
    const char *words[CONFIG_SINKS_MAX + 1] = {NULL};
    const char *wanted = root->pipelines[i].to[k], *meant;
    char path[CONFIG_PATH_MOST];

    for (uint32_t sink = 0; sink < root->sinks_count; sink++) {
        words[sink] = root->sinks[sink].name;
        if (!strcmp(words[sink], wanted))
            return 0;
    }
    (void)snprintf(path, sizeof(path), "pipelines[%u].to[%u]", i, k);
    meant = config_nearest(words, wanted);
    return config_fail(config, path, "there is no sink \"%s\"%s%s%s", wanted,
                       meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
}

/* Everything but events. */
static int default_from(struct config_pipeline *pipeline)
{
    static const enum grain_group groups[] = {GRAIN_GROUP_TOTALS, GRAIN_GROUP_NAMES,
                                              GRAIN_GROUP_LOSSES, GRAIN_GROUP_TABLES,
                                              GRAIN_GROUP_AGENT};
    const uint32_t count = sizeof(groups) / sizeof(groups[0]);

    if (pipeline->from)
        return 0;
    pipeline->from = cyaml_mem(NULL, NULL, count * sizeof(*pipeline->from));
    for (uint32_t i = 0; pipeline->from && i < count; i++) {
        pipeline->from[i] = config_copy(grain_group_name(groups[i]));
        if (!pipeline->from[i])
            return grain_fail(-ENOMEM, "no memory");
        pipeline->from_count++;
    }
    return pipeline->from ? 0 : grain_fail(-ENOMEM, "no memory");
}

static int default_top(struct config_step *step, const char *of, const char *first,
                       const char *second)
{
    struct config_top *top = cyaml_mem(NULL, NULL, sizeof(*top));

    if (!top)
        return grain_fail(-ENOMEM, "no memory");
    memset(top, 0, sizeof(*top));
    step->top = top;
    top->of = config_copy(of);
    top->by = cyaml_mem(NULL, NULL, 2 * sizeof(*top->by));
    if (!top->of || !top->by || !(top->by[top->by_count++] = config_copy(first)))
        return grain_fail(-ENOMEM, "no memory");
    if (second && !(top->by[top->by_count++] = config_copy(second)))
        return grain_fail(-ENOMEM, "no memory");
    return 0;
}

/* Without a word on steps, the number of series is bounded. */
static int default_steps(struct config_pipeline *pipeline)
{
    int error;

    if (pipeline->steps)
        return 0;
    pipeline->steps = cyaml_mem(NULL, NULL, 2 * sizeof(*pipeline->steps));
    if (!pipeline->steps)
        return grain_fail(-ENOMEM, "no memory");
    memset(pipeline->steps, 0, 2 * sizeof(*pipeline->steps));
    pipeline->steps_count = 2;
    error = default_top(&pipeline->steps[0], "dns.names", "qname", "qtype");
    return error ? error : default_top(&pipeline->steps[1], "tls.names", "sni", NULL);
}

static int check_pipeline(struct grain_config_file *config, uint32_t i)
{
    struct config_pipeline *pipeline = &config->root->pipelines[i];
    struct config_place place;
    int error;

    config_place(&place, config, "pipelines[%u]", i);
    error = config_check_name(&place, pipeline->name);
    for (uint32_t k = 0; !error && k < i; k++)
        if (!strcmp(config->root->pipelines[k].name, pipeline->name))
            error = config_fail(config, place.path, "the name \"%s\" is taken by pipelines[%u]",
                                pipeline->name, k);
    if (!error)
        error = default_from(pipeline);
    if (!error)
        error = default_steps(pipeline);
    for (uint32_t k = 0; !error && k < pipeline->from_count; k++)
        error = check_group(config, i, k);
    for (uint32_t k = 0; !error && k < pipeline->to_count; k++)
        error = check_target(config, i, k);
    for (uint32_t k = 0; !error && k < pipeline->steps_count; k++)
        error = config_check_step(config, i, k);
    return error;
}

/* ---- interfaces ---- */

static int check_attach(struct grain_config_file *config)
{
    struct config_attach *attach = config->root->attach;
    struct config_place place;
    uint64_t memory;
    int error = 0;

    if (!attach)
        return 0;
    config_place(&place, config, "attach");
    if (attach->memory)
        error =
            config_check_size(&place, "memory", &attach->memory, "", 1 << 20, 1ULL << 40, &memory);
    if (!error && attach->event_rate)
        error = config_check_number(&place, "event_rate", &attach->event_rate, 0, 0, 100000000);
    if (!error && attach->new_rate)
        error = config_check_number(&place, "new_rate", &attach->new_rate, 0, 0, 100000000);
    return error;
}

/* Who keeps a history, or gives connections the names of DNS answers, needs each message: all that
 * the rate allows, unless the file says otherwise. */
static int fill_sample(struct grain_config_file *config)
{
    bool all = config->watch.history || config->watch.probes & 1U << GRAIN_HOST_PROBE_NET;
    int error;

    if (!all || !config->root->interfaces_count)
        return 0;
    error = config_fill_mapping((void **)&config->root->attach, sizeof(*config->root->attach));
    return error ? error : config_fill_number(&config->root->attach->sample, 1);
}

static int check_interface(struct grain_config_file *config, uint32_t i)
{
    static const char *const hooks[] = {"auto", "xdp", "tc", NULL};
    static const char *const modes[] = {"native", "skb", NULL};
    static const char *const directions[] = {"both", "in", "out", NULL};
    struct config_interface *interface = &config->root->interfaces[i];
    struct config_place place;
    int word, error;

    config_place(&place, config, "interfaces[%u]", i);
    error = config_check_word(&place, "hook", &interface->hook, "auto", hooks, &word);
    if (!error)
        error = config_check_word(&place, "mode", &interface->mode, "native", modes, &word);
    if (!error)
        error = config_check_word(&place, "direction", &interface->direction, "both", directions,
                                  &word);
    if (!error && (*interface->name == '-' || strpbrk(interface->name, "/ \t\n")))
        error =
            config_fail(config, place.path, "\"%s\" is no name of an interface", interface->name);
    for (uint32_t k = 0; !error && k < i; k++)
        if (!strcmp(config->root->interfaces[k].name, interface->name))
            error = config_fail(config, place.path, "\"%s\" stands in interfaces[%u] already",
                                interface->name, k);
    return error;
}

int config_check(struct grain_config_file *config)
{
    int error = check_agent(config);

    if (!error)
        error = check_attach(config);
    if (!error)
        error = config_check_host(config);
    if (!error)
        error = fill_sample(config);
    for (uint32_t i = 0; !error && i < config->root->interfaces_count; i++)
        error = check_interface(config, i);
    for (uint32_t i = 0; !error && i < config->root->sinks_count; i++)
        error = config_check_sink(config, i);
    for (uint32_t i = 0; !error && i < config->root->pipelines_count; i++)
        error = check_pipeline(config, i);
    if (!error && !config->root->pipelines_count && !config->root->history)
        error = config_fail(
            config, "", "there are no pipelines and no history: nothing would be told to anyone");
    return error;
}
