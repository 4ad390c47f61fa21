// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "losses.h"
#include "say.h"
#include "status.h"
#include "status_host.h"
#include "table.h"

static const struct {
    const char *name;
    uint32_t bit;
} stages[] = {{"dns", GRAIN_STAGE_DNS}, {"tls", GRAIN_STAGE_TLS}, {"quic", GRAIN_STAGE_QUIC}};

#define STAGES (sizeof(stages) / sizeof(stages[0]))

static const char *const presences[] = {
    [GRAIN_PRESENCE_ATTACHED] = "attached",         [GRAIN_PRESENCE_DETACHED] = "detached",
    [GRAIN_PRESENCE_CHANGING] = "changing",         [GRAIN_PRESENCE_TAKEN_OFF] = "taken off",
    [GRAIN_PRESENCE_NO_INTERFACE] = "no interface", [GRAIN_PRESENCE_UNKNOWN] = "unknown",
};

static const char *const remedies[] = {
    [GRAIN_PRESENCE_CHANGING] = "a command is at it, or was killed: the next attach or detach "
                                "puts it in order",
    [GRAIN_PRESENCE_TAKEN_OFF] = "somebody else took it off: attach again",
    [GRAIN_PRESENCE_NO_INTERFACE] = "the interface has gone, or its network namespace is not "
                                    "found: the next attach or detach forgets what has gone",
    [GRAIN_PRESENCE_UNKNOWN] = "cannot be told by this user",
};

static uint64_t age(const struct status *status, uint64_t boot_ns)
{
    return status->clock.boot_ns > boot_ns ? (status->clock.boot_ns - boot_ns) / 1000000000 : 0;
}

