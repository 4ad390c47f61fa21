// SPDX-License-Identifier: GPL-2.0-only
/* Steps of a configuration: which one, whether it is right, and the step itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "config_private.h"
#include "steps.h"

#define SECOND_NS 1000000000ULL
#define LIST_MAX  GRAIN_TAGS_MAX

static const char *const gauges[] = {"last", "min", "max", "mean", NULL};

/* A list as the steps take it. */
struct list {
    const char *texts[LIST_MAX + 1];
};

static const char *const *list_of(struct list *list, char *const *texts, uint32_t count)
{
    uint32_t i = 0;

    for (; i < count && i < LIST_MAX; i++)
        list->texts[i] = texts[i];
    list->texts[i] = NULL;
    return list->texts;
}

/* ---- each step ---- */

static int make_filter(struct grain_step **out, const struct config_step *step)
{
    return grain_step_filter(out, &(struct grain_filter_settings){.expression = step->filter});
}

static int make_filter_out(struct grain_step **out, const struct config_step *step)
{
    return grain_step_filter(
        out, &(struct grain_filter_settings){.expression = step->filter_out, .drop = true});
}

static int make_allow(struct grain_step **out, const struct config_step *step)
{
    struct list list;

    return grain_step_allow(
        out, &(struct grain_allow_settings){list_of(&list, step->allow, step->allow_count)});
}

static int make_drop(struct grain_step **out, const struct config_step *step)
{
    struct list list;

    return grain_step_drop(
        out, &(struct grain_drop_settings){list_of(&list, step->drop, step->drop_count)});
}

static int make_regex(struct grain_step **out, const struct config_step *step)
{
    struct grain_regex_pattern patterns[33] = {{NULL, NULL, NULL, false}};

    for (uint32_t i = 0; i < step->regex_count && i < 32; i++)
        patterns[i] = (struct grain_regex_pattern){
            .key = step->regex[i].key,
            .regex = step->regex[i].regex,
            .replace = step->regex[i].replace,
            .whole = step->regex[i].whole && *step->regex[i].whole,
        };
    return grain_step_regex(out, &(struct grain_regex_settings){patterns});
}

static int make_system(struct grain_step **out, const struct config_step *step)
{
    return grain_step_system(out, &(struct grain_system_settings){step->system->instance});
}

static int make_sample(struct grain_step **out, const struct config_step *step)
{
    return grain_step_sample(out, &(struct grain_sample_settings){*step->sample});
}

static int check_aggregate(const struct config_place *place, struct config_step *step)
{
    uint64_t interval_ns;
    int word;
    int error = config_check_duration(place, "interval", &step->aggregate->interval, "60s",
                                      SECOND_NS, 86400 * SECOND_NS, &interval_ns);

    if (!error)
        error = config_check_word(place, "gauges", &step->aggregate->gauges, "last", gauges, &word);
    return error;
}

static int make_aggregate(struct grain_step **out, const struct config_step *step)
{
    const struct config_aggregate *config = step->aggregate;
    struct list list;
    struct grain_aggregate_settings settings = {
        .percentiles = config->percentiles,
        .percentile_count = config->percentiles_count,
        .events_by =
            config->events_by ? list_of(&list, config->events_by, config->events_by_count) : NULL,
    };
    int word = 0;

    (void)config_duration(config->interval, 0, UINT64_MAX / 2, &settings.interval_ns);
    while (gauges[word + 1] && strcmp(gauges[word], config->gauges))
        word++;
    settings.gauges = (enum grain_aggregate_gauges)word;
    return grain_step_aggregate(out, &settings);
}

static int check_top(const struct config_place *place, struct config_step *step)
{
    return config_check_number(place, "keep", &step->top->keep, 100, 0, 1000000);
}

static int make_top(struct grain_step **out, const struct config_step *step)
{
    struct list list;

    return grain_step_top(
        out, &(struct grain_top_settings){.of = step->top->of,
                                          .by = list_of(&list, step->top->by, step->top->by_count),
                                          .keep = *step->top->keep});
}

static int make_geo(struct grain_step **out, const struct config_step *step)
{
    struct list list;

    return grain_step_geo(out, &(struct grain_geo_settings){
                                   .database = step->geo->database,
                                   .keys = list_of(&list, step->geo->keys, step->geo->keys_count)});
}

/* ---- which one ---- */

struct kind {
    const char *name;
    size_t member; /* of struct config_step: a pointer */
    int (*check)(const struct config_place *place, struct config_step *step);
    int (*make)(struct grain_step **out, const struct config_step *step);
};

#define KIND(key, check)                                           \
    {                                                              \
#key, offsetof(struct config_step, key), check, make_##key \
    }

static const struct kind kinds[] = {
    KIND(filter, NULL), KIND(filter_out, NULL), KIND(allow, NULL),
    KIND(drop, NULL),   KIND(regex, NULL),      KIND(system, NULL),
    KIND(sample, NULL), KIND(top, check_top),   KIND(aggregate, check_aggregate),
    KIND(geo, NULL),
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_kind(const struct config_step *step, const struct kind *kind)
{
    return *(void *const *)((const char *)step + kind->member);
}

static const struct kind *kind_of(const struct config_step *step, size_t *count)
{
    const struct kind *found = NULL;

    *count = 0;
    for (size_t i = 0; i < KINDS; i++)
        if (is_kind(step, &kinds[i])) {
            found = found ? found : &kinds[i];
            (*count)++;
        }
    return found;
}

int config_check_step(struct grain_config_file *config, uint32_t i, uint32_t k)
{
    struct config_step *step = &config->root->pipelines[i].steps[k];
    struct config_place place;
    const struct kind *kind;
    size_t count;

    config_place(&place, config, "pipelines[%u].steps[%u]", i, k);
    kind = kind_of(step, &count);
    if (count != 1)
        return config_fail(config, place.path,
                           "expected one step: filter, filter_out, allow, drop, regex, system, "
                           "sample, top, aggregate or geo%s",
                           count ? "; begin each with a dash of its own" : "");
    config_place(&place, config, "pipelines[%u].steps[%u].%s", i, k, kind->name);
    return kind->check ? kind->check(&place, step) : 0;
}

int config_make_step(struct grain_step **out, const struct grain_config_file *config, uint32_t i,
                     uint32_t k)
{
    const struct config_step *step = &config->root->pipelines[i].steps[k];
    size_t count;
    const struct kind *kind = kind_of(step, &count);
    int error = kind ? kind->make(out, step) : -EINVAL;
    char path[96];

    if (!error || error == -ENOMEM)
        return error;
    (void)snprintf(path, sizeof(path), "pipelines[%u].steps[%u].%s", i, k, kind ? kind->name : "");
    return config_fail(config, path, "%s", grain_error());
}
