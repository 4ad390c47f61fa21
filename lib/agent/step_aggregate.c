// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "collect.h"
#include "held.h"
#include "series.h"
#include "step_tags.h"
#include "steps.h"

#define SERIES_DEFAULT  10000
#define MEMBERS_DEFAULT 10000
#define PERCENTILES_MAX 16
/* Series of what found no place: one for each measure and set of keys. */
#define REST_MAX 1000
/* What histograms and sets of all series may hold together. */
#define HELD_BYTES     (32U << 20)
#define MEMBER_BYTES   64 /* beside its text */
#define DERIVED_SUFFIX 16

struct percentile {
    double percent;
    char suffix[DERIVED_SUFFIX]; /* ".p50" */
};

struct aggregate {
    struct grain_step step;
    uint64_t interval_ns;
    enum grain_aggregate_gauges gauges;
    struct percentile percentiles[PERCENTILES_MAX];
    size_t percentile_count;
    bool count_events;
    struct grain_tag_list events_by;
    uint32_t series_most, members_most;
    struct grain_series_table *series;
    struct grain_series_table *rest; /* their tags are all "(other)" */
    size_t held;                     /* bytes, as counted against HELD_BYTES */
    bool begun;                      /* something is held, of this: */
    uint64_t interval;               /* time / interval_ns */
};

/* Beside what the table itself adds up. */
struct extra {
    struct grain_bins bins;
    struct grain_members members;
    uint64_t uncounted;
    double sum, weight; /* of a gauge */
};

static void release(void *user)
{
    struct extra *extra = user;

    if (!extra)
        return;
    grain_bins_free(&extra->bins);
    grain_members_free(&extra->members);
    free(extra);
}

/* ---- taking ---- */

static bool all_other(const struct grain_item *item)
{
    for (uint32_t i = 0; i < item->tag_count; i++)
        if (strcmp(item->tags[i].value, GRAIN_OTHER))
            return false;
    return item->tag_count > 0;
}

static struct grain_series *series_of(struct aggregate *aggregate, const struct grain_item *item,
                                      int *error)
{
    struct grain_item other = *item;
    struct grain_series *series;

    if (item->kind == GRAIN_ITEM_GAUGE || !all_other(item)) {
        series = grain_series_add(aggregate->series, item, error);
        if (series || *error != -ENOSPC || item->kind == GRAIN_ITEM_GAUGE)
            return series;
        grain_step_trouble(&aggregate->step, "aggregate: more than %u series; others are in %s",
                           aggregate->series_most, GRAIN_OTHER);
    }
    for (uint32_t i = 0; i < other.tag_count; i++)
        other.tags[i].value = GRAIN_OTHER;
    return grain_series_add(aggregate->rest, &other, error);
}

static int add_number(struct aggregate *aggregate, struct extra *extra,
                      const struct grain_item *item)
{
    int result = grain_bins_add(&extra->bins, item->number, item->count,
                                aggregate->held + sizeof(struct grain_bin) <= HELD_BYTES);

    if (result > 0)
        aggregate->held += sizeof(struct grain_bin);
    return result < 0 ? result : 0;
}

static int add_member(struct aggregate *aggregate, struct extra *extra, const char *member)
{
    size_t bytes = MEMBER_BYTES + strlen(member);
    int result = grain_members_add(&extra->members, member,
                                   extra->members.count < aggregate->members_most &&
                                       aggregate->held + bytes <= HELD_BYTES);

    if (result > 0)
        aggregate->held += bytes;
    if (result == -ENOSPC) {
        extra->uncounted++;
        return 0;
    }
    return result < 0 ? result : 0;
}

static int hold(struct aggregate *aggregate, const struct grain_item *item)
{
    int error = -ENOMEM;
    struct grain_series *series = series_of(aggregate, item, &error);
    struct extra *extra = series ? series->extra : NULL;

    if (!series)
        return error;
    if (item->kind == GRAIN_ITEM_COUNTER)
        return 0;
    if (!extra && !(extra = series->extra = calloc(1, sizeof(*extra))))
        return -ENOMEM;
    if (item->kind == GRAIN_ITEM_HISTOGRAM)
        return add_number(aggregate, extra, item);
    if (item->kind == GRAIN_ITEM_SET)
        return add_member(aggregate, extra, item->member);
    /* A gauge with a count is a mean that was saved, of so many. */
    extra->weight += item->count ? (double)item->count : 1;
    extra->sum += item->number * (item->count ? (double)item->count : 1);
    return 0;
}

static int hold_event(struct aggregate *aggregate, const struct grain_item *item)
{
    struct grain_item counter = {.kind = GRAIN_ITEM_COUNTER,
                                 .name = item->name,
                                 .unit = item->unit,
                                 .time_ns = item->time_ns,
                                 .count = item->count};

    for (uint32_t i = 0; i < item->tag_count; i++)
        if (grain_tag_list_has(&aggregate->events_by, item->tags[i].key))
            counter.tags[counter.tag_count++] = item->tags[i];
    return hold(aggregate, &counter);
}

