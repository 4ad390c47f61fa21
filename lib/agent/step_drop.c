// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../error_private.h"
#include "step_tags.h"
#include "steps.h"

struct drop {
    struct grain_step step;
    struct grain_tag_list tags;
};

static int drop_take(struct grain_step *step, struct grain_item *item)
{
    struct drop *drop = (struct drop *)step;

    for (size_t i = 0; i < drop->tags.count; i++)
        grain_item_remove_tag(item, drop->tags.keys[i]);
    return grain_step_pass(step, item);
}

static void drop_free(struct grain_step *step)
{
    struct drop *drop = (struct drop *)step;

    grain_tag_list_free(&drop->tags);
    free(drop);
}

static const struct grain_step_type type = {.name = "drop", .take = drop_take, .free = drop_free};

int grain_step_drop(struct grain_step **out, const struct grain_drop_settings *settings)
{
    struct drop *drop = calloc(1, sizeof(*drop));
    int error;

    if (!drop)
        return grain_fail(-ENOMEM, "no memory");
    drop->step.type = &type;
    error = grain_tag_list_copy(&drop->tags, settings->tags, GRAIN_TAG_LIST_MAX, "drop", "drop");
    if (!error && !drop->tags.count)
        error = grain_fail(-EINVAL, "drop: names no tag");
    if (error)
        drop_free(&drop->step);
    else
        *out = &drop->step;
    return error;
}
