// SPDX-License-Identifier: GPL-2.0-only
#include "step_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"

int grain_tag_list_copy(struct grain_tag_list *list, const char *const *keys, size_t most,
                        const char *step, const char *setting)
{
    list->count = 0;
    for (size_t i = 0; keys && keys[i]; i++) {
        if (i == most || i == GRAIN_TAG_LIST_MAX)
            return grain_fail(-EINVAL, "%s: more than %zu tags in \"%s\"", step, i, setting);
        if (!*keys[i])
            return grain_fail(-EINVAL, "%s: an empty tag in \"%s\"", step, setting);
        if (grain_tag_list_has(list, keys[i]))
            return grain_fail(-EINVAL, "%s: the tag %s is twice in \"%s\"", step, keys[i], setting);
        list->keys[i] = strdup(keys[i]);
        if (!list->keys[i])
            return grain_fail(-ENOMEM, "no memory");
        list->count++;
    }
    return 0;
}

void grain_tag_list_free(struct grain_tag_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->keys[i]);
    list->count = 0;
}

bool grain_tag_list_has(const struct grain_tag_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->keys[i], key))
            return true;
    return false;
}