static int aggregate_take(struct grain_step *step, struct grain_item *item)
{
    struct aggregate *aggregate = (struct aggregate *)step;

    if (item->kind == GRAIN_ITEM_EVENT && !aggregate->count_events)
        return grain_step_pass(step, item);
    if (item->kind == GRAIN_ITEM_HISTOGRAM && (!isfinite(item->number) || !item->count))
        return -EINVAL;
    if (!aggregate->begun)
        aggregate->interval = item->time_ns / aggregate->interval_ns;
    aggregate->begun = true;
    return item->kind == GRAIN_ITEM_EVENT ? hold_event(aggregate, item) : hold(aggregate, item);
}

/* ---- handing on, and saving ---- */

/* Where made items go: to the next step, or into a batch. */
struct out {
    struct aggregate *aggregate;
    struct grain_batch *batch; /* NULL: the next step */
    uint64_t now_ns;
    const struct grain_series *series; /* being made items of */
    int error;                         /* the first */
};

static void emit(struct out *out, struct grain_item *item)
{
    int error = out->batch ? grain_batch_add(out->batch, item)
                           : grain_step_pass(&out->aggregate->step, item);

    out->error = out->error ? out->error : error;
}

/* An item of the series, with a suffix to its name. */
static void emit_derived(struct out *out, enum grain_item_kind kind, const char *suffix,
                         const char *unit, uint64_t count, double number)
{
    char name[GRAIN_ITEM_TEXT_MAX + DERIVED_SUFFIX];
    struct grain_item item = out->series->item;

    if (*suffix) {
        (void)snprintf(name, sizeof(name), "%s%s", item.name, suffix);
        item.name = name;
    }
    item.kind = kind;
    item.unit = unit;
    item.time_ns = out->batch ? item.time_ns : out->now_ns;
    item.count = count;
    item.number = number;
    item.member = NULL;
    emit(out, &item);
}

static double gauge_value(const struct aggregate *aggregate, const struct grain_series *series)
{
    const struct extra *extra = series->extra;

    switch (aggregate->gauges) {
    case GRAIN_AGGREGATE_MIN:
        return series->least;
    case GRAIN_AGGREGATE_MAX:
        return series->most;
    case GRAIN_AGGREGATE_MEAN:
        return extra ? extra->sum / extra->weight : series->last;
    default:
        return series->last;
    }
}

static void emit_histogram(struct out *out, const struct extra *extra)
{
    const struct aggregate *aggregate = out->aggregate;
    double sum;
    uint64_t count = grain_bins_total(&extra->bins, &sum);

    if (!count)
        return;
    for (size_t i = 0; i < aggregate->percentile_count; i++) {
        const struct percentile *percentile = &aggregate->percentiles[i];

        emit_derived(out, GRAIN_ITEM_GAUGE, percentile->suffix, out->series->item.unit, 0,
                     grain_bins_percentile(&extra->bins, percentile->percent));
    }
    emit_derived(out, GRAIN_ITEM_GAUGE, ".sum", out->series->item.unit, 0, sum);
    emit_derived(out, GRAIN_ITEM_COUNTER, ".count", "1", count, 0);
}

static void emit_uncounted(struct out *out, const struct extra *extra)
{
    if (extra->uncounted)
        emit_derived(out, GRAIN_ITEM_COUNTER, ".uncounted", "1", extra->uncounted, 0);
}

static void emit_series(struct out *out)
{
    const struct grain_series *series = out->series;
    const struct extra *extra = series->extra;

    if (series->item.kind == GRAIN_ITEM_COUNTER)
        emit_derived(out, GRAIN_ITEM_COUNTER, "", series->item.unit, series->count, 0);
    else if (series->item.kind == GRAIN_ITEM_GAUGE)
        emit_derived(out, GRAIN_ITEM_GAUGE, "", series->item.unit, 0,
                     gauge_value(out->aggregate, series));
    else if (extra && series->item.kind == GRAIN_ITEM_HISTOGRAM)
        emit_histogram(out, extra);
    else if (extra) {
        emit_derived(out, GRAIN_ITEM_GAUGE, "", "members", 0, (double)extra->members.count);
        emit_uncounted(out, extra);
    }
}

static int save_member(void *user, const char *text)
{
    struct out *out = user;
    struct grain_item item = out->series->item;

    item.member = text;
    emit(out, &item);
    return out->error;
}

static void save_series(struct out *out)
{
    const struct grain_series *series = out->series;
    const struct extra *extra = series->extra;
    const char *unit = series->item.unit;

    if (series->item.kind == GRAIN_ITEM_COUNTER)
        emit_derived(out, GRAIN_ITEM_COUNTER, "", unit, series->count, 0);
    else if (!extra)
        return;
    else if (series->item.kind == GRAIN_ITEM_GAUGE)
        emit_derived(out, GRAIN_ITEM_GAUGE, "", unit, (uint64_t)extra->weight,
                     gauge_value(out->aggregate, series));
    else if (series->item.kind == GRAIN_ITEM_HISTOGRAM)
        for (uint32_t i = 0; i < extra->bins.count; i++)
            emit_derived(out, GRAIN_ITEM_HISTOGRAM, "", unit, extra->bins.list[i].count,
                         grain_bin_value(&extra->bins.list[i]));
    else {
        (void)grain_members_each(&extra->members, save_member, out);
        emit_uncounted(out, extra);
    }
}

