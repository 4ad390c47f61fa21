// SPDX-License-Identifier: GPL-2.0-only
/* What a schema cannot say: values, names that must exist, and defaults. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "address.h"
#include "config_private.h"
#include "sink_statsd.h"

#define SECOND_NS 1000000000ULL
#define PATH_MOST 256

char *config_copy(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = cyaml_mem(NULL, NULL, length);

    if (copy)
        memcpy(copy, text, length);
    return copy;
}

/* ---- values ---- */

/* A number, and the letters behind it. */
static bool number_of(const char *text, double *number, const char **letters)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtod(text, &end);
    *letters = end;
    return !errno && isfinite(*number) && end - text == (long)strspn(text, "0123456789.");
}

bool config_duration(const char *text, uint64_t least_ns, uint64_t most_ns, uint64_t *out)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    const char *unit;
    double number;

    if (!number_of(text, &number, &unit))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double ns = number * units[i].ns;

        if (strcmp(unit, units[i].unit))
            continue;
        if (ns < (double)least_ns || ns > (double)most_ns)
            return false;
        *out = (uint64_t)ns;
        return true;
    }
    return false;
}

bool config_size(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    static const char letters[] = "KMGT";
    const char *unit, *letter;
    double number;

    if (!number_of(text, &number, &unit))
        return false;
    if (*unit) {
        letter = strchr(letters, *unit);
        if (!letter || unit[1])
            return false;
        number = ldexp(number, 10 * (int)(letter - letters + 1));
    }
    if (number < (double)least || number > (double)most)
        return false;
    *out = (uint64_t)number;
    return true;
}

/* ---- helpers that say what was expected ---- */

struct place {
    const struct grain_config_file *config;
    char path[PATH_MOST];
};

__attribute__((format(printf, 3, 4))) static void
set_place(struct place *place, const struct grain_config_file *config, const char *format, ...)
{
    va_list arguments;

    place->config = config;
    va_start(arguments, format);
    (void)vsnprintf(place->path, sizeof(place->path), format, arguments);
    va_end(arguments);
}

static int fill(char **value, const char *text)
{
    if (!*value && !(*value = config_copy(text)))
        return grain_fail(-ENOMEM, "no memory");
    return 0;
}

static int check_duration(const struct place *place, const char *key, char **value,
                          const char *otherwise, uint64_t least_ns, uint64_t most_ns, uint64_t *out)
{
    char path[PATH_MOST + 64];
    int error = fill(value, otherwise);

    if (error || config_duration(*value, least_ns, most_ns, out))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path,
                       "\"%s\": expected a time with its unit, as \"10s\", \"500ms\" or \"5m\", "
                       "from %g s to %g s",
                       *value, (double)least_ns / 1e9, (double)most_ns / 1e9);
}

static int check_size(const struct place *place, const char *key, char **value,
                      const char *otherwise, uint64_t least, uint64_t most, uint64_t *out)
{
    char path[PATH_MOST + 64];
    int error = fill(value, otherwise);

    if (error || config_size(*value, least, most, out))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path,
                       "\"%s\": expected bytes, as \"64K\", \"16M\" or \"1G\", from %llu to %llu",
                       *value, (unsigned long long)least, (unsigned long long)most);
}

/* One of some words; its number in *out. */
static int check_word(const struct place *place, const char *key, char **value,
                      const char *otherwise, const char *const *words, int *out)
{
    char path[PATH_MOST + 64], list[256] = "";
    const char *meant;
    int error = fill(value, otherwise);

    if (error)
        return error;
    for (int i = 0; words[i]; i++) {
        size_t length = strlen(list);

        if (!strcmp(words[i], *value)) {
            *out = i;
            return 0;
        }
        (void)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", words[i]);
    }
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    meant = config_nearest(words, *value);
    if (meant)
        return config_fail(place->config, path, "there is no \"%s\"; did you mean \"%s\"?", *value,
                           meant);
    return config_fail(place->config, path, "there is no \"%s\"; there are %s", *value, list);
}

