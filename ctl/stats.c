// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"
#include "say.h"
#include "stats.h"

static json_t *dispositions(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_DISPOSITION_COUNT; i++)
        if (sums->counts.totals.packets[i])
            json_put_number(object, grain_disposition_name(i), sums->counts.totals.packets[i]);
    return object;
}

/* Beside the program's counters, what the reader of its records counts. */
static json_t *counters(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_COUNTER_COUNT; i++)
        json_put_number(object, grain_counter_name(i), sums->counts.counters[i]);
    json_put_number(object, "flows_pending", sums->counts.flows_pending);
    json_put_number(object, "heads_only", sums->counts.heads_only);
    json_put_number(object, "records_lost", sums->counts.events_lost);
    json_put_number(object, "records_unreadable", sums->unreadable);
    json_put_number(object, "texts_disagreed", sums->counts.texts_disagreed);
    return object;
}

static json_t *by_kind(const uint64_t values[GRAIN_NAME_KIND_MAX])
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_NAME_KIND_COUNT; i++)
        if (values[i])
            json_put_number(object, grain_name_kind_name(i), values[i]);
    return object;
}

static json_t *invariants(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    json_put(object, "packets", json_boolean(sums->packets_hold));
    json_put(object, "names", json_boolean(sums->names_hold));
    json_put(object, "events", json_boolean(sums->events_hold));
    return object;
}

void stats_print(const struct replay_sums *sums)
{
    json_t *object = must(json_object());

    json_put_number(object, "files", sums->files);
    json_put_number(object, "packets", replay_packets(sums));
    json_put_number(object, "bytes", replay_bytes(sums));
    json_put(object, "dispositions", dispositions(sums));
    json_put(object, "counters", counters(sums));
    json_put(object, "names", by_kind(sums->counts.names));
    json_put(object, "unattributed", by_kind(sums->counts.unattributed));
    json_put(object, "invariants", invariants(sums));
    json_put(object, "engine", json_string(replay_engine_name(sums->engine)));
    json_put_number(object, "elapsed_ns", sums->elapsed_ns);
    (void)json_print(object, false);
}
