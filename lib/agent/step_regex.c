// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "pattern.h"
#include "steps.h"

#define PATTERNS_MAX 64

struct rule {
    struct grain_pattern *pattern;
    char *key, *replace;
    bool whole;
};

struct regex {
    struct grain_step step;
    struct rule *rules;
    size_t count;
    /* Two for each tag there can be: the next rule of a key reads one and writes the other. */
    char texts[GRAIN_TAGS_MAX][2][GRAIN_ITEM_TEXT_MAX + 1];
};

static void apply(struct regex *regex, const struct rule *rule, struct grain_item *item)
{
    for (uint32_t i = 0; i < item->tag_count; i++) {
        struct grain_tag *tag = &item->tags[i];
        char *room = regex->texts[i][tag->value == regex->texts[i][0]];
        int result;

        if (strcmp(tag->key, rule->key))
            continue;
        result = grain_pattern_replace(rule->pattern, tag->value, rule->replace, rule->whole, room,
                                       GRAIN_ITEM_TEXT_MAX + 1);
        if (result > 0) {
            item->altered = item->altered || strcmp(tag->value, room);
            tag->value = room;
        } else if (result == -ENOSPC) {
            grain_step_trouble(&regex->step, "regex: what %.64s would become is longer than %d",
                               rule->key, GRAIN_ITEM_TEXT_MAX);
        } else if (result) {
            grain_step_trouble(&regex->step, "regex: given up on a value of %.64s", rule->key);
        }
        return;
    }
}

static int regex_take(struct grain_step *step, struct grain_item *item)
{
    struct regex *regex = (struct regex *)step;

    for (size_t i = 0; i < regex->count; i++)
        apply(regex, &regex->rules[i], item);
    return grain_step_pass(step, item);
}

static void regex_free(struct grain_step *step)
{
    struct regex *regex = (struct regex *)step;

    for (size_t i = 0; i < regex->count; i++) {
        grain_pattern_free(regex->rules[i].pattern);
        free(regex->rules[i].key);
        free(regex->rules[i].replace);
    }
    free(regex->rules);
    free(regex);
}

static const struct grain_step_type type = {
    .name = "regex", .take = regex_take, .free = regex_free};

static int add_rule(struct regex *regex, const struct grain_regex_pattern *from)
{
    struct rule *rule = regex->rules + regex->count;
    int error;

    regex->count++;
    rule->whole = from->whole;
    rule->key = strdup(from->key);
    rule->replace = strdup(from->replace);
    if (!rule->key || !rule->replace)
        return grain_fail(-ENOMEM, "no memory");
    error = grain_pattern_new(&rule->pattern, from->regex);
    if (error)
        return grain_fail(error, "regex: pattern %zu, of %s: %s", regex->count, from->key,
                          grain_error());
    error = grain_pattern_check(rule->pattern, from->replace);
    if (error)
        return grain_fail(error, "regex: pattern %zu, of %s: replace: %s", regex->count, from->key,
                          grain_error());
    return 0;
}

int grain_step_regex(struct grain_step **out, const struct grain_regex_settings *settings)
{
    struct regex *regex = calloc(1, sizeof(*regex));
    size_t count = 0;
    int error = 0;

    if (!regex)
        return grain_fail(-ENOMEM, "no memory");
    regex->step.type = &type;
    while (settings->patterns[count].key && count <= PATTERNS_MAX)
        count++;
    if (!count)
        error = grain_fail(-EINVAL, "regex: no pattern");
    else if (count > PATTERNS_MAX)
        error = grain_fail(-EINVAL, "regex: more than %d patterns", PATTERNS_MAX);
    else
        regex->rules = calloc(count, sizeof(*regex->rules));
    if (!error && !regex->rules)
        error = grain_fail(-ENOMEM, "no memory");
    for (size_t i = 0; !error && regex->rules && i < count; i++)
        error = add_rule(regex, &settings->patterns[i]);
    if (error)
        regex_free(&regex->step);
    else
        *out = &regex->step;
    return error;
}
