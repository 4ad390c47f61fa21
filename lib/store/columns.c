// SPDX-License-Identifier: GPL-2.0-only
#include "columns.h"

#include <grain/host_record.h>

#include "store.h"

#define NUMBER GRAIN_STORE_TYPE_NUMBER
#define STRING GRAIN_STORE_TYPE_STRING
#define TIME   GRAIN_STORE_TYPE_TIME

#define TIMES                                                                                \
    {"time", TIME, "f.minute*60000+f.first_ms"}, {"last", TIME, "f.minute*60000+f.last_ms"}, \
    {                                                                                        \
        "count", NUMBER, "f.count"                                                           \
    }
#define OPERATION(ID, number, name) " WHEN " #number " THEN '" name "'"
#define TEXT_OF(column)             "(SELECT text FROM text WHERE id=f." column ")"

static const struct grain_view_column file_view[] = {
    TIMES,
    {"operation", STRING,
     "CASE f.operation" GRAIN_HOST_OPERATIONS(OPERATION) " ELSE f.operation END"},
    {"result", NUMBER, "f.result"},
    {"path", STRING, "o.name"},
    {"path2", STRING, "o2.name"},
    {"dev", NUMBER, "o.dev"},
    {"ino", NUMBER, "o.ino"},
    {"bytes", NUMBER, "f.bytes"},
    {"open_flags", NUMBER, "f.open_flags"},
    {"flags", NUMBER, "f.flags"},
    {"mode", NUMBER, "CASE f.operation WHEN 9 THEN 0 ELSE f.detail END"},
    {"owner", NUMBER, "CASE f.operation WHEN 9 THEN (f.detail>>32)&4294967295 ELSE 0 END"},
    {"group_id", NUMBER, "CASE f.operation WHEN 9 THEN f.detail&4294967295 ELSE 0 END"},
    {NULL, 0, NULL},
};

#define EVENT(ID, number, name) " WHEN " #number " THEN '" name "'"
#define PROTOCOL                "CASE f.protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' ELSE f.protocol END"

static const struct grain_view_column net_view[] = {
    TIMES,
    {"event", STRING,
     "CASE f.event" GRAIN_HOST_CONNECTION_EVENTS(EVENT) " WHEN 16 THEN 'traffic' ELSE f.event END"},
    {"protocol", STRING, PROTOCOL},
    {"remote", STRING, TEXT_OF("remote")},
    {"remote_port", NUMBER, "CASE f.remote_port WHEN 0 THEN f.passing_port ELSE f.remote_port END"},
    {"local", STRING, TEXT_OF("local")},
    {"local_port", NUMBER,
     "CASE WHEN f.local_port=0 AND f.remote_port<>0 THEN f.passing_port ELSE f.local_port END"},
    {"name", STRING, TEXT_OF("name")},
    {"sni", STRING, TEXT_OF("sni")},
    {"sent_bytes", NUMBER, "f.sent_bytes"},
    {"received_bytes", NUMBER, "f.received_bytes"},
    {"sent_messages", NUMBER, "f.sent_messages"},
    {"received_messages", NUMBER, "f.received_messages"},
    {"retransmits", NUMBER, "f.retransmits"},
    {"duration_ms", NUMBER, "f.duration_ms"},
    {"result", NUMBER, "f.result"},
    {"ambiguous", NUMBER, "f.flags&1"},
    {NULL, 0, NULL},
};

static const struct grain_view_column dns_view[] = {
    TIMES,
    {"message", STRING, "CASE f.response WHEN 0 THEN 'query' ELSE 'response' END"},
    {"name", STRING, TEXT_OF("name")},
    {"type", STRING, TEXT_OF("type")},
    {"rcode", NUMBER, "f.rcode"},
    {"answers", STRING, TEXT_OF("answers")},
    {"server", STRING, TEXT_OF("server")},
    {"protocol", STRING, PROTOCOL},
    {"interface", STRING, TEXT_OF("interface")},
    {NULL, 0, NULL},
};

