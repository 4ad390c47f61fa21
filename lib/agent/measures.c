// SPDX-License-Identifier: GPL-2.0-only
#include "measures.h"

static const struct grain_measure_info measures[] = {
#define X(ID, group, kind, name, unit, tags, before, text) \
    {GRAIN_GROUP_##group, GRAIN_ITEM_##kind, name, unit, tags, before, text},
    GRAIN_MEASURES(X)
#undef X
};

static const struct {
    const char *name, *text;
} groups[] = {
#define X(ID, name, text) {name, text},
    GRAIN_GROUPS(X)
#undef X
};

const struct grain_measure_info *grain_measure(unsigned int measure)
{
    return measure < GRAIN_MEASURE_COUNT ? &measures[measure] : NULL;
}

const char *grain_group_name(unsigned int group)
{
    return group < GRAIN_GROUP_COUNT ? groups[group].name : NULL;
}

const char *grain_group_text(unsigned int group)
{
    return group < GRAIN_GROUP_COUNT ? groups[group].text : NULL;
}

void grain_measure_item(struct grain_item *item, enum grain_measure measure, uint64_t time_ns)
{
    item->kind = measures[measure].kind;
    item->name = measures[measure].name;
    item->unit = measures[measure].unit;
    item->time_ns = time_ns;
    item->count = 0;
    item->number = 0;
    item->member = NULL;
    item->record = NULL;
    item->bytes = NULL;
    item->length = 0;
    item->altered = false;
    item->tag_count = 0;
}
