// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../error_private.h"
#include "step_tags.h"
#include "steps.h"

struct allow {
    struct grain_step step;
    struct grain_tag_list tags;
};

static int allow_take(struct grain_step *step, struct grain_item *item)
{
    struct allow *allow = (struct allow *)step;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < item->tag_count; i++)
        if (grain_tag_list_has(&allow->tags, item->tags[i].key))
            item->tags[kept++] = item->tags[i];
    item->altered = item->altered || kept < item->tag_count;
    item->tag_count = kept;
    return grain_step_pass(step, item);
}

static void allow_free(struct grain_step *step)
{
    struct allow *allow = (struct allow *)step;

    grain_tag_list_free(&allow->tags);
    free(allow);
}

static const struct grain_step_type type = {
    .name = "allow", .take = allow_take, .free = allow_free};

int grain_step_allow(struct grain_step **out, const struct grain_allow_settings *settings)
{
    struct allow *allow = calloc(1, sizeof(*allow));
    int error;

    if (!allow)
        return grain_fail(-ENOMEM, "no memory");
    allow->step.type = &type;
    error = grain_tag_list_copy(&allow->tags, settings->tags, GRAIN_TAG_LIST_MAX, "allow", "allow");
    if (error)
        allow_free(&allow->step);
    else
        *out = &allow->step;
    return error;
}