static int fill_number(uint32_t **value, uint32_t otherwise)
{
    if (*value)
        return 0;
    *value = cyaml_mem(NULL, NULL, sizeof(**value));
    if (!*value)
        return grain_fail(-ENOMEM, "no memory");
    **value = otherwise;
    return 0;
}

static int check_number(const struct place *place, const char *key, uint32_t **value,
                        uint32_t otherwise, uint32_t least, uint32_t most)
{
    char path[PATH_MOST + 64];
    bool given = *value;
    int error = fill_number(value, otherwise);

    if (error || !given || (**value >= least && **value <= most))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path, "%u: expected a number from %u to %u", **value, least,
                       most);
}

/* Letters, digits, "-" and "_": names become files and tags. */
static int check_name(const struct place *place, const char *name)
{
    char path[PATH_MOST + 64];
    size_t length = strlen(name);

    if (length < GRAIN_SINK_NAME_MAX &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length)
        return 0;
    (void)snprintf(path, sizeof(path), "%s.name", place->path);
    return config_fail(place->config, path,
                       "\"%s\": expected up to %d letters, digits, \"-\" and \"_\"", name,
                       GRAIN_SINK_NAME_MAX - 1);
}

static int fill_mapping(void **mapping, size_t size)
{
    if (*mapping)
        return 0;
    *mapping = cyaml_mem(NULL, NULL, size);
    if (!*mapping)
        return grain_fail(-ENOMEM, "no memory");
    memset(*mapping, 0, size);
    return 0;
}

/* ---- the parts ---- */

