// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grain/host.h>

#include "check_host.h"
#include "json.h"
#include "say.h"
#include "table.h"

static const char *const purposes[] = {
#define X(ID, name, text) text,
    GRAIN_HOST_PROBES(X)
#undef X
};

/* The best way that works, or what the last one tried says: -errno. */
static int find_way(unsigned int probe)
{
    int error = 0;

    for (unsigned int way = 0; way < GRAIN_HOST_WAY_COUNT; way++) {
        error = grain_host_try((enum grain_host_probe)probe, (enum grain_host_way)way);
        if (!error)
            return (int)way;
    }
    return error;
}

static const char *blind_at(unsigned int probe, int way, size_t i)
{
    return grain_host_blind((enum grain_host_probe)probe, (enum grain_host_way)way, i);
}

void check_host_print(void)
{
    const struct style style = style_of(stdout);
    struct table *table = table_new("lll");
    const char *blind;

    table_cell(table, "probe");
    table_cell(table, "by");
    table_cell(table, "tells; and what it cannot see");
    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        int way = find_way(probe);

        table_cell(table, "%s", grain_host_probe_name(probe));
        table_cell(table, "%s", way < 0 ? "nothing" : grain_host_way_name((unsigned int)way));
        if (way < 0) {
            char *text = escape_text(grain_error());

            table_cell(table, "%s: %s", purposes[probe], text);
            free(text);
            continue;
        }
        table_cell(table, "%s", purposes[probe]);
        for (size_t i = 0; (blind = blind_at(probe, way, i)); i++) {
            table_cell(table, "%s", "");
            table_cell(table, "%s", "");
            table_cell(table, "  not: %s", blind);
        }
    }
    printf("\nProbes of the host:\n");
    table_print(table, &style, stdout);
    table_free(table);
}

json_t *check_host_json(void)
{
    json_t *list = must(json_array());
    const char *text;

    for (unsigned int probe = 0; probe < GRAIN_HOST_PROBE_COUNT; probe++) {
        json_t *object = must(json_object()), *blind = must(json_array());
        int way = find_way(probe);

        json_put_text(object, "name", grain_host_probe_name(probe));
        json_put_text(object, "text", purposes[probe]);
        if (way < 0) {
            json_put(object, "way", json_null());
            json_put_text(object, "error", strerrorname_np(-way) ? strerrorname_np(-way) : "?");
        } else {
            json_put_text(object, "way", grain_host_way_name((unsigned int)way));
        }
        for (size_t i = 0; way >= 0 && (text = blind_at(probe, way, i)); i++)
            json_append(blind, json_string(text));
        json_put(object, "blind", blind);
        json_append(list, object);
    }
    return list;
}
