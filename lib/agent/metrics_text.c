// SPDX-License-Identifier: GPL-2.0-only
/* OpenMetrics 1.0, and Prometheus' text format 0.0.4, which has no units and no end. */
#include <inttypes.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"
#include "metrics_private.h"

struct text {
    struct grain_json *w;
    bool openmetrics;
    const struct family *family;
};

static void put(struct grain_json *w, const char *text)
{
    grain_json_raw(w, text, strlen(text));
}

static void put_number(struct grain_json *w, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, number);
    put(w, text);
}

/* As JSON writes it, and what JSON has no word for. */
static void put_real(struct grain_json *w, double number)
{
    if (isnan(number))
        put(w, "NaN");
    else if (isinf(number))
        put(w, number > 0 ? "+Inf" : "-Inf");
    else
        grain_json_real_text(w, number);
}

static void put_head(struct grain_json *w, bool openmetrics, const char *name, const char *type,
                     const char *help, const char *unit)
{
    const char *end = !openmetrics && !strcmp(type, "counter") ? "_total" : "";
    const char *const lines[][2] = {
        {"HELP", help}, {"TYPE", type}, {"UNIT", openmetrics ? unit : ""}};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!*lines[i][1])
            continue;
        put(w, "# ");
        put(w, lines[i][0]);
        put(w, " ");
        put(w, name);
        put(w, end);
        put(w, " ");
        put(w, lines[i][1]); /* our own texts: nothing in them needs an escape */
        put(w, "\n");
    }
}

/* name{labels} with one more label, or without. */
static void put_sample(struct grain_json *w, const char *name, const char *end, const char *labels,
                       const char *le)
{
    put(w, name);
    put(w, end);
    if (*labels || le) {
        put(w, "{");
        put(w, labels);
        if (le) {
            put(w, *labels ? ",le=\"" : "le=\"");
            put(w, le);
            put(w, "\"");
        }
        put(w, "}");
    }
    put(w, " ");
}

/* OpenMetrics wants a point in a whole number. */
static void bound_text(char out[32], double bound)
{
    (void)snprintf(out, 32, "%.10g", bound);
    for (char *at = out; *at; at++)
        if (*at == ',')
            *at = '.';
    if (!out[strcspn(out, ".e")])
        memcpy(out + strlen(out), ".0", 3);
}

static void put_histogram(struct grain_json *w, const struct family *family,
                          const struct series *series)
{
    uint64_t sum = 0;
    char le[32];

    for (uint32_t i = 0; i <= family->bound_count; i++) {
        if (i < family->bound_count)
            bound_text(le, family->bounds[i]);
        else
            memcpy(le, "+Inf", 5);
        sum += series->buckets[i];
        put_sample(w, family->name, "_bucket", series->labels, le);
        put_number(w, sum);
        put(w, "\n");
    }
    put_sample(w, family->name, "_count", series->labels, NULL);
    put_number(w, series->count);
    put(w, "\n");
    put_sample(w, family->name, "_sum", series->labels, NULL);
    put_real(w, series->number);
    put(w, "\n");
}

static void put_series(const void *node, VISIT visit, void *user)
{
    const struct text *text = user;
    const struct family *family = text->family;
    const struct series *series;

    if (visit != postorder && visit != leaf)
        return;
    series = grain_series_of(node);
    if (family->kind == GRAIN_ITEM_HISTOGRAM) {
        put_histogram(text->w, family, series);
        return;
    }
    put_sample(text->w, family->name, family->kind == GRAIN_ITEM_COUNTER ? "_total" : "",
               series->labels, NULL);
    if (family->kind == GRAIN_ITEM_COUNTER)
        put_number(text->w, series->count);
    else
        put_real(text->w, series->number);
    put(text->w, "\n");
}

static void put_own(struct grain_json *w, bool openmetrics, const char *name, const char *type,
                    const char *help, uint64_t number)
{
    put_head(w, openmetrics, name, type, help, "");
    put_sample(w, name, !strcmp(type, "counter") ? "_total" : "", "", NULL);
    put_number(w, number);
    put(w, "\n");
}

void grain_metrics_text(struct grain_json *w, const struct grain_metrics *metrics, bool openmetrics)
{
    struct text text = {.w = w, .openmetrics = openmetrics};

    for (const struct family *at = metrics->families; at; at = at->next) {
        if (!at->tree)
            continue;
        text.family = at;
        put_head(w, openmetrics, at->name, grain_item_kind_name(at->kind), at->help, at->unit);
        twalk_r(at->tree, put_series, &text);
    }
    put_own(w, openmetrics, "grain_series", "gauge", "series that are kept", metrics->series_count);
    put_own(w, openmetrics, "grain_series_dropped", "counter",
            "measurements for which there was no room, or whose names are in conflict",
            metrics->dropped);
    put_own(w, openmetrics, "grain_series_expired", "counter", "series that were not seen any more",
            metrics->expired);
    if (openmetrics)
        put(w, "# EOF\n");
}
