// SPDX-License-Identifier: GPL-2.0-only
/* What an outcome must always fulfil, and how it reads as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runner.h"

/* Loss and names are judged elsewhere; these vary with what was in the tables before. */
static bool is_bookkeeping(unsigned int counter)
{
    return counter <= GRAIN_COUNTER_EVENTS_SENT || counter == GRAIN_COUNTER_NAMES_NEW ||
           counter == GRAIN_COUNTER_TEXTS_NEW;
}

static void check_events(const struct outcome *o)
{
    const uint64_t *c = o->counts.counters;

    assert_int_equal(c[GRAIN_COUNTER_EVENTS_SEEN],
                     c[GRAIN_COUNTER_EVENTS_SENT] + c[GRAIN_COUNTER_EVENTS_SAMPLED_OUT] +
                         c[GRAIN_COUNTER_EVENTS_OVER_BUDGET] + c[GRAIN_COUNTER_EVENTS_RING_FULL] +
                         c[GRAIN_COUNTER_EVENTS_NO_READER] + c[GRAIN_COUNTER_EVENTS_FAILED]);
    assert_int_equal(c[GRAIN_COUNTER_EVENTS_SENT], o->record_count);
    assert_int_equal(o->counts.events_lost, 0);
}

static void check_names(const struct outcome *o)
{
    uint64_t evicted[GRAIN_NAME_KIND_MAX] = {0}, all = 0, named = 0;

    for (size_t i = 0; i < o->record_count; i++) {
        const struct grain_record *record = &o->records[i].record;

        if (record->header.flags & GRAIN_RECORD_FLAG_EVICTED)
            evicted[record->evicted.kind] += record->evicted.count;
    }
    for (int kind = 0; kind < GRAIN_NAME_KIND_MAX; kind++) {
        all += o->counts.names[kind];
        assert_int_equal(o->counts.names[kind],
                         o->counts.table[kind] + evicted[kind] + o->counts.unattributed[kind]);
    }
    for (int d = 0; d < GRAIN_DISPOSITION_COUNT; d++)
        named += grain_disposition_is_named(d) ? o->counts.totals.packets[d] : 0;
    assert_int_equal(all, named + o->counts.counters[GRAIN_COUNTER_NAMES_EXTRA]);
}

void outcome_check_sums(const struct outcome *o, uint64_t packets)
{
    uint64_t sum = 0;

    for (int d = 0; d < GRAIN_DISPOSITION_MAX; d++)
        sum += o->counts.totals.packets[d];
    assert_int_equal(sum, packets);
    assert_int_equal(o->counts.totals.segments, 0);
    check_events(o);
    check_names(o);
}

static void check_record(const struct taken_record *a, const struct taken_record *b,
                         uint64_t sequences_apart)
{
    struct grain_record x = a->record, y = b->record;

    /* Each engine has its CPU; what is not flagged as an eviction is left over from before. */
    x.header.cpu = y.header.cpu;
    x.header.sequence -= sequences_apart;
    if (!(x.header.flags & GRAIN_RECORD_FLAG_EVICTED))
        x.evicted = y.evicted;
    assert_memory_equal(&x, &y, sizeof(x));
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->bytes, b->bytes, a->length);
}

void outcome_check_same(const struct outcome *a, const struct outcome *b)
{
    uint64_t apart = 0;

    assert_memory_equal(&a->counts, &b->counts, sizeof(a->counts));
    assert_int_equal(a->name_count, b->name_count);
    for (size_t i = 0; i < a->name_count; i++) {
        assert_memory_equal(&a->names[i].slot, &b->names[i].slot, sizeof(a->names[i].slot));
        assert_int_equal(a->names[i].known, b->names[i].known);
        assert_memory_equal(a->names[i].text, b->names[i].text, sizeof(a->names[i].text));
    }
    assert_int_equal(a->record_count, b->record_count);
    if (a->record_count)
        apart = a->records[0].record.header.sequence - b->records[0].record.header.sequence;
    for (size_t i = 0; i < a->record_count; i++)
        check_record(&a->records[i], &b->records[i], apart);
}

static void append(char *text, size_t size, const char *name, uint64_t count)
{
    size_t used = strlen(text);

    if (!count)
        return;
    snprintf(text + used, size - used, "%s%s=%llu", used ? " " : "", name,
             (unsigned long long)count);
}

void outcome_dispositions(const struct outcome *o, char *text, size_t size)
{
    text[0] = 0;
    for (unsigned int d = 0; d < GRAIN_DISPOSITION_COUNT; d++)
        append(text, size, grain_disposition_name(d), o->counts.totals.packets[d]);
}

void outcome_counters(const struct outcome *o, char *text, size_t size)
{
    text[0] = 0;
    for (unsigned int c = 0; c < GRAIN_COUNTER_COUNT; c++)
        if (!is_bookkeeping(c))
            append(text, size, grain_counter_name(c), o->counts.counters[c]);
}

/* DNS: labels joined by dots, odd bytes as \DDD; a server name as it is. */
static void spell(const struct grain_name_entry *entry, char *text, size_t size)
{
    const uint8_t *p = entry->text, *end = p + entry->slot.length;
    bool dns = entry->slot.kind != GRAIN_NAME_TLS_SNI;
    size_t label = 0, used = 0;

    for (; p < end && used + 6 < size; p++) {
        if (dns && !label) {
            label = *p;
            if (label && used)
                text[used++] = '.';
            continue;
        }
        label -= dns;
        if (*p > 0x20 && *p < 0x7f && *p != '.' && *p != '\\')
            text[used++] = *p;
        else
            used += snprintf(text + used, size - used, !dns && *p == '.' ? "." : "\\%03u", *p);
    }
    if (!used)
        text[used++] = '.';
    text[used] = 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void outcome_names(const struct outcome *o, char *text, size_t size)
{
    char **lines = calloc(o->name_count + 1, sizeof(*lines)), name[1100], line[1200];

    assert_non_null(lines);
    for (size_t i = 0; i < o->name_count; i++) {
        const struct grain_name_slot *slot = &o->names[i].slot;

        spell(&o->names[i], name, sizeof(name));
        snprintf(line, sizeof(line), "%s/%u/%s=%llu", grain_name_kind_name(slot->kind), slot->type,
                 o->names[i].known ? name : "?", (unsigned long long)slot->count);
        lines[i] = strdup(line);
        assert_non_null(lines[i]);
    }
    qsort(lines, o->name_count, sizeof(*lines), by_text);
    text[0] = 0;
    for (size_t i = 0; i < o->name_count; i++) {
        size_t used = strlen(text);

        snprintf(text + used, size - used, "%s%s", used ? " " : "", lines[i]);
        free(lines[i]);
    }
    free(lines);
}

void outcome_records(const struct outcome *o, char *text, size_t size)
{
    static const char *const types[] = {"?", "name", "hello", "quic", "dns"};
    uint64_t counts[5] = {0};

    for (size_t i = 0; i < o->record_count; i++)
        counts[o->records[i].record.header.type % 5]++;
    text[0] = 0;
    for (int t = 0; t < 5; t++)
        append(text, size, types[t], counts[t]);
}
