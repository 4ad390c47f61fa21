// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../error_private.h"
#include "steps.h"

struct sample {
    struct grain_step step;
    uint32_t one_in;
    uint32_t skip; /* events until the next that passes */
};

static int sample_take(struct grain_step *step, struct grain_item *item)
{
    struct sample *sample = (struct sample *)step;

    if (item->kind != GRAIN_ITEM_EVENT)
        return grain_step_pass(step, item);
    if (sample->skip) {
        sample->skip--;
        return 0;
    }
    sample->skip = sample->one_in - 1;
    return grain_step_pass(step, item);
}

static void sample_free(struct grain_step *step)
{
    free((struct sample *)step);
}

static const struct grain_step_type type = {
    .name = "sample", .take = sample_take, .free = sample_free};

int grain_step_sample(struct grain_step **out, const struct grain_sample_settings *settings)
{
    struct sample *sample;

    if (!settings->one_in)
        return grain_fail(-EINVAL, "sample: one event in 0 is none; 1 keeps all");
    sample = calloc(1, sizeof(*sample));
    if (!sample)
        return grain_fail(-ENOMEM, "no memory");
    sample->step.type = &type;
    sample->one_in = settings->one_in;
    *out = &sample->step;
    return 0;
}
