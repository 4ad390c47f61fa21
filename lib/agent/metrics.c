// SPDX-License-Identifier: GPL-2.0-only
#include "metrics.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "measures.h"
#include "metrics_private.h"
#include "utf8.h"

static const double seconds_bounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05,
                                        0.1,    0.5,    1,     5,     10,   60};
static const double other_bounds[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int grain_metrics_new(struct grain_metrics **out, const struct grain_metrics_settings *settings)
{
    struct grain_metrics *metrics;

    if (settings->bucket_count > GRAIN_METRICS_BUCKETS_MOST)
        return grain_fail(-EINVAL, "a histogram has at most %d buckets",
                          GRAIN_METRICS_BUCKETS_MOST);
    for (uint32_t i = 0; i < settings->bucket_count; i++)
        if (!isfinite(settings->buckets[i]) ||
            (i && settings->buckets[i] <= settings->buckets[i - 1]))
            return grain_fail(-EINVAL, "the bounds of buckets are numbers that rise");
    metrics = calloc(1, sizeof(*metrics));
    if (!metrics)
        return grain_fail(-ENOMEM, "no memory");
    metrics->settings = *settings;
    if (settings->bucket_count)
        memcpy(metrics->buckets, settings->buckets,
               settings->bucket_count * sizeof(metrics->buckets[0]));
    metrics->settings.buckets = metrics->buckets;
    *out = metrics;
    return 0;
}

/* ---- series, by their labels ---- */

struct series *grain_series_of(const void *node)
{
    char *labels = *(char *const *)node;

    return (struct series *)(labels - offsetof(struct series, labels));
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void free_labels(void *labels)
{
    struct series *series = grain_series_of(&labels);

    free(series->buckets);
    free(series);
}

static void remove_series(struct grain_metrics *metrics, struct family *family,
                          struct series *series)
{
    (void)tdelete(series->labels, &family->tree, compare);
    metrics->series_count--;
    metrics->label_bytes -= strlen(series->labels);
    free_labels(series->labels);
}

static struct series *make_series(const struct family *family, const char *labels)
{
    size_t length = strlen(labels) + 1;
    struct series *series = calloc(1, sizeof(*series) + length);

    if (!series)
        return NULL;
    memcpy(series->labels, labels, length);
    if (family->kind == GRAIN_ITEM_HISTOGRAM) {
        series->buckets = calloc(family->bound_count + 1, sizeof(*series->buckets));
        if (!series->buckets) {
            free(series);
            return NULL;
        }
    }
    return series;
}

static struct series *find_series(struct grain_metrics *metrics, struct family *family,
                                  const char *labels)
{
    size_t length = strlen(labels);
    void *node = tfind(labels, &family->tree, compare);
    struct series *series;

    if (node)
        return grain_series_of(node);
    if (metrics->series_count >= metrics->settings.series ||
        metrics->label_bytes + length >
            (uint64_t)metrics->settings.series * GRAIN_METRICS_LABELS_BYTES)
        return NULL;
    series = make_series(family, labels);
    if (series && !tsearch(series->labels, &family->tree, compare)) {
        free_labels(series->labels);
        series = NULL;
    }
    if (series) {
        metrics->series_count++;
        metrics->label_bytes += length;
    }
    return series;
}

/* ---- families ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length >= size && !strcmp(text + length - size, end);
}

/* A name of a metric or label: letters, digits and underscores. */
static void put_name(char *out, size_t size, const char *text)
{
    size_t at = 0;

    for (; *text && at + 1 < size; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        bool digit = *text >= '0' && *text <= '9';

        out[at] = (char)(letter || (digit && at) ? *text : '_');
        at++;
    }
    out[at] = 0;
}

/* grain_, the name, and the unit where it is one that Prometheus' names end with. */
static void family_name(char out[FAMILY_NAME_MAX], const struct grain_item *item)
{
    bool base = !strcmp(item->unit, "seconds") || !strcmp(item->unit, "bytes");
    char unit[16];
    size_t length;

    memcpy(out, "grain_", 7);
    put_name(out + 6, FAMILY_NAME_MAX - 32, item->name);
    if (ends_with(out, "_total"))
        out[strlen(out) - 6] = 0;
    (void)snprintf(unit, sizeof(unit), "_%s", item->unit);
    length = strlen(out);
    if (base && !ends_with(out, unit))
        (void)snprintf(out + length, FAMILY_NAME_MAX - length, "%s", unit);
}

/* What a name is without an ending that OpenMetrics gives a sample. */
static size_t base_length(const char *name)
{
    static const char *const ends[] = {"_total", "_created", "_count", "_sum", "_bucket", "_info"};

    for (size_t i = 0; i < COUNT(ends); i++)
        if (ends_with(name, ends[i]))
            return strlen(name) - strlen(ends[i]);
    return strlen(name);
}

/* Samples of the two could have the same name. */
static bool clash(const char *a, const char *b)
{
    size_t length = base_length(a), other = base_length(b);

    return (length == strlen(b) && !memcmp(a, b, length)) ||
           (other == strlen(a) && !memcmp(a, b, other));
}

static const struct grain_measure_info *measure_of(const char *name)
{
    const struct grain_measure_info *measure;

    for (unsigned int i = 0; (measure = grain_measure(i)); i++)
        if (!strcmp(measure->name, name))
            return measure;
    return NULL;
}

static void set_bounds(const struct grain_metrics *metrics, struct family *family,
                       const struct grain_item *item)
{
    bool seconds = !strcmp(item->unit, "seconds");
    const double *bounds = seconds ? seconds_bounds : other_bounds;
    size_t count = seconds ? COUNT(seconds_bounds) : COUNT(other_bounds);

    if (metrics->settings.bucket_count) {
        bounds = metrics->buckets;
        count = metrics->settings.bucket_count;
    }
    memcpy(family->bounds, bounds, count * sizeof(*bounds));
    family->bound_count = (uint32_t)count;
}

static struct family *make_family(struct grain_metrics *metrics, const struct grain_item *item,
                                  const char *name)
{
    const struct grain_measure_info *measure = measure_of(item->name);
    struct family *family;
    char unit[64];

    if (metrics->family_count >= GRAIN_METRICS_FAMILIES_MOST)
        return NULL;
    family = calloc(1, sizeof(*family));
    if (!family)
        return NULL;
    memcpy(family->name, name, strlen(name) + 1);
    family->kind = item->kind;
    family->help = measure ? measure->text : "";
    family->unit = "";
    if (measure && snprintf(unit, sizeof(unit), "_%s", measure->unit) < (int)sizeof(unit) &&
        ends_with(name, unit))
        family->unit = measure->unit;
    set_bounds(metrics, family, item);
    family->next = metrics->families;
    metrics->families = family;
    metrics->family_count++;
    return family;
}

static struct family *find_family(struct grain_metrics *metrics, const struct grain_item *item)
{
    char name[FAMILY_NAME_MAX];

    family_name(name, item);
    for (struct family *at = metrics->families; at; at = at->next)
        if (!strcmp(at->name, name))
            return at->kind == item->kind ? at : NULL;
    for (struct family *at = metrics->families; at; at = at->next)
        if (clash(at->name, name))
            return NULL;
    if (clash(name, "grain_series") || clash(name, "grain_series_dropped") ||
        clash(name, "grain_series_expired"))
        return NULL;
    return make_family(metrics, item, name);
}

/* ---- labels ---- */

struct labels {
    char text[LABELS_MAX];
    size_t length;
    bool full;
};

static void put_text(struct labels *labels, const char *text, size_t length)
{
    if (sizeof(labels->text) - labels->length <= length) {
        labels->full = true;
        return;
    }
    memcpy(labels->text + labels->length, text, length);
    labels->length += length;
    labels->text[labels->length] = 0;
}

/* What is not printable is escaped as for people; then as the format wants it. */
static void put_value(struct labels *labels, const char *value)
{
    char escaped[4 * GRAIN_ITEM_TEXT_MAX + 1];

    (void)grain_utf8_escape(escaped, sizeof(escaped), value, NULL);
    for (const char *at = escaped; *at; at++) {
        if (*at == '\\' || *at == '"')
            put_text(labels, "\\", 1);
        put_text(labels, at, 1);
    }
}

struct label {
    char name[128];
    const char *value;
};

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

/* Two keys can become the same name, and "le" is a bucket's. */
static void label_name(struct label *list, uint32_t count, const char *key)
{
    struct label *own = &list[count];
    size_t length;

    put_name(own->name, sizeof(own->name) - GRAIN_TAGS_MAX - 8, *key ? key : "_");
    if (!strcmp(own->name, "le") || !strncmp(own->name, "__", 2)) {
        char name[sizeof(own->name)];

        memcpy(name, own->name, sizeof(name));
        (void)snprintf(own->name, sizeof(own->name), "tag_%.96s", name);
    }
    for (uint32_t i = 0; i < count; i++) {
        length = strlen(own->name);
        if (strcmp(list[i].name, own->name) != 0 || length + 1 >= sizeof(own->name))
            continue;
        own->name[length] = '_';
        own->name[length + 1] = 0;
        i = UINT32_MAX; /* from the beginning */
    }
}

/* False: they are too long. */
static bool put_labels(struct labels *labels, const struct grain_item *item)
{
    struct label list[GRAIN_TAGS_MAX];

    labels->length = 0;
    labels->full = false;
    labels->text[0] = 0;
    for (uint32_t i = 0; i < item->tag_count; i++) {
        label_name(list, i, item->tags[i].key);
        list[i].value = item->tags[i].value;
    }
    qsort(list, item->tag_count, sizeof(list[0]), compare_labels);
    for (uint32_t i = 0; i < item->tag_count; i++) {
        put_text(labels, ",", i ? 1 : 0);
        put_text(labels, list[i].name, strlen(list[i].name));
        put_text(labels, "=\"", 2);
        put_value(labels, list[i].value);
        put_text(labels, "\"", 1);
    }
    return !labels->full;
}

/* ---- */

static void observe(const struct family *family, struct series *series,
                    const struct grain_item *item)
{
    uint32_t bucket = 0;

    while (bucket < family->bound_count && item->number > family->bounds[bucket])
        bucket++;
    series->buckets[bucket] += item->count;
    series->count += item->count;
    series->number += item->number * (double)item->count;
}

int grain_metrics_add(struct grain_metrics *metrics, const struct grain_item *item, uint64_t now_ns)
{
    struct labels labels;
    struct family *family;
    struct series *series = NULL;

    if (item->kind != GRAIN_ITEM_COUNTER && item->kind != GRAIN_ITEM_GAUGE &&
        item->kind != GRAIN_ITEM_HISTOGRAM)
        return -EBADMSG;
    if (item->kind == GRAIN_ITEM_HISTOGRAM && (!isfinite(item->number) || item->number < 0))
        return -EBADMSG;
    family = put_labels(&labels, item) ? find_family(metrics, item) : NULL;
    if (family)
        series = find_series(metrics, family, labels.text);
    if (!series) {
        metrics->dropped++;
        return -ENOSPC;
    }
    series->seen_ns = now_ns;
    if (item->kind == GRAIN_ITEM_COUNTER)
        series->count += item->count;
    else if (item->kind == GRAIN_ITEM_GAUGE)
        series->number = item->number;
    else
        observe(family, series, item);
    return 0;
}

/* Series that have not been seen since; the first walk counts them, the second one notes them. */
struct old {
    uint64_t before_ns;
    struct series **list;
    size_t count;
};

static void find_old(const void *node, VISIT visit, void *user)
{
    struct old *old = user;

    if ((visit != postorder && visit != leaf) || grain_series_of(node)->seen_ns >= old->before_ns)
        return;
    if (old->list)
        old->list[old->count] = grain_series_of(node);
    old->count++;
}

/* Without memory they stay until the next time. */
static void expire_family(struct grain_metrics *metrics, struct family *family, uint64_t before_ns)
{
    struct old old = {.before_ns = before_ns};

    twalk_r(family->tree, find_old, &old);
    if (!old.count)
        return;
    old.list = calloc(old.count, sizeof(struct series *));
    if (!old.list)
        return;
    old.count = 0;
    twalk_r(family->tree, find_old, &old);
    for (size_t i = 0; i < old.count; i++)
        remove_series(metrics, family, old.list[i]);
    metrics->expired += old.count;
    free(old.list);
}

void grain_metrics_expire(struct grain_metrics *metrics, uint64_t now_ns)
{
    struct family **at = &metrics->families;

    if (!metrics->settings.expire_ns || now_ns < metrics->settings.expire_ns)
        return;
    while (*at) {
        struct family *family = *at;

        expire_family(metrics, family, now_ns - metrics->settings.expire_ns);
        if (family->tree) {
            at = &family->next;
            continue;
        }
        *at = family->next;
        metrics->family_count--;
        free(family);
    }
}

void grain_metrics_free(struct grain_metrics *metrics)
{
    struct family *next;

    if (!metrics)
        return;
    for (struct family *at = metrics->families; at; at = next) {
        next = at->next;
        tdestroy(at->tree, free_labels);
        free(at);
    }
    free(metrics);
}
