// SPDX-License-Identifier: GPL-2.0-only
#include "step.h"

#include <stdarg.h>
#include <stdio.h>

void grain_step_trouble(struct grain_step *step, const char *format, ...)
{
    va_list arguments;

    step->troubles++;
    va_start(arguments, format);
    (void)vsnprintf(step->trouble, sizeof(step->trouble), format, arguments);
    va_end(arguments);
}

void grain_step_tag(struct grain_step *step, struct grain_item *item, const char *key,
                    const char *value)
{
    if (!grain_item_set_tag(item, key, value))
        grain_step_trouble(step, "%s: no room for the tag %s: an item has %d already",
                           step->type->name, key, GRAIN_TAGS_MAX);
}
