// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "geo.h"
#include "step_tags.h"
#include "steps.h"

/* Each makes four tags. */
#define KEYS_MAX 5
#define LOOK_NS  1000000000ULL

struct geo {
    struct grain_step step;
    char *path;
    struct grain_tag_list keys;
    char *tags[KEYS_MAX][GRAIN_GEO_FIELD_COUNT]; /* "src_ip_country", ... */
    struct grain_geo_place places[KEYS_MAX];     /* what an item's tags point into */
    struct grain_geo *database;
    struct stat tried; /* of the file that was opened last, or refused */
    uint64_t looked_ns;
};

static void tag_place(struct geo *geo, struct grain_item *item, size_t key)
{
    const struct grain_geo_place *place = &geo->places[key];

    for (size_t i = 0; i < GRAIN_GEO_FIELD_COUNT; i++)
        if (*place->texts[i])
            grain_step_tag(&geo->step, item, geo->tags[key][i], place->texts[i]);
}

static int geo_take(struct grain_step *step, struct grain_item *item)
{
    struct geo *geo = (struct geo *)step;

    for (size_t i = 0; i < geo->keys.count; i++) {
        const char *address = grain_item_tag(item, geo->keys.keys[i]);
        int found = address ? grain_geo_find(geo->database, address, &geo->places[i]) : 0;

        if (found > 0)
            tag_place(geo, item, i);
        if (found < 0 || (address && geo->places[i].unsound))
            grain_step_trouble(step, "geo: %.160s: what it says of an address is not sound",
                               geo->path);
    }
    return grain_step_pass(step, item);
}

/* Another file, or none, is tried once. */
static int geo_flush(struct grain_step *step, uint64_t now_ns, bool end)
{
    struct geo *geo = (struct geo *)step;
    struct grain_geo *database;
    struct stat now = {0};
    int error;

    if (end || (now_ns >= geo->looked_ns && now_ns - geo->looked_ns < LOOK_NS))
        return 0;
    geo->looked_ns = now_ns;
    if (stat(geo->path, &now))
        memset(&now, 0, sizeof(now));
    if (grain_geo_same(&now, &geo->tried))
        return 0;
    error = grain_geo_open(&database, geo->path, &geo->tried);
    if (error) {
        grain_step_trouble(step, "geo: %.200s; the old one stays", grain_error());
        geo->tried = now;
        /* It is being written: the next look finds it complete, or not. */
        if (error == -EAGAIN)
            memset(&geo->tried, 0xff, sizeof(geo->tried));
        return 0;
    }
    grain_geo_close(geo->database);
    geo->database = database;
    return 0;
}

static void geo_free(struct grain_step *step)
{
    struct geo *geo = (struct geo *)step;

    grain_geo_close(geo->database);
    for (size_t i = 0; i < KEYS_MAX; i++)
        for (size_t k = 0; k < GRAIN_GEO_FIELD_COUNT; k++)
            free(geo->tags[i][k]);
    grain_tag_list_free(&geo->keys);
    free(geo->path);
    free(geo);
}

static const struct grain_step_type type = {
    .name = "geo", .take = geo_take, .flush = geo_flush, .free = geo_free};

static int name_tags(struct geo *geo)
{
    static const char *const fields[] = {[GRAIN_GEO_COUNTRY] = "country",
                                         [GRAIN_GEO_CITY] = "city",
                                         [GRAIN_GEO_ASN] = "asn",
                                         [GRAIN_GEO_ORG] = "org"};

    for (size_t i = 0; i < geo->keys.count; i++)
        for (size_t k = 0; k < GRAIN_GEO_FIELD_COUNT; k++)
            if (asprintf(&geo->tags[i][k], "%s_%s", geo->keys.keys[i], fields[k]) < 0) {
                geo->tags[i][k] = NULL;
                return grain_fail(-ENOMEM, "no memory");
            }
    return 0;
}

static int set_up(struct geo *geo, const struct grain_geo_settings *settings)
{
    int error = grain_tag_list_copy(&geo->keys, settings->keys, KEYS_MAX, "geo", "keys");

    if (error)
        return error;
    if (!geo->keys.count)
        return grain_fail(-EINVAL, "geo: \"keys\" names no tag");
    geo->path = strdup(settings->database);
    if (!geo->path)
        return grain_fail(-ENOMEM, "no memory");
    error = name_tags(geo);
    if (error)
        return error;
    error = grain_geo_open(&geo->database, geo->path, &geo->tried);
    if (error && error != -ENOMEM)
        return grain_fail(-EINVAL, "geo: %s", grain_error());
    return error;
}

int grain_step_geo(struct grain_step **out, const struct grain_geo_settings *settings)
{
    struct geo *geo = calloc(1, sizeof(*geo));
    int error;

    if (!geo)
        return grain_fail(-ENOMEM, "no memory");
    geo->step.type = &type;
    error = set_up(geo, settings);
    if (error)
        geo_free(&geo->step);
    else
        *out = &geo->step;
    return error;
}
