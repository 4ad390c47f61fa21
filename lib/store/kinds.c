// SPDX-License-Identifier: GPL-2.0-only
#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY(name)                                \
    {                                            \
        name, GRAIN_STORE_KEY, GRAIN_STORE_PLAIN \
    }
#define TEXT_KEY(name)                          \
    {                                           \
        name, GRAIN_STORE_KEY, GRAIN_STORE_TEXT \
    }
#define OBJECT_KEY(name)                          \
    {                                             \
        name, GRAIN_STORE_KEY, GRAIN_STORE_OBJECT \
    }
#define ACTOR_KEY(name)                          \
    {                                            \
        name, GRAIN_STORE_KEY, GRAIN_STORE_ACTOR \
    }
#define SUM(name)                                \
    {                                            \
        name, GRAIN_STORE_SUM, GRAIN_STORE_PLAIN \
    }
#define LATEST(name)                                \
    {                                               \
        name, GRAIN_STORE_LATEST, GRAIN_STORE_PLAIN \
    }
#define BITS(name)                                \
    {                                             \
        name, GRAIN_STORE_BITS, GRAIN_STORE_PLAIN \
    }
/* Milliseconds of the minute. */
#define COUNT_AND_TIMES                                               \
    SUM("count"), {"first_ms", GRAIN_STORE_LEAST, GRAIN_STORE_PLAIN}, \
    {                                                                 \
        "last_ms", GRAIN_STORE_MOST, GRAIN_STORE_PLAIN                \
    }

/* By file first: what is asked most is who touched one file. */
static const struct grain_store_column file_columns[GRAIN_FILE_COLUMNS] = {
    OBJECT_KEY("object"), KEY("minute"),     ACTOR_KEY("actor"),    KEY("operation"),
    KEY("result"),        KEY("open_flags"), OBJECT_KEY("object2"), COUNT_AND_TIMES,
    SUM("bytes"),         BITS("flags"),     LATEST("detail"),
};

static const struct grain_store_column net_columns[GRAIN_NET_COLUMNS] = {
    KEY("minute"),      ACTOR_KEY("actor"),   TEXT_KEY("remote"),    KEY("remote_port"),
    TEXT_KEY("local"),  KEY("local_port"),    KEY("protocol"),       KEY("event"),
    KEY("result"),      TEXT_KEY("name"),     TEXT_KEY("sni"),       COUNT_AND_TIMES,
    SUM("sent_bytes"),  SUM("sent_messages"), SUM("received_bytes"), SUM("received_messages"),
    SUM("retransmits"), SUM("duration_ms"),   BITS("flags"),         LATEST("passing_port"),
};

static const struct grain_store_column dns_columns[GRAIN_DNS_COLUMNS] = {
    KEY("minute"),       ACTOR_KEY("actor"),    TEXT_KEY("name"),   TEXT_KEY("type"),
    KEY("response"),     KEY("rcode"),          TEXT_KEY("server"), KEY("protocol"),
    TEXT_KEY("answers"), TEXT_KEY("interface"), COUNT_AND_TIMES,
};

static const struct grain_store_column tls_columns[GRAIN_TLS_COLUMNS] = {
    KEY("minute"),    ACTOR_KEY("actor"), TEXT_KEY("sni"),    TEXT_KEY("version"),
    TEXT_KEY("alpn"), TEXT_KEY("ja3"),    TEXT_KEY("ja4"),    KEY("ech"),
    KEY("quic"),      TEXT_KEY("remote"), KEY("remote_port"), TEXT_KEY("interface"),
    COUNT_AND_TIMES,
};

static const struct grain_store_column life_columns[GRAIN_LIFE_COLUMNS] = {
    KEY("minute"), ACTOR_KEY("actor"), KEY("event"), KEY("status"), COUNT_AND_TIMES,
};

