/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of tags, as steps' settings have them: copied, bounded, checked. */
#ifndef GRAIN_AGENT_STEP_TAGS_H
#define GRAIN_AGENT_STEP_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#define GRAIN_TAG_LIST_MAX 64

struct grain_tag_list {
    char *keys[GRAIN_TAG_LIST_MAX];
    size_t count;
};

/*
 * Copy `keys`, which ends with NULL; `step` and `setting` are for errors. -EINVAL: one is empty or
 * there twice, or there are more than `most`; -ENOMEM. grain_error() says which. To be freed also
 * on failure.
 */
int grain_tag_list_copy(struct grain_tag_list *list, const char *const *keys, size_t most,
                        const char *step, const char *setting);
void grain_tag_list_free(struct grain_tag_list *list);

bool grain_tag_list_has(const struct grain_tag_list *list, const char *key);

#endif
