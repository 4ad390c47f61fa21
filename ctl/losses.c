// SPDX-License-Identifier: GPL-2.0-only
#include "losses.h"

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
        if (grain_counter_is_loss(i))
            rows +=
                loss_row(table, counts->counters[i], grain_counter_name(i), grain_counter_text(i));
    return rows;
}