const struct grain_store_kind_info grain_store_kinds[GRAIN_STORE_KIND_COUNT] = {
    {"file", "files", file_columns, GRAIN_FILE_COLUMNS, GRAIN_FILE_COUNT, GRAIN_FILE_MINUTE,
     GRAIN_FILE_COUNT, "(object2) WHERE object2 <> 0"},
    {"net", "net", net_columns, GRAIN_NET_COLUMNS, GRAIN_NET_COUNT, GRAIN_NET_MINUTE,
     GRAIN_NET_COUNT, NULL},
    {"dns", "dns", dns_columns, GRAIN_DNS_COLUMNS, GRAIN_DNS_COUNT, GRAIN_DNS_MINUTE,
     GRAIN_DNS_COUNT, NULL},
    {"tls", "tls", tls_columns, GRAIN_TLS_COLUMNS, GRAIN_TLS_COUNT, GRAIN_TLS_MINUTE,
     GRAIN_TLS_COUNT, NULL},
    {"life", "processes", life_columns, GRAIN_LIFE_COLUMNS, GRAIN_LIFE_COUNT, GRAIN_LIFE_MINUTE,
     GRAIN_LIFE_COUNT, NULL},
};

static int64_t sum(int64_t a, int64_t b)
{
    int64_t out;

    /* As SQL would otherwise fail, or become a fraction. */
    return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

void grain_store_fold(const struct grain_store_kind_info *kind, int64_t *into, const int64_t *from)
{
    for (size_t i = kind->key_count; i < kind->column_count; i++) {
        switch (kind->columns[i].role) {
        case GRAIN_STORE_SUM:
            into[i] = sum(into[i], from[i]);
            break;
        case GRAIN_STORE_LEAST:
            into[i] = from[i] < into[i] ? from[i] : into[i];
            break;
        case GRAIN_STORE_MOST:
            into[i] = from[i] > into[i] ? from[i] : into[i];
            break;
        case GRAIN_STORE_BITS:
            into[i] |= from[i];
            break;
        default:
            into[i] = from[i];
        }
    }
}

char *grain_store_create_sql(const struct grain_store_kind_info *kind, int64_t part)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "CREATE TABLE %s_%lld(", kind->prefix, (long long)part);
    for (size_t i = 0; i < kind->column_count; i++)
        fprintf(out, "%s INTEGER NOT NULL,", kind->columns[i].name);
    fputs("PRIMARY KEY(", out);
    for (size_t i = 0; i < kind->key_count; i++)
        fprintf(out, "%s%s", i ? "," : "", kind->columns[i].name);
    fputs(")) WITHOUT ROWID;", out);
    if (kind->index)
        fprintf(out, "CREATE INDEX %s_%lld_further ON %s_%lld %s;", kind->prefix, (long long)part,
                kind->prefix, (long long)part, kind->index);
    return fclose(out) ? (free(text), NULL) : text;
}

static void write_merge(FILE *out, const struct grain_store_column *column)
{
    const char *name = column->name;

    fprintf(out, "%s=", name);
    switch (column->role) {
    case GRAIN_STORE_SUM:
        /* total() and CAST would lose digits: a sum beyond the range stays where it is. */
        fprintf(out,
                "CASE WHEN %s>9223372036854775807-excluded.%s THEN 9223372036854775807"
                " ELSE %s+excluded.%s END",
                name, name, name, name);
        break;
    case GRAIN_STORE_LEAST:
        fprintf(out, "min(%s,excluded.%s)", name, name);
        break;
    case GRAIN_STORE_MOST:
        fprintf(out, "max(%s,excluded.%s)", name, name);
        break;
    case GRAIN_STORE_BITS:
        fprintf(out, "%s|excluded.%s", name, name);
        break;
    default:
        fprintf(out, "excluded.%s", name);
    }
}

char *grain_store_upsert_sql(const struct grain_store_kind_info *kind, int64_t part)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "INSERT INTO %s_%lld VALUES(?", kind->prefix, (long long)part);
    for (size_t i = 1; i < kind->column_count; i++)
        fputs(",?", out);
    fputs(") ON CONFLICT DO UPDATE SET ", out);
    for (size_t i = kind->key_count; i < kind->column_count; i++) {
        if (i > kind->key_count)
            fputc(',', out);
        write_merge(out, &kind->columns[i]);
    }
    return fclose(out) ? (free(text), NULL) : text;
}
