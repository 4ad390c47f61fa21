// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "trace_files.h"

/* Without "..": that needs the directories to be there. NULL: said why not. */
static char *absolute_path(const char *path)
{
    char directory[PATH_MAX], *out = NULL;

    if (strstr(path, "..")) {
        out = realpath(path, NULL);
        if (!out)
            say("trace files %s: what \"..\" stands for cannot be told: name it without", path);
        return out;
    }
    if (*path == '/')
        return must(strdup(path));
    if (!getcwd(directory, sizeof(directory))) {
        say("trace files %s: the current directory has no name: give an absolute path", path);
        return NULL;
    }
    must(asprintf(&out, "%s/%s", directory, path) < 0 ? NULL : out);
    return out;
}

static bool add(struct trace_rules *rules, const struct grain_host_rule *like,
                enum grain_host_match match, char *path)
{
    if (rules->count == GRAIN_HOST_RULES_MAX) {
        say("trace files: more than %d paths, or paths times containers", GRAIN_HOST_RULES_MAX);
        free(path);
        return false;
    }
    rules->rules[rules->count] = *like;
    rules->rules[rules->count].match = match;
    rules->rules[rules->count++].path = path;
    return true;
}

bool trace_rules_add(struct trace_rules *rules, const char *path,
                     const struct grain_host_rule *like)
{
    enum grain_host_match match = GRAIN_HOST_MATCH_FILE;
    struct stat stat_buffer;
    char *absolute;

    if (!path)
        return add(rules, like, GRAIN_HOST_MATCH_ALL, NULL);
    absolute = absolute_path(path);
    if (!absolute)
        return false;
    if (!stat(absolute, &stat_buffer))
        match = S_ISDIR(stat_buffer.st_mode) ? GRAIN_HOST_MATCH_DIRECTORY : GRAIN_HOST_MATCH_FILE;
    else if (strpbrk(absolute, "*?"))
        match = GRAIN_HOST_MATCH_GLOB;
    return add(rules, like, match, absolute);
}

bool trace_rules_default(struct trace_rules *rules, const struct grain_host_rule *like)
{
    size_t count;
    const struct grain_host_rule *all = grain_host_default_rules(&count);

    for (size_t i = 0; i < count; i++)
        if (!add(rules, like, all[i].match, must(strdup(all[i].path))))
            return false;
    return true;
}

void trace_rules_free(struct trace_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        free((char *)rules->rules[i].path);
    rules->count = 0;
}

static void say_operations(const char *option, const char *word)
{
    char names[256] = "";
    size_t used = 0;

    for (unsigned int i = 0; i < GRAIN_HOST_OP_COUNT; i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 grain_host_operation_name(i));
    say("%s %s: there are %s", option, word, names);
}

bool trace_operations(const char *option, const char *text, uint32_t *out)
{
    char *copy = must(strdup(text)), *rest = copy, *word;
    bool ok = true;

    while (ok && (word = strtok_r(rest, ",", &rest))) {
        unsigned int i = 0;

        while (i < GRAIN_HOST_OP_COUNT && strcmp(word, grain_host_operation_name(i)) != 0)
            i++;
        ok = i < GRAIN_HOST_OP_COUNT;
        if (ok)
            *out |= 1U << i;
        else
            say_operations(option, word);
    }
    free(copy);
    return ok;
}
