// SPDX-License-Identifier: GPL-2.0-only
/*
 * What rules mean to the file system as it is now: which inodes they name, and below which
 * directories the paths that they want can lie.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../error_private.h"
#include "host_private.h"

/* Two entries a rule at most: itself, and a directory above. */
#define NAMED_MAX (2 * GRAIN_HOST_RULES_MAX)

enum meaning { ITSELF, BELOW, PREFIX, DIRECT };

struct finding {
    struct host_rules *rules;
    struct host_named named[NAMED_MAX];
    size_t count;
    uint64_t inodes[8];
};

static struct host_file_rules *entry(struct finding *finding, const struct stat *stat)
{
    /* The kernel's own number of a device: 12 bits of major, 20 of minor. */
    const struct host_file_key key = {
        .ino = stat->st_ino,
        .dev = major(stat->st_dev) << 20 | minor(stat->st_dev),
    };

    for (size_t i = 0; i < finding->count; i++)
        if (finding->named[i].key.ino == key.ino && finding->named[i].key.dev == key.dev)
            return &finding->named[i].rules;
    if (finding->count == NAMED_MAX)
        return NULL;
    finding->named[finding->count].key = key;
    return &finding->named[finding->count++].rules;
}

static void mean(struct finding *finding, const struct stat *stat, size_t rule,
                 enum meaning meaning)
{
    struct host_file_rules *rules = entry(finding, stat);
    const uint64_t bit = 1ULL << rule;

    if (!rules)
        return;
    rules->itself |= meaning == ITSELF ? bit : 0;
    rules->below |= meaning == BELOW ? bit : 0;
    rules->prefix |= meaning == PREFIX ? bit : 0;
    rules->direct |= meaning == DIRECT ? bit : 0;
    if (meaning == ITSELF || meaning == BELOW)
        finding->inodes[stat->st_ino >> 6 & 7] |= 1ULL << (stat->st_ino & 63);
}

/*
 * The nearest directory of the first `length` bytes of the path that exists, into `stat`, and the
 * true path of it in front of the rest into `out`. Is it the whole of them?
 */
static bool nearest(const char *path, size_t length, struct stat *stat, char out[PATH_MAX])
{
    char head[HOST_PATTERN_MAX], real[PATH_MAX];
    size_t at = length;

    memset(stat, 0, sizeof(*stat));
    memcpy(head, path, length);
    for (;;) {
        head[at] = '\0';
        if (realpath(at ? head : "/", real) && !lstat(real, stat))
            break;
        if (!at)
            return false;
        while (at && head[--at] != '/')
            ;
    }
    /* The root's name ends with the slash that the rest begins with. */
    if (snprintf(out, PATH_MAX, "%s%s", strcmp(real, "/") ? real : "", path + at) >= PATH_MAX)
        return false;
    return at == length;
}

static void put_pattern(struct host_rule *rule, const char *path)
{
    size_t length = strlen(path), literal = strcspn(path, "*?");

    /* Longer than the kernel compares, behind symbolic links: the inode has to do, and the text
     * never matches. That of the root is empty, and matches all. */
    if (length > HOST_PATTERN_MAX - 1) {
        memset(rule->pattern, 0, sizeof(rule->pattern));
        rule->length = HOST_PATTERN_MAX;
        rule->prefix_length = 0;
        rule->prefix = 0;
        return;
    }
    if (rule->text != HOST_TEXT_GLOB || literal > length)
        literal = length;
    memset(rule->pattern, 0, sizeof(rule->pattern));
    memcpy(rule->pattern, path, length);
    rule->length = (uint16_t)length;
    rule->prefix_length =
        (uint16_t)(literal < sizeof(rule->prefix) ? literal : sizeof(rule->prefix));
    rule->prefix = 0;
    memcpy(&rule->prefix, path, rule->prefix_length);
}

/* A rule whose path is shorter may match with whatever follows. */
static uint64_t beginning(const struct host_rule *rule)
{
    if (rule->prefix_length < HOST_BEGINNING_LENGTH)
        return ~0ULL;
    return 1ULL << HOST_BEGINNING(rule->prefix);
}

/* What the first bytes of a text must be for any rule to match it. */
static void sum_up(struct host_files *files, size_t number, const struct host_rule *rule)
{
    uint64_t opening = HOST_OPENING(rule->prefix);

    files->beginnings |= beginning(rule);
    if (rule->prefix_length < sizeof(rule->prefix))
        files->brief |= 1ULL << number;
    else
        files->openings[opening >> 6] |= 1ULL << (opening & 63);
}

static void find_glob(struct finding *finding, size_t number, const char *path, char out[PATH_MAX])
{
    size_t length = strcspn(path, "*?");
    struct stat stat;
    bool whole, flat;

    flat = !strchr(path + length, '/') && !strstr(path + length, "**");
    while (length && path[length - 1] != '/')
        length--;
    length -= length > 0;
    whole = nearest(path, length, &stat, out);
    mean(finding, &stat, number, whole && flat ? DIRECT : PREFIX);
}

static void find_file(struct finding *finding, size_t number, const char *path, char out[PATH_MAX])
{
    const size_t length = (size_t)(strrchr(path, '/') - path);
    struct stat found;
    bool whole = nearest(path, length, &found, out);

    mean(finding, &found, number, whole ? DIRECT : PREFIX);
    if (!stat(path, &found))
        mean(finding, &found, number, ITSELF);
}

static void find_directory(struct finding *finding, size_t number, const char *path,
                           char out[PATH_MAX])
{
    const bool root = !path[1];
    struct stat stat;
    bool whole = nearest(path, root ? 0 : strlen(path), &stat, out);

    if (root)
        *out = '\0'; /* every path goes on behind it */
    mean(finding, &stat, number, whole ? BELOW : PREFIX);
}

static void find_rule(struct finding *finding, size_t number)
{
    const struct grain_host_rule *rule = &finding->rules->given[number];
    char path[PATH_MAX] = "";

    if (rule->match == GRAIN_HOST_MATCH_FILE)
        find_file(finding, number, rule->path, path);
    else if (rule->match == GRAIN_HOST_MATCH_DIRECTORY)
        find_directory(finding, number, rule->path, path);
    else if (rule->match == GRAIN_HOST_MATCH_GLOB)
        find_glob(finding, number, rule->path, path);
    put_pattern(&finding->rules->rules[number], path);
}

int grain_host_rules_find(struct host_rules *rules)
{
    struct finding *finding = calloc(1, sizeof(*finding));
    struct host_named *named = calloc(NAMED_MAX, sizeof(*named));

    if (!finding || !named) {
        free(finding);
        free(named);
        return grain_fail(-ENOMEM, "rules: no memory");
    }
    finding->rules = rules;
    rules->files.beginnings = 0;
    rules->files.brief = 0;
    memset(rules->files.openings, 0, sizeof(rules->files.openings));
    for (size_t i = 0; i < rules->count; i++) {
        find_rule(finding, i);
        if (rules->given[i].match != GRAIN_HOST_MATCH_ALL)
            sum_up(&rules->files, i, &rules->rules[i]);
    }
    memcpy(named, finding->named, finding->count * sizeof(*named));
    memcpy(rules->files.inodes, finding->inodes, sizeof(rules->files.inodes));
    free(rules->named);
    rules->named = named;
    rules->named_count = finding->count;
    free(finding);
    return 0;
}