static const struct grain_view_column tls_view[] = {
    TIMES,
    {"sni", STRING, TEXT_OF("sni")},
    {"version", STRING, TEXT_OF("version")},
    {"alpn", STRING, TEXT_OF("alpn")},
    {"ja3", STRING, TEXT_OF("ja3")},
    {"ja4", STRING, TEXT_OF("ja4")},
    {"ech", NUMBER, "f.ech"},
    {"protocol", STRING, "CASE f.quic WHEN 0 THEN 'tls' ELSE 'quic' END"},
    {"remote", STRING, TEXT_OF("remote")},
    {"remote_port", NUMBER, "f.remote_port"},
    {"interface", STRING, TEXT_OF("interface")},
    {NULL, 0, NULL},
};

static const struct grain_view_column life_view[] = {
    TIMES,
    {"event", STRING, "CASE f.event WHEN 0 THEN 'start' WHEN 1 THEN 'seen' ELSE 'exit' END"},
    {"status", NUMBER, "f.status"},
    {NULL, 0, NULL},
};

#define ACTOR_TEXT(column) "(SELECT text FROM text WHERE id=a." column ")"
#define PROCESS_COLUMNS(pod, namespace, image)                                                  \
    {"comm", STRING, ACTOR_TEXT("comm")}, {"pid", NUMBER, "a.pid"}, {"ppid", NUMBER, "a.ppid"}, \
        {"uid", NUMBER, "a.uid"}, {"started", TIME, "a.start_ns/1000000"},                      \
        {"exe", STRING, ACTOR_TEXT("exe")}, {"arguments", STRING, ACTOR_TEXT("arguments")},     \
        {"container", STRING, ACTOR_TEXT("container")},                                         \
        {"container_name", STRING, ACTOR_TEXT("container_name")}, {"pod", STRING, pod},         \
        {"namespace", STRING, namespace}, {"image", STRING, image},                             \
        {"cgroup", STRING, ACTOR_TEXT("cgroup")},                                               \
    {                                                                                           \
        NULL, 0, NULL                                                                           \
    }
const struct grain_view_column grain_view_process_columns[] = {
    PROCESS_COLUMNS(ACTOR_TEXT("pod"), ACTOR_TEXT("namespace"), ACTOR_TEXT("image"))};
const struct grain_view_column grain_view_process_columns_1[] = {PROCESS_COLUMNS("''", "''", "''")};

const struct grain_view_column grain_view_gap_columns[] = {
    {"time", TIME, "from_ns/1000000"},
    {"until", TIME, "to_ns/1000000"},
    {"kind", STRING,
     "CASE kind WHEN 0 THEN 'agent_not_running' WHEN 1 THEN 'events_lost'"
     " WHEN 2 THEN 'probe_degraded' WHEN 3 THEN 'not_written' WHEN 4 THEN 'store_overload'"
     " WHEN 5 THEN 'database_damaged' ELSE 'before_history' END"},
    {"what", STRING, "what"},
    {"count", NUMBER, "count"},
    {NULL, 0, NULL},
};

const struct grain_view_column *grain_view_columns(enum grain_store_kind kind)
{
    static const struct grain_view_column *const views[] = {file_view, net_view, dns_view, tls_view,
                                                            life_view};

    return views[kind];
}

static void write_column(FILE *out, const struct grain_view_column *column, int as_text)
{
    if (as_text && column->type == TIME)
        fprintf(out, "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ',(%s)/1000.0,'unixepoch') AS %s",
                column->sql, column->name);
    else
        fprintf(out, "%s AS %s", column->sql, column->name);
}

void grain_view_select(FILE *out, const struct grain_view_column *columns,
                       const struct grain_view_column *more, int as_text)
{
    const char *separator = "SELECT ";

    for (; columns->name; columns++, separator = ",") {
        fputs(separator, out);
        write_column(out, columns, as_text);
    }
    for (; more && more->name; more++) {
        fputs(separator, out);
        write_column(out, more, as_text);
    }
}

void grain_view_from(FILE *out, enum grain_store_kind kind, const char *source, const char *join)
{
    fprintf(out, " FROM %s %s actor a ON a.id=f.actor", source, join);
    if (kind == GRAIN_STORE_KIND_FILE)
        fprintf(out, " %s object o ON o.id=f.object %s object o2 ON o2.id=f.object2", join, join);
}
