// SPDX-License-Identifier: GPL-2.0-only
/* Rules as they are given: checked, copied, and put into the form that the kernel tries. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "host_private.h"

#define CONTAINER_LEAST 4

static bool is_copied(char **to, const char *from)
{
    if (!from)
        return true;
    *to = strdup(from);
    return *to;
}

static bool has_wildcard(const char *text)
{
    return strpbrk(text, "*?");
}

/* Slashes once each, none at the end, no "."; NULL: it is not absolute, or goes up. */
static char *clean_path(const char *text)
{
    char *copy = strdup(text), *out = copy ? calloc(1, strlen(text) + 2) : NULL;
    char *rest = copy, *part, *at = out;

    if (!out || *text != '/')
        goto fail;
    while ((part = strtok_r(rest, "/", &rest))) {
        if (!strcmp(part, "."))
            continue;
        if (!strcmp(part, ".."))
            goto fail;
        *at++ = '/';
        at = stpcpy(at, part);
    }
    if (at == out)
        *at = '/';
    free(copy);
    return out;
fail:
    free(copy);
    free(out);
    return NULL;
}

static int check_container(size_t number, const char *text)
{
    const size_t length = strlen(text);

    if (length < CONTAINER_LEAST || length > HOST_CONTAINER_MAX)
        return grain_fail(-EINVAL,
                          "rule %zu: container '%s': an id, or the beginning of one, of "
                          "%d to %d characters",
                          number, text, CONTAINER_LEAST, HOST_CONTAINER_MAX);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_.", text[i]))
            return grain_fail(-EINVAL, "rule %zu: container '%s': letters and digits only", number,
                              text);
    return 0;
}

static int check(size_t number, const struct grain_host_rule *rule)
{
    if ((unsigned int)rule->match > GRAIN_HOST_MATCH_GLOB)
        return grain_fail(-EINVAL, "rule %zu: there is no such match: %d", number, rule->match);
    if ((rule->match == GRAIN_HOST_MATCH_ALL) != !rule->path)
        return grain_fail(-EINVAL, "rule %zu: %s", number,
                          rule->path ? "a path, but it matches all" : "no path");
    if (rule->operations >> GRAIN_HOST_OP_COUNT)
        return grain_fail(-EINVAL, "rule %zu: there are no such operations: %#x", number,
                          rule->operations);
    if (rule->comm && !*rule->comm)
        return grain_fail(-EINVAL, "rule %zu: an empty name of a process", number);
    return rule->container ? check_container(number, rule->container) : 0;
}

static int copy(struct grain_host_rule *to, size_t number, const struct grain_host_rule *from)
{
    char *path = NULL, *comm = NULL, *container = NULL;
    int error = check(number, from);

    if (error)
        return error;
    *to = *from;
    to->path = NULL;
    if (from->path) {
        path = clean_path(from->path);
        if (!path)
            return grain_fail(-EINVAL, "rule %zu: %s: not an absolute path without \"..\"", number,
                              from->path);
    }
    if (path && strlen(path) > HOST_PATTERN_MAX - 1) {
        free(path);
        return grain_fail(-ENAMETOOLONG, "rule %zu: %s: longer than %d bytes", number, from->path,
                          HOST_PATTERN_MAX - 1);
    }
    to->path = path;
    /* Both are set, so that both are freed. */
    to->comm = is_copied(&comm, from->comm) ? comm : NULL;
    to->container = is_copied(&container, from->container) ? container : NULL;
    if (!to->comm != !from->comm || !to->container != !from->container)
        return grain_fail(-ENOMEM, "rules: no memory");
    if (path && to->match == GRAIN_HOST_MATCH_GLOB && !has_wildcard(path))
        to->match = GRAIN_HOST_MATCH_FILE;
    return 0;
}

static void compile(struct host_rule *out, const struct grain_host_rule *rule)
{
    out->pid = rule->pid;
    out->uid = rule->uid;
    out->has_uid = rule->has_uid;
    if (rule->comm) {
        out->has_comm = 1;
        /* As the kernel cuts it. */
        memcpy(out->comm, rule->comm, strnlen(rule->comm, sizeof(out->comm) - 1));
    }
    if (rule->container) {
        out->container_length = (uint8_t)strlen(rule->container);
        memcpy(out->container, rule->container, out->container_length);
    }
    out->text = rule->match == GRAIN_HOST_MATCH_GLOB        ? HOST_TEXT_GLOB
                : rule->match == GRAIN_HOST_MATCH_DIRECTORY ? HOST_TEXT_BELOW
                                                            : HOST_TEXT_WHOLE;
}

static void sort_in(struct host_files *files, size_t number, const struct grain_host_rule *rule)
{
    const uint64_t bit = 1ULL << number;

    for (unsigned int i = 0; i < GRAIN_HOST_OP_COUNT; i++)
        if (!rule->operations || rule->operations & 1U << i)
            files->by_operation[i] |= bit;
    if (rule->match == GRAIN_HOST_MATCH_ALL)
        files->all |= bit;
    else
        files->texts |= bit;
    if (rule->exclude)
        files->exclude |= bit;
    else
        files->any |= bit;
    if (rule->pid || rule->has_uid || rule->comm || rule->container)
        files->conditioned |= bit;
    if (rule->container)
        files->contained |= bit;
}

int grain_host_rules_new(struct host_rules **out, const struct grain_host_rule *rules, size_t count)
{
    struct host_rules *made;
    int error = 0;

    if (!count)
        rules = grain_host_default_rules(&count);
    if (count > GRAIN_HOST_RULES_MAX)
        return grain_fail(-E2BIG, "%zu rules; there may be %d", count, GRAIN_HOST_RULES_MAX);
    made = calloc(1, sizeof(*made));
    if (!made)
        return grain_fail(-ENOMEM, "rules: no memory");
    for (size_t i = 0; !error && i < count; i++) {
        made->count++;
        error = copy(&made->given[i], i, &rules[i]);
        if (error)
            break;
        compile(&made->rules[i], &made->given[i]);
        sort_in(&made->files, i, &made->given[i]);
    }
    if (!error)
        error = grain_host_rules_find(made);
    if (error) {
        grain_host_rules_free(made);
        return error;
    }
    *out = made;
    return 0;
}

void grain_host_rules_free(struct host_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++) {
        free((char *)rules->given[i].path);
        free((char *)rules->given[i].comm);
        free((char *)rules->given[i].container);
    }
    free(rules->named);
    free(rules);
}
