/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps there are. Each function makes one; settings are copied. 0 or -errno; grain_error()
 * then says what is wrong with the settings.
 */
#ifndef GRAIN_AGENT_STEPS_H
#define GRAIN_AGENT_STEPS_H

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

#endif
