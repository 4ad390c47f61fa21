/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps there are. Each function makes one; settings are copied. 0 or -errno; grain_error()
 * then says what is wrong with the settings.
 */
#ifndef GRAIN_AGENT_STEPS_H
#define GRAIN_AGENT_STEPS_H

#include <stdbool.h>

#include "step.h"

/*
 * The `keep` biggest series of a counter in each collection; what the others counted goes on as one
 * series. Series are told apart by the tags `by`; those that differ in another tag are ranked
 * apart. Of the rest, the first of `by` becomes "(other)" and the others are taken away.
 */
struct grain_top_settings {
    const char *of;        /* the measure's name */
    const char *const *by; /* ends with NULL; at least one */
    uint32_t keep;
    uint32_t series; /* held in a collection at most; more go to the rest. 0: 100,000 */
};

int grain_step_top(struct grain_step **out, const struct grain_top_settings *settings);

/* Only the items for which an expression (expression.h) is true, or with `drop` only the others. */
struct grain_filter_settings {
    const char *expression;
    bool drop;
};

int grain_step_filter(struct grain_step **out, const struct grain_filter_settings *settings);

/* Of the tags only those listed; `tags` ends with NULL. */
struct grain_allow_settings {
    const char *const *tags;
};

int grain_step_allow(struct grain_step **out, const struct grain_allow_settings *settings);

/* Without the tags listed; `tags` ends with NULL, at least one. */
struct grain_drop_settings {
    const char *const *tags;
};

int grain_step_drop(struct grain_step **out, const struct grain_drop_settings *settings);

/* Of events the first, and then one in `one_in`. Everything else passes. */
struct grain_sample_settings {
    uint32_t one_in;
};

int grain_step_sample(struct grain_step **out, const struct grain_sample_settings *settings);

/* The tags `host` and `kernel`, and `instance` when it is not NULL. */
struct grain_system_settings {
    const char *instance;
};

int grain_step_system(struct grain_step **out, const struct grain_system_settings *settings);

/*
 * Values of tags by regexes (pattern.h), in the order of the patterns; several may name one key.
 * What cannot be done (a regex given up, a text that grows beyond GRAIN_ITEM_TEXT_MAX) leaves the
 * value and is a trouble.
 */
struct grain_regex_pattern {
    const char *key, *regex, *replace;
    bool whole; /* the value becomes what `replace` says, not only the places that match */
};

struct grain_regex_settings {
    const struct grain_regex_pattern *patterns; /* ends with a NULL key; at least one */
};

int grain_step_regex(struct grain_step **out, const struct grain_regex_settings *settings);

#endif