/* "3 d 01:02:03" */
static const char *age_text(char buffer[48], uint64_t seconds)
{
    char days[24] = "";

    if (seconds >= 86400)
        (void)snprintf(days, sizeof(days), "%" PRIu64 " d ", seconds / 86400);
    (void)snprintf(buffer, 48, "%s%02u:%02u:%02u", days, (unsigned int)(seconds / 3600 % 24),
                   (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
    return buffer;
}

/* ---- for people ---- */

static void print_budget(uint32_t rate, const char *names)
{
    if (rate)
        printf(", at most %u %s a second and CPU", rate, names);
    else
        printf(", %s without limit", names);
}

static void print_head(const struct status *status)
{
    const struct grain_config *config = &status->config;
    char buffer[48];

    printf("%s, made %s ago\n", status->directory,
           age_text(buffer, age(status, status->abi->created_ns)));
    printf("stages:");
    for (size_t i = 0; i < STAGES; i++)
        printf(" %s %s%s", stages[i].name, config->stages & stages[i].bit ? "on" : "off",
               i + 1 < STAGES ? "," : "; ");
    if (config->sample > 1)
        printf("events: new names, and one in %u of the known", config->sample);
    else
        fputs(config->sample ? "events: all names" : "events: new names only", stdout);
    print_budget(config->new_rate, "new");
    if (config->sample)
        print_budget(config->sample_rate, "known");
    putchar('\n');
}

static void source_row(struct table *table, const struct status *status, size_t i)
{
    const struct grain_live_source *from = &status->sources.list[i];
    const struct grain_live_state *state = &status->details[i].state;
    char count[COUNT_TEXT_MAX], time[48];

    table_cell(table, "%s", source_name(&from->source));
    table_cell(table, "%s", source_direction(&from->source));
    table_cell(table, "%s %s%s%s", source_hook(&from->source), source_mode(&from->source),
               *source_mode(&from->source) ? " " : "", source_way(&from->source));
    table_cell(table, "%s", count_text(count, totals_packets(&from->totals)));
    if (from->source.state == GRAIN_SOURCE_FREE) {
        table_cell(table, "-");
        table_cell(table, "-");
        table_cell(table, "-");
    } else {
        table_cell(table, "%u", state->program_id ? state->program_id : from->source.program_id);
        table_cell(table, "%s", age_text(time, age(status, from->source.attached_ns)));
        if (state->run_count)
            table_cell(table, "%.1f", (double)state->run_ns / (double)state->run_count);
        else
            table_cell(table, "-");
    }
    table_cell(table, "%s%s", presences[state->presence],
               state->elsewhere ? ", in another network namespace" : "");
}

static void print_notes(const struct status *status, size_t i)
{
    const struct status_source *detail = &status->details[i];
    const struct grain_source *source = &status->sources.list[i].source;

    if (remedies[detail->state.presence])
        printf("  %s %s: %s%s%s\n", source_name(source), source_direction(source),
               remedies[detail->state.presence], detail->state.error ? ": " : "",
               detail->state.error ? strerror(-detail->state.error) : "");
    if (*detail->state.name && strcmp(detail->state.name, source->name)) {
        char *now = escape_text(detail->state.name);

        printf("  %s is now called %s\n", source_name(source), now);
        free(now);
    }
    for (size_t n = 0; n < detail->others_count; n++) {
        char *name = escape_text(detail->others[n].name);

        if (detail->others[n].id)
            printf("  %s %s: also there: %s\n", source_name(source), source_direction(source),
                   name);
        else
            printf("  %s %s: also there: %u other tc filter%s\n", source_name(source),
                   source_direction(source), detail->others[n].count,
                   detail->others[n].count == 1 ? "" : "s");
        free(name);
    }
}

static void print_sources(const struct status *status, const struct style *style)
{
    static const char *const names[] = {"interface", "",    "hook",   "packets",
                                        "program",   "for", "ns/run", "state"};
    struct table *table = table_new("lllrrrrl");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        table_cell(table, "%s", names[i]);
    for (size_t i = 0; i < status->sources.count; i++)
        source_row(table, status, i);
    putchar('\n');
    if (status->sources.count)
        table_print(table, style, stdout);
    else
        puts("nothing is attached any more; the maps are still there");
    table_free(table);
    for (size_t i = 0; i < status->sources.count; i++)
        print_notes(status, i);
}

static void fill_row(struct table *table, const char *what, uint64_t taken, uint64_t all,
                     uint64_t replaced, const char *word)
{
    char one[COUNT_TEXT_MAX], two[COUNT_TEXT_MAX], three[COUNT_TEXT_MAX];

    table_cell(table, "%s", what);
    table_cell(table, "%s", count_text(one, taken));
    table_cell(table, "%s", count_text(two, all));
    table_cell(table, "%.1f", all ? 100.0 * (double)taken / (double)all : 0);
    table_cell(table, "%s %s", count_text(three, replaced), word);
}

static void print_tables(const struct status *status, const struct style *style)
{
    const uint64_t *counters = status->counts.counters;
    const struct grain_live_fill *fill = &status->fill;
    struct table *table = table_new("lrrrl");

    table_cell(table, "table");
    table_cell(table, "taken");
    table_cell(table, "places");
    table_cell(table, "%%");
    table_cell(table, "%s", "");
    fill_row(table, "counts, all CPUs", fill->counts_taken, fill->counts,
             counters[GRAIN_COUNTER_NAMES_REPLACED], "replaced");
    fill_row(table, "texts of names", fill->texts_taken, fill->texts,
             counters[GRAIN_COUNTER_TEXTS_REPLACED], "replaced");
    fill_row(table, "messages under way", fill->flows_taken, fill->flows,
             counters[GRAIN_COUNTER_FLOW_EVICTED], "evicted");
    putchar('\n');
    table_print(table, style, stdout);
    table_free(table);
    printf("\nmemory: %.1f MiB by the kernel; %.1f MiB by the formula, of which %.1f MiB while "
           "events are read\n",
           status->memory_used / 1048576.0, status->memory.total / 1048576.0,
           status->memory.rings / 1048576.0);
}

/* Events that were not sent because nobody asked for them are no loss. */
static void print_events(const struct status *status)
{
    const uint64_t *counters = status->counts.counters;
    char seen[COUNT_TEXT_MAX], sent[COUNT_TEXT_MAX], sampled[COUNT_TEXT_MAX], none[COUNT_TEXT_MAX];

    printf("\nevents: %s possible, %s sent, %s not chosen by sampling, %s with no reader\n",
           count_text(seen, counters[GRAIN_COUNTER_EVENTS_SEEN]),
           count_text(sent, counters[GRAIN_COUNTER_EVENTS_SENT]),
           count_text(sampled, counters[GRAIN_COUNTER_EVENTS_SAMPLED_OUT]),
           count_text(none, counters[GRAIN_COUNTER_EVENTS_NO_READER]));
}

static void print_losses(const struct status *status, const struct style *style)
{
    struct table *table = table_new("rll");
    size_t rows = losses_rows(table, &status->counts);

    rows += loss_row(table, status->counts.texts_disagreed, "texts_disagreed",
                     "stored names that do not match their hash");
    rows += loss_row(table, status->counts.hash_collisions, "hash_collisions",
                     "names that share a hash with another");
    printf("\nlosses:%s\n", rows ? "" : " none");
    if (rows)
        table_print(table, style, stdout);
    table_free(table);
}

int status_print_text(const struct status *status)
{
    const struct style style = style_of(stdout);

    print_head(status);
    print_sources(status, &style);
    print_tables(status, &style);
    print_events(status);
    print_losses(status, &style);
    status_host_print();
    return output_flush();
}

/* ---- JSON ---- */

static json_t *others_json(const struct status_source *detail)
{
    json_t *list = must(json_array());

    for (size_t n = 0; n < detail->others_count; n++) {
        char *name = escape_text(detail->others[n].name);
        json_t *one = must(json_object());

        if (detail->others[n].id)
            json_put_number(one, "id", detail->others[n].id);
        else
            json_put_number(one, "count", detail->others[n].count);
        json_put_text(one, "name", name);
        json_append(list, one);
        free(name);
    }
    return list;
}

static json_t *source_json(const struct status *status, size_t i)
{
    const struct grain_live_source *from = &status->sources.list[i];
    const struct grain_live_state *state = &status->details[i].state;
    json_t *object = must(json_object());

    json_put_text(object, "interface", source_name(&from->source));
    json_put_number(object, "ifindex", from->source.ifindex);
    json_put_number(object, "netns", from->source.netns);
    json_put(object, "other_namespace", json_boolean(state->elsewhere));
    json_put_text(object, "direction", source_direction(&from->source));
    json_put_text(object, "hook", source_hook(&from->source));
    json_put_text(object, "way", source_way(&from->source));
    json_put_text(object, "mode",
                  *source_mode(&from->source) ? source_mode(&from->source) : "none");
    json_put_text(object, "state", presences[state->presence]);
    json_put_number(object, "slot", from->slot);
    json_put_number(object, "packets", totals_packets(&from->totals));
    json_put_number(object, "bytes", totals_bytes(&from->totals));
    if (from->source.state != GRAIN_SOURCE_FREE) {
        json_put_number(object, "program_id",
                        state->program_id ? state->program_id : from->source.program_id);
        json_put_number(object, "link_id", from->source.link_id);
        json_put_number(object, "uptime", age(status, from->source.attached_ns));
        json_put_number(object, "run_count", state->run_count);
        json_put_number(object, "run_ns", state->run_ns);
    }
    json_put(object, "others", others_json(&status->details[i]));
    return object;
}

static json_t *fill_json(uint64_t taken, uint64_t all)
{
    json_t *object = must(json_object());

    json_put_number(object, "taken", taken);
    json_put_number(object, "places", all);
    return object;
}

static json_t *tables_json(const struct grain_live_fill *fill)
{
    json_t *object = must(json_object());

    json_put(object, "counts", fill_json(fill->counts_taken, fill->counts));
    json_put(object, "texts", fill_json(fill->texts_taken, fill->texts));
    json_put(object, "messages", fill_json(fill->flows_taken, fill->flows));
    return object;
}

static json_t *counters_json(const struct status *status)
{
    json_t *object = must(json_object());

    for (unsigned int i = 0; i < GRAIN_COUNTER_COUNT; i++)
        json_put_number(object, grain_counter_name(i), status->counts.counters[i]);
    json_put_number(object, "texts_disagreed", status->counts.texts_disagreed);
    json_put_number(object, "hash_collisions", status->counts.hash_collisions);
    return object;
}

static json_t *losses_json(const struct status *status)
{
    json_t *list = must(json_array());

    for (unsigned int i = 0; i < GRAIN_COUNTER_COUNT; i++)
        if (grain_counter_is_loss(i) && status->counts.counters[i])
            json_append(list, json_string(grain_counter_name(i)));
    if (status->counts.texts_disagreed)
        json_append(list, json_string("texts_disagreed"));
    if (status->counts.hash_collisions)
        json_append(list, json_string("hash_collisions"));
    return list;
}

int status_print_json(const struct status *status)
{
    json_t *object = must(json_object()), *list = must(json_array()), *on = must(json_object());
    char *directory = escape_text(status->directory);

    json_put_text(object, "directory", directory);
    free(directory);
    json_put_number(object, "abi", status->abi->abi);
    json_put_number(object, "uptime", age(status, status->abi->created_ns));
    json_put_number(object, "generation", status->config.generation);
    json_put_number(object, "sample", status->config.sample);
    json_put_number(object, "event_rate", status->config.sample_rate);
    json_put_number(object, "new_rate", status->config.new_rate);
    for (size_t i = 0; i < STAGES; i++)
        json_put(on, stages[i].name, json_boolean(status->config.stages & stages[i].bit));
    json_put(object, "stages", on);
    for (size_t i = 0; i < status->sources.count; i++)
        json_append(list, source_json(status, i));
    json_put(object, "sources", list);
    json_put(object, "tables", tables_json(&status->fill));
    json_put_number(object, "memory_bytes", status->memory_used);
    json_put_number(object, "memory_formula_bytes", status->memory.total);
    json_put_number(object, "memory_rings_bytes", status->memory.rings);
    json_put(object, "counters", counters_json(status));
    json_put(object, "losses", losses_json(status));
    json_put(object, "host_probes", status_host_json());
    return json_print(object, false);
}
