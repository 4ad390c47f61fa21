// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "say.h"
#include "stats.h"

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)))
        must(NULL);
}

static void put_number(json_t *object, const char *key, uint64_t number)
{
    put(object, key, json_integer(number));
}

static json_t *dispositions(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++)
        if (sums->counts.totals.packets[i])
            put_number(object, grain_disposition_name(i), sums->counts.totals.packets[i]);
    return object;
}

/* Beside the program's counters, what the reader of its records counts. */
static json_t *counters(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_COUNTER_COUNT; i++)
        put_number(object, grain_counter_name(i), sums->counts.counters[i]);
    put_number(object, "flows_pending", sums->counts.flows_pending);
    put_number(object, "heads_only", sums->counts.heads_only);
    put_number(object, "records_lost", sums->counts.events_lost);
    put_number(object, "records_unreadable", sums->unreadable);
    put_number(object, "texts_disagreed", sums->counts.texts_disagreed);
    return object;
}

static json_t *by_kind(const uint64_t values[GRAIN_NAME_KIND_MAX])
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_NAME_KIND_COUNT; i++)
        if (values[i])
            put_number(object, grain_name_kind_name(i), values[i]);
    return object;
}

static json_t *invariants(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    put(object, "packets", json_boolean(sums->packets_hold));
    put(object, "names", json_boolean(sums->names_hold));
    put(object, "events", json_boolean(sums->events_hold));
    return object;
}

void stats_print(const struct replay_sums *sums)
{
    json_t *object = must(json_object());
    char *text;

    put_number(object, "files", sums->files);
    put_number(object, "packets", replay_packets(sums));
    put_number(object, "bytes", replay_bytes(sums));
    put(object, "dispositions", dispositions(sums));
    put(object, "counters", counters(sums));
    put(object, "names", by_kind(sums->counts.names));
    put(object, "unattributed", by_kind(sums->counts.unattributed));
    put(object, "invariants", invariants(sums));
    put(object, "engine", json_string(replay_engine_name(sums->engine)));
    put_number(object, "elapsed_ns", sums->elapsed_ns);
    text = must(json_dumps(object, JSON_COMPACT));
    puts(text);
    free(text);
    json_decref(object);
}