static int each_series(struct grain_series_table *table, struct out *out,
                       void (*fn)(struct out *out))
{
    size_t count = grain_series_count(table);
    struct grain_series **list = grain_series_list(table);

    if (count && !list)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        out->series = list[i];
        fn(out);
    }
    free(list);
    return 0;
}

static int aggregate_flush(struct grain_step *step, uint64_t now_ns, bool end)
{
    struct aggregate *aggregate = (struct aggregate *)step;
    struct out out = {.aggregate = aggregate, .now_ns = now_ns};
    struct grain_series_table *const tables[] = {aggregate->series, aggregate->rest};
    int first = 0;

    if (!aggregate->begun || (!end && now_ns / aggregate->interval_ns == aggregate->interval))
        return 0;
    aggregate->begun = false;
    for (size_t i = 0; i < 2; i++) {
        int error = each_series(tables[i], &out, emit_series);

        /* Without memory for the list it stays, for the next time. */
        if (error)
            aggregate->begun = true;
        else
            grain_series_clear(tables[i], release);
        first = first ? first : error;
    }
    if (!aggregate->begun)
        aggregate->held = 0;
    return first ? first : out.error;
}

static int aggregate_save(struct grain_step *step, struct grain_batch *batch)
{
    struct aggregate *aggregate = (struct aggregate *)step;
    struct out out = {.aggregate = aggregate, .batch = batch};
    int error = each_series(aggregate->series, &out, save_series);

    if (!error)
        error = each_series(aggregate->rest, &out, save_series);
    return error ? error : out.error;
}

/* ---- making ---- */

static void aggregate_free(struct grain_step *step)
{
    struct aggregate *aggregate = (struct aggregate *)step;

    grain_series_free(aggregate->series, release);
    grain_series_free(aggregate->rest, release);
    grain_tag_list_free(&aggregate->events_by);
    free(aggregate);
}

static const struct grain_step_type type = {.name = "aggregate",
                                            .take = aggregate_take,
                                            .flush = aggregate_flush,
                                            .save = aggregate_save,
                                            .free = aggregate_free};

/* 99.9 is ".p99_9": a dot separates the parts of a name. */
static int set_percentiles(struct aggregate *aggregate,
                           const struct grain_aggregate_settings *settings)
{
    static const double usual[] = {50, 90, 99};
    const double *from = settings->percentile_count ? settings->percentiles : usual;
    size_t count = settings->percentile_count ? settings->percentile_count : 3;

    if (count > PERCENTILES_MAX)
        return grain_fail(-EINVAL, "aggregate: more than %d percentiles", PERCENTILES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct percentile *percentile = &aggregate->percentiles[i];
        char *dot;

        if (!(from[i] > 0 && from[i] <= 100))
            return grain_fail(-EINVAL, "aggregate: the percentile %g is not above 0 and up to 100",
                              from[i]);
        percentile->percent = from[i];
        (void)snprintf(percentile->suffix, sizeof(percentile->suffix), ".p%.6g", from[i]);
        dot = strchr(percentile->suffix + 1, '.');
        if (dot)
            *dot = '_';
        for (size_t k = 0; k < i; k++)
            if (!strcmp(aggregate->percentiles[k].suffix, percentile->suffix))
                return grain_fail(-EINVAL, "aggregate: the percentile %g is there twice", from[i]);
    }
    aggregate->percentile_count = count;
    return 0;
}

static int set_up(struct aggregate *aggregate, const struct grain_aggregate_settings *settings)
{
    int error;

    if (!settings->interval_ns)
        return grain_fail(-EINVAL, "aggregate: the interval is 0");
    aggregate->interval_ns = settings->interval_ns;
    aggregate->gauges = settings->gauges;
    aggregate->count_events = settings->events_by != NULL;
    aggregate->series_most = settings->series ? settings->series : SERIES_DEFAULT;
    aggregate->members_most = settings->members ? settings->members : MEMBERS_DEFAULT;
    error = set_percentiles(aggregate, settings);
    if (!error)
        error = grain_tag_list_copy(&aggregate->events_by, settings->events_by, GRAIN_TAGS_MAX,
                                    "aggregate", "events_by");
    if (!error)
        error = grain_series_new(&aggregate->series, aggregate->series_most);
    if (!error)
        error = grain_series_new(&aggregate->rest, REST_MAX);
    return error;
}

int grain_step_aggregate(struct grain_step **out, const struct grain_aggregate_settings *settings)
{
    struct aggregate *aggregate = calloc(1, sizeof(*aggregate));
    int error;

    if (!aggregate)
        return grain_fail(-ENOMEM, "no memory");
    aggregate->step.type = &type;
    error = set_up(aggregate, settings);
    if (error)
        aggregate_free(&aggregate->step);
    else
        *out = &aggregate->step;
    return error;
}
