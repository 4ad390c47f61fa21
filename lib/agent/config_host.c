// SPDX-License-Identifier: GPL-2.0-only
/* What is watched beside packets, and the history of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../error_private.h"
#include "config_private.h"

#define DAY_NS (24 * 3600 * 1000000000ULL)

/* "open", "read", ... into bits. */
static int operation_of(const struct grain_config_file *config, const char *path, const char *word,
                        uint32_t *bits)
{
    const char *words[GRAIN_HOST_OP_COUNT + 1] = {NULL}, *meant;
    char list[256] = "";

    for (unsigned int i = 0; i < GRAIN_HOST_OP_COUNT; i++) {
        size_t length = strlen(list);

        words[i] = grain_host_operation_name(i);
        if (!strcmp(words[i], word)) {
            *bits |= 1U << i;
            return 0;
        }
        (void)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", words[i]);
    }
    meant = config_nearest(words, word);
    if (meant)
        return config_fail(config, path, "there is no \"%s\"; did you mean \"%s\"?", word, meant);
    return config_fail(config, path, "there is no \"%s\"; there are %s", word, list);
}

/* A path with "*" or "?" is a pattern, one that ends with "/" or is a directory means all below. */
static enum grain_host_match match_of(const char *path)
{
    struct stat found;

    if (strpbrk(path, "*?"))
        return GRAIN_HOST_MATCH_GLOB;
    if (path[strlen(path) - 1] == '/' || (!stat(path, &found) && S_ISDIR(found.st_mode)))
        return GRAIN_HOST_MATCH_DIRECTORY;
    return GRAIN_HOST_MATCH_FILE;
}

static int add_rule(struct grain_config_file *config, const struct grain_host_rule *rule,
                    const char *path)
{
    if (config->watch.rule_count == GRAIN_HOST_RULES_MAX)
        return config_fail(config, path, "more than %d rules, those by default counted",
                           GRAIN_HOST_RULES_MAX);
    config->rules[config->watch.rule_count++] = *rule;
    return 0;
}

static int add_paths(struct grain_config_file *config, const char *key, char **paths,
                     uint32_t count, uint32_t operations, bool exclude)
{
    int error = 0;

    for (uint32_t i = 0; !error && i < count; i++) {
        struct grain_host_rule rule = {
            .path = paths[i], .operations = operations, .exclude = exclude};
        char path[CONFIG_PATH_MOST];

        (void)snprintf(path, sizeof(path), "host.files.%s[%u]", key, i);
        if (*paths[i] != '/')
            return config_fail(config, path, "\"%s\": expected a path from the root on", paths[i]);
        rule.match = match_of(paths[i]);
        error = add_rule(config, &rule, path);
    }
    return error;
}

static int check_files(struct grain_config_file *config, const struct config_files *files)
{
    uint32_t operations = 0;
    size_t count = 0;
    const struct grain_host_rule *defaults = grain_host_default_rules(&count);
    int error = 0;

    for (uint32_t i = 0; !error && i < files->operations_count; i++) {
        char path[CONFIG_PATH_MOST];

        (void)snprintf(path, sizeof(path), "host.files.operations[%u]", i);
        error = operation_of(config, path, files->operations[i], &operations);
    }
    /* Those by default are there unless the file has paths of its own, or says so. */
    if (files->defaults ? !*files->defaults : files->paths_count)
        count = 0;
    for (size_t i = 0; !error && i < count; i++) {
        struct grain_host_rule rule = defaults[i];

        if (operations && !rule.exclude)
            rule.operations = operations;
        error = add_rule(config, &rule, "host.files");
    }
    if (!error)
        error = add_paths(config, "paths", files->paths, files->paths_count, operations, false);
    if (!error)
        error = add_paths(config, "exclude", files->exclude, files->exclude_count, 0, true);
    if (!error && !config->watch.rule_count)
        error = config_fail(config, "host.files",
                            "no paths, and not those by default: nothing "
                            "would be watched");
    return error;
}

static int check_container_files(struct grain_config_file *config, const char *path)
{
    config->watch.container_files = path;
    if (!path || *path == '/')
        return 0;
    return config_fail(config, "host.container_files", "\"%s\": expected a path from the root on",
                       path);
}

static int check_host(struct grain_config_file *config)
{
    const struct config_host *host = config->root->host;
    struct config_place place;
    uint64_t ring = 0;
    int error = 0;

    if (!host)
        return 0;
    config_place(&place, config, "host");
    if (host->files) {
        config->watch.probes |= 1U << GRAIN_HOST_PROBE_FILES;
        error = check_files(config, host->files);
    }
    if (host->net && *host->net)
        config->watch.probes |= 1U << GRAIN_HOST_PROBE_NET;
    if (host->processes && *host->processes)
        config->watch.probes |= 1U << GRAIN_HOST_PROBE_PROCESSES;
    if (host->syscalls && *host->syscalls)
        config->watch.probes |= 1U << GRAIN_HOST_PROBE_SYSCALLS;
    if (!error)
        error = config_check_size(&place, "ring", &config->root->host->ring, "8M", 65536, 1 << 30,
                                  &ring);
    if (!error)
        error = check_container_files(config, host->container_files);
    for (config->watch.ring_bytes = 65536; config->watch.ring_bytes < ring;)
        config->watch.ring_bytes *= 2;
    return error;
}

static int check_history(struct grain_config_file *config)
{
    struct config_history *history = config->root->history;
    struct config_place place;
    int error;

    if (!history)
        return 0;
    config_place(&place, config, "history");
    error = config_check_duration(&place, "max_age", &history->max_age, "30d", DAY_NS / 24,
                                  10000 * DAY_NS, &config->watch.history_age_ns);
    if (!error)
        error = config_check_size(&place, "max_size", &history->max_size, "4G", 4 << 20, 1ULL << 50,
                                  &config->watch.history_bytes);
    if (!error && !history->path && !config->agent.state)
        error = config_fail(config, "history",
                            "where it is to be is not said: expected \"path\", or \"state\" of "
                            "the agent");
    if (!error && history->path && *history->path != '/')
        error = config_fail(config, "history.path", "\"%s\": expected a path from the root on",
                            history->path);
    if (!error && !history->path &&
        asprintf(&config->history, "%s/history.db", config->agent.state) < 0) {
        config->history = NULL;
        error = grain_fail(-ENOMEM, "no memory");
    }
    config->watch.history = history->path ? history->path : config->history;
    return error;
}

int config_check_host(struct grain_config_file *config)
{
    int error = check_host(config);

    config->watch.rules = config->rules;
    return error ? error : check_history(config);
}
