// SPDX-License-Identifier: GPL-2.0-only
#include "losses.h"

bool counter_is_loss(unsigned int counter)
{
    switch (counter) {
    case GRAIN_COUNTER_EVENTS_SEEN:
    case GRAIN_COUNTER_EVENTS_SENT:
    case GRAIN_COUNTER_EVENTS_SAMPLED_OUT:
    case GRAIN_COUNTER_EVENTS_NO_READER:
    case GRAIN_COUNTER_NAMES_EXTRA:
    case GRAIN_COUNTER_NAMES_NEW:
    case GRAIN_COUNTER_NAMES_REPLACED:
    case GRAIN_COUNTER_NAMES_REPLACED_SENT:
    case GRAIN_COUNTER_TEXTS_NEW:
    case GRAIN_COUNTER_TEXTS_REPLACED:
    case GRAIN_COUNTER_FLOW_STARTED:
    case GRAIN_COUNTER_FLOW_COMPLETED:
    case GRAIN_COUNTER_FLOW_REPEAT:
    case GRAIN_COUNTER_FLOW_OVERLAP:
        return false;
    default:
        return true;
    }
}

size_t loss_row(struct table *table, uint64_t count, const char *name, const char *text)
{
    char buffer[COUNT_TEXT_MAX];

    if (!count)
        return 0;
    table_cell(table, "%s", count_text(buffer, count));
    table_cell(table, "%s", name);
    table_cell(table, "%s", text);
    return 1;
}

size_t losses_rows(struct table *table, const struct grain_engine_counts *counts)
{
    size_t rows = 0;

    table_cell(table, "count");
    table_cell(table, "counter");
    table_cell(table, "what it counts");
    for (unsigned int i = 0; i < GRAIN_COUNTER_COUNT; i++)
        if (counter_is_loss(i))
            rows +=
                loss_row(table, counts->counters[i], grain_counter_name(i), grain_counter_text(i));
    return rows;
}