static int check_agent(struct grain_config_file *config)
{
    static const char *const starts[] = {"all", "now", NULL};
    struct grain_config_agent *out = &config->agent;
    struct config_agent *agent;
    struct place place;
    uint64_t ring = 0;
    int start = 0;
    int error = fill_mapping((void **)&config->root->agent, sizeof(*agent));

    if (error)
        return error;
    agent = config->root->agent;
    set_place(&place, config, "agent");
    error = check_duration(&place, "interval", &agent->interval, "10s", SECOND_NS / 10,
                           3600 * SECOND_NS, &out->interval_ns);
    if (!error)
        error = check_duration(&place, "stop_within", &agent->stop_within, "5s", 0, 600 * SECOND_NS,
                               &out->drain_ns);
    if (!error)
        error = check_word(&place, "start", &agent->start, "all", starts, &start);
    if (!error)
        error = check_size(&place, "ring", &agent->ring, "1M", 4096, 256 << 20, &ring);
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

static int check_statsd(const struct place *sink, struct config_statsd *statsd)
{
    static const char *const formats[] = {"plain", "dogstatsd", "graphite", "influxdb", NULL};
    struct grain_address address;
    struct place place;
    int format;
    int error;

    set_place(&place, sink->config, "%s.statsd", sink->path);
    error = check_word(&place, "format", &statsd->format, "dogstatsd", formats, &format);
    if (!error)
        error = fill(&statsd->prefix, "grain");
    if (!error && grain_address_read(&address, statsd->address, GRAIN_STATSD_PORT)) {
        char path[PATH_MOST + 16];

        (void)snprintf(path, sizeof(path), "%s.address", place.path);
        return config_fail(sink->config, path, "%s", grain_error());
    }
    if (!error)
        error = check_number(&place, "payload", &statsd->payload, address.unix_socket ? 8192 : 1432,
                             128, 65000);
    return error;
}

static int check_queue(const struct place *sink, struct config_sink *config,
                       struct checked_queue *out)
{
    static const char *const policies[] = {"drop_oldest", "drop_newest", NULL};
    struct place place;
    int policy = 0;
    int error = fill_mapping((void **)&config->queue, sizeof(*config->queue));

    if (error)
        return error;
    set_place(&place, sink->config, "%s.queue", sink->path);
    error = check_size(&place, "size", &config->queue->size, "4M", GRAIN_QUEUE_SIZE_LEAST,
                       GRAIN_QUEUE_SIZE_MOST, &out->size);
    if (!error)
        error = check_word(&place, "when_full", &config->queue->when_full, "drop_oldest", policies,
                           &policy);
    if (!error)
        error = check_duration(&place, "retry_most", &config->queue->retry_most, "30s",
                               SECOND_NS / 10, 3600 * SECOND_NS, &out->retry_most_ns);
    out->drop_newest = policy;
    return error;
}

static int check_sink(struct grain_config_file *config, uint32_t i)
{
    struct config_sink *sink = &config->root->sinks[i];
    struct place place;
    int error;

    set_place(&place, config, "sinks[%u]", i);
    error = check_name(&place, sink->name);
    for (uint32_t k = 0; !error && k < i; k++)
        if (!strcmp(config->root->sinks[k].name, sink->name))
            error = config_fail(config, place.path, "the name \"%s\" is taken by sinks[%u]",
                                sink->name, k);
    if (!error && !sink->statsd)
        error = config_fail(config, place.path,
                            "sink \"%s\": its kind is missing: expected one of statsd", sink->name);
    if (!error && sink->statsd)
        error = check_statsd(&place, sink->statsd);
    return error ? error : check_queue(&place, sink, &config->queues[i]);
}

static int check_group(struct grain_config_file *config, uint32_t i, uint32_t k)
{
    const char *words[GRAIN_GROUP_COUNT + 1] = {NULL};
    struct config_pipeline *pipeline = &config->root->pipelines[i];
    const char *meant;
    char path[PATH_MOST], list[256] = "";

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
    char path[PATH_MOST];

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

static int check_step(struct grain_config_file *config, uint32_t i, uint32_t k)
{
    struct config_step *step = &config->root->pipelines[i].steps[k];
    struct place place;
    int error = 0;

    set_place(&place, config, "pipelines[%u].steps[%u]", i, k);
    if (!step->top)
        return config_fail(config, place.path, "expected one step: top");
    set_place(&place, config, "pipelines[%u].steps[%u].top", i, k);
    error = check_number(&place, "keep", &step->top->keep, 100, 0, 1000000);
    return error;
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
    struct place place;
    int error;

    set_place(&place, config, "pipelines[%u]", i);
    error = check_name(&place, pipeline->name);
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
        error = check_step(config, i, k);
    return error;
}

/* ---- interfaces ---- */

static int check_attach(struct grain_config_file *config)
{
    struct config_attach *attach = config->root->attach;
    struct place place;
    uint64_t memory;
    int error = 0;

    if (!attach)
        return 0;
    set_place(&place, config, "attach");
    if (attach->memory)
        error = check_size(&place, "memory", &attach->memory, "", 1 << 20, 1ULL << 40, &memory);
    if (!error && attach->event_rate)
        error = check_number(&place, "event_rate", &attach->event_rate, 0, 0, 100000000);
    if (!error && attach->new_rate)
        error = check_number(&place, "new_rate", &attach->new_rate, 0, 0, 100000000);
    return error;
}

static int check_interface(struct grain_config_file *config, uint32_t i)
{
    static const char *const hooks[] = {"auto", "xdp", "tc", NULL};
    static const char *const modes[] = {"native", "skb", NULL};
    static const char *const directions[] = {"both", "in", "out", NULL};
    struct config_interface *interface = &config->root->interfaces[i];
    struct place place;
    int word, error;

    set_place(&place, config, "interfaces[%u]", i);
    error = check_word(&place, "hook", &interface->hook, "auto", hooks, &word);
    if (!error)
        error = check_word(&place, "mode", &interface->mode, "native", modes, &word);
    if (!error)
        error = check_word(&place, "direction", &interface->direction, "both", directions, &word);
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
    for (uint32_t i = 0; !error && i < config->root->interfaces_count; i++)
        error = check_interface(config, i);
    for (uint32_t i = 0; !error && i < config->root->sinks_count; i++)
        error = check_sink(config, i);
    for (uint32_t i = 0; !error && i < config->root->pipelines_count; i++)
        error = check_pipeline(config, i);
    if (!error && !config->root->pipelines_count)
        error = config_fail(config, "", "there are no pipelines: nothing would be told to anyone");
    return error;
}
