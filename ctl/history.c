// SPDX-License-Identifier: GPL-2.0-only
/*
 * All texts come from whoever was watched. In the table and in CSV each byte that is not part of a
 * printable character, and the backslash, is written as \DDD: nothing is lost, and nothing reaches
 * the terminal. JSON has rules of its own; what is not UTF-8 comes there a second time, as hex.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/escape.h>
#include <agent/utf8.h>

#include "history.h"
#include "json.h"
#include "say.h"
#include "when.h"

/* A table of more rows becomes several. */
#define TABLE_ROWS 2000
#define ID_SHORT   12

enum how {
    HOW_TEXT,
    HOW_COUNT,
    HOW_TIME,
    HOW_LAST,      /* a time, and the one of "time" */
    HOW_RESULT,    /* -errno */
    HOW_USER,      /* */
    HOW_PROCESS,   /* exe, or what is known; and arguments */
    HOW_CONTAINER, /* its pod and its name, or the beginning of its id */
    HOW_END,       /* an address, and its port */
    HOW_PATHS,
};

struct column {
    const char *heading;
    enum how how;
    char align;
    const char *name, *second; /* of cells */
};

#define WHO                                                                    \
    {"PID", HOW_TEXT, 'r', "pid", NULL}, {"USER", HOW_USER, 'l', "uid", NULL}, \
        {"CONTAINER", HOW_CONTAINER, 'l', "container_name", "container"},      \
    {                                                                          \
        "PROCESS", HOW_PROCESS, 'l', "exe", "comm"                             \
    }
#define TIMES                                                                        \
    {"FIRST", HOW_TIME, 'l', "time", NULL}, {"LAST", HOW_LAST, 'l', "last", "time"}, \
    {                                                                                \
        "COUNT", HOW_COUNT, 'r', "count", NULL                                       \
    }
#define END                    \
    {                          \
        NULL, 0, 0, NULL, NULL \
    }

static const struct column file_columns[] = {TIMES,
                                             {"OPERATION", HOW_TEXT, 'l', "operation", NULL},
                                             {"RESULT", HOW_RESULT, 'l', "result", NULL},
                                             {"BYTES", HOW_COUNT, 'r', "bytes", NULL},
                                             WHO,
                                             {"PATH", HOW_PATHS, 'l', "path", "path2"},
                                             END};
static const struct column net_columns[] = {TIMES,
                                            {"EVENT", HOW_TEXT, 'l', "event", NULL},
                                            {"PROTO", HOW_TEXT, 'l', "protocol", NULL},
                                            {"LOCAL", HOW_END, 'l', "local", "local_port"},
                                            {"REMOTE", HOW_END, 'l', "remote", "remote_port"},
                                            {"NAME", HOW_TEXT, 'l', "name", NULL},
                                            {"SENT", HOW_COUNT, 'r', "sent_bytes", NULL},
                                            {"RECEIVED", HOW_COUNT, 'r', "received_bytes", NULL},
                                            {"RESULT", HOW_RESULT, 'l', "result", NULL},
                                            WHO,
                                            END};
static const struct column dns_columns[] = {TIMES,
                                            {"MESSAGE", HOW_TEXT, 'l', "message", NULL},
                                            {"TYPE", HOW_TEXT, 'l', "type", NULL},
                                            {"RCODE", HOW_TEXT, 'r', "rcode", NULL},
                                            {"SERVER", HOW_TEXT, 'l', "server", NULL},
                                            {"NAME", HOW_TEXT, 'l', "name", NULL},
                                            WHO,
                                            {"ANSWERS", HOW_TEXT, 'l', "answers", NULL},
                                            END};
static const struct column tls_columns[] = {TIMES,
                                            {"BY", HOW_TEXT, 'l', "protocol", NULL},
                                            {"VERSION", HOW_TEXT, 'l', "version", NULL},
                                            {"REMOTE", HOW_END, 'l', "remote", "remote_port"},
                                            {"SNI", HOW_TEXT, 'l', "sni", NULL},
                                            {"ALPN", HOW_TEXT, 'l', "alpn", NULL},
                                            {"JA4", HOW_TEXT, 'l', "ja4", NULL},
                                            WHO,
                                            END};
static const struct column life_columns[] = {{"TIME", HOW_TIME, 'l', "time", NULL},
                                             {"EVENT", HOW_TEXT, 'l', "event", NULL},
                                             {"STATUS", HOW_TEXT, 'r', "status", NULL},
                                             {"PPID", HOW_TEXT, 'r', "ppid", NULL},
                                             WHO,
                                             {"ARGUMENTS", HOW_TEXT, 'l', "arguments", NULL},
                                             END};
static const struct column gap_columns[] = {
    {"FROM", HOW_TIME, 'l', "time", NULL}, {"UNTIL", HOW_TIME, 'l', "until", NULL},
    {"KIND", HOW_TEXT, 'l', "kind", NULL}, {"COUNT", HOW_COUNT, 'r', "count", NULL},
    {"WHAT", HOW_TEXT, 'l', "what", NULL}, END};

static const struct column *const tables[] = {file_columns, net_columns,  dns_columns,
                                              tls_columns,  life_columns, gap_columns};
static const char *const event_types[] = {"file", "net", "dns", "tls", "process", "gap", "row"};

void history_out_begin(struct history_out *out, enum history_form form, unsigned int kind)
{
    *out = (struct history_out){.form = form, .kind = kind};
    out->style = style_of(stdout);
}

static char *escape(const struct grain_store_cell *cell)
{
    size_t size = 4 * cell->length + 1;
    char *text = must(malloc(size));

    (void)grain_escape(text, size, cell->text, cell->length);
    return text;
}

/* The same with printable characters beyond ASCII as they are. */
static char *escape_wide(const struct grain_store_cell *cell)
{
    char *text = must(malloc(4 * cell->length + 1)), *to = text;

    for (size_t at = 0; at < cell->length;) {
        unsigned char byte = (unsigned char)cell->text[at];
        uint32_t character = 0;
        /* A NUL ends the text, and is in the way of no character before it. */
        size_t length = byte ? grain_utf8_decode(cell->text + at, &character) : 0;

        if (length && byte != '\\' && grain_utf8_printable(character)) {
            memcpy(to, cell->text + at, length);
            to += length;
            at += length;
            continue;
        }
        to += sprintf(to, "\\%03u", byte);
        at++;
    }
    *to = 0;
    return text;
}

/* Asking the system costs more than the rest of a row: the last answers are kept. */
static const char *user_name(int64_t uid)
{
    static struct {
        int64_t uid;
        char name[64];
    } known[64];
    size_t at = (size_t)uid % (sizeof(known) / sizeof(known[0]));
    const struct passwd *user;

    if (*known[at].name && known[at].uid == uid)
        return known[at].name;
    user = getpwuid((uid_t)uid);
    known[at].uid = uid;
    if (user && *user->pw_name)
        (void)grain_escape(known[at].name, sizeof(known[at].name), user->pw_name,
                           strlen(user->pw_name));
    else
        (void)snprintf(known[at].name, sizeof(known[at].name), "%" PRId64, uid);
    return known[at].name;
}

static void cell_user(struct table *table, int64_t uid)
{
    table_cell(table, "%s", uid < 0 ? "-" : user_name(uid));
}

static void cell_result(struct table *table, int64_t result)
{
    const char *name = result < 0 && result > -4096 ? strerrorname_np((int)-result) : NULL;

    if (!result)
        table_cell(table, "ok");
    else if (name)
        table_cell(table, "%s", name);
    else
        table_cell(table, "%" PRId64, result);
}

static void cell_text(struct table *table, const struct grain_store_cell *cell)
{
    char *text;

    if (cell->type == GRAIN_STORE_TYPE_NUMBER) {
        table_cell(table, "%" PRId64, cell->number);
        return;
    }
    if (cell->type == GRAIN_STORE_TYPE_REAL) {
        table_cell(table, "%.15g", cell->real);
        return;
    }
    text = escape(cell);
    table_cell(table, "%s", *text ? text : "-");
    free(text);
}

static void cell_time(struct table *table, const struct grain_store_cell *cell)
{
    char text[WHEN_TEXT_MAX];

    table_cell(table, "%s", when_text(text, cell->number));
}

static void cell_pair(struct table *table, const struct grain_store_cell *first,
                      const struct grain_store_cell *second)
{
    char *before = escape(first), *after = escape(second);

    if (*after)
        table_cell(table, "%s -> %s", *before ? before : "?", after);
    else
        table_cell(table, "%s", *before ? before : "?");
    free(before);
    free(after);
}

static void cell_end(struct table *table, const struct grain_store_cell *address,
                     const struct grain_store_cell *port)
{
    char *text = escape(address);

    /* What traffic is counted by has no local end; nor does an address that nobody knows. */
    if (!port->number && (!*text || !strcmp(text, "0.0.0.0") || !strcmp(text, "::"))) {
        table_cell(table, "-");
        free(text);
        return;
    }
    table_cell(table, strchr(text, ':') ? "[%s]:%" PRId64 : "%s:%" PRId64, *text ? text : "-",
               port->number);
    free(text);
}

static void cell_container(struct table *table, const struct grain_store_cell *pod,
                           const struct grain_store_cell *name, const struct grain_store_cell *id)
{
    char *before = escape(pod), *text = escape(name->length ? name : id);

    if (pod->length)
        table_cell(table, "%.64s%s%.64s", before, name->length ? "/" : "",
                   name->length ? text : "");
    else
        table_cell(table, "%.*s", name->length ? 64 : ID_SHORT, *text ? text : "-");
    free(before);
    free(text);
}

static void cell(struct table *table, const struct column *column,
                 const struct grain_store_cell *first, const struct grain_store_cell *second,
                 const struct grain_store_cell *pod)
{
    char count[COUNT_TEXT_MAX];

    switch (column->how) {
    case HOW_COUNT:
        table_cell(table, "%s", count_text(count, (uint64_t)first->number));
        return;
    case HOW_LAST:
        if (first->number / 1000 == second->number / 1000) {
            table_cell(table, "-");
            return;
        }
        cell_time(table, first);
        return;
    case HOW_TIME:
        cell_time(table, first);
        return;
    case HOW_RESULT:
        cell_result(table, first->number);
        return;
    case HOW_USER:
        cell_user(table, first->number);
        return;
    case HOW_PROCESS:
        cell_text(table, first->length ? first : second);
        return;
    case HOW_CONTAINER:
        cell_container(table, pod, first, second);
        return;
    case HOW_END:
        cell_end(table, first, second);
        return;
    case HOW_PATHS:
        cell_pair(table, first, second);
        return;
    default:
        cell_text(table, first);
    }
}

static int place_of(const char *name, const struct grain_store_cell *cells, size_t count)
{
    for (size_t i = 0; name && i < count; i++)
        if (!strcmp(cells[i].name, name))
            return (int)i;
    return -1;
}

static void begin_table(struct history_out *out, const struct grain_store_cell *cells, size_t count)
{
    const struct column *columns = out->kind == HISTORY_SQL ? NULL : tables[out->kind];
    size_t i = 0;

    for (; columns ? columns[i].heading != NULL : i < count; i++) {
        char kind = cells[i].type == GRAIN_STORE_TYPE_NUMBER ? 'r' : 'l';

        out->align[i] = kind;
        if (!columns)
            continue;
        out->align[i] = columns[i].align;
        out->places[2 * i] = place_of(columns[i].name, cells, count);
        out->places[2 * i + 1] = place_of(columns[i].second, cells, count);
    }
    out->align[i] = 0;
    out->pod = place_of("pod", cells, count);
    out->table = table_new(out->align);
    for (i = 0; out->align[i]; i++) {
        struct grain_store_cell name = {.type = GRAIN_STORE_TYPE_STRING};

        name.text = columns ? columns[i].heading : cells[i].name;
        name.length = strlen(name.text);
        cell_text(out->table, &name);
    }
}

static void add_to_table(struct history_out *out, const struct grain_store_cell *cells,
                         size_t count)
{
    static const struct grain_store_cell none = {.type = GRAIN_STORE_TYPE_STRING, .text = ""};
    const struct column *columns = out->kind == HISTORY_SQL ? NULL : tables[out->kind];

    if (!out->table)
        begin_table(out, cells, count);
    for (size_t i = 0; out->align[i]; i++) {
        int first = columns ? out->places[2 * i] : 0, second = columns ? out->places[2 * i + 1] : 0;

        if (columns)
            cell(out->table, &columns[i], first < 0 ? &none : &cells[first],
                 second < 0 ? &none : &cells[second], out->pod < 0 ? &none : &cells[out->pod]);
        else
            cell_text(out->table, &cells[i]);
    }
    out->waiting++;
}

static void put_json_text(struct grain_json *json, const struct grain_store_cell *value)
{
    char name[80];

    grain_json_pair(json, value->name, value->text);
    if (grain_utf8_sound(value->text, value->length))
        return;
    (void)snprintf(name, sizeof(name), "%.70s_hex", value->name);
    /* A name that the statement made up may need escapes: then there is no second one. */
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name))
        grain_json_hex(json, name, (const uint8_t *)value->text, value->length);
}

static void put_json(struct grain_json *json, const struct grain_store_cell *value)
{
    char number[24];

    switch (value->type) {
    case GRAIN_STORE_TYPE_TIME:
        grain_json_time(json, value->name, (uint64_t)value->number * 1000000);
        return;
    case GRAIN_STORE_TYPE_STRING:
        put_json_text(json, value);
        return;
    default:
        break;
    }
    /* The writer's keys need no escapes; these may. */
    grain_json_pair(json, value->name, "");
    grain_json_cut(json, json->length - 2);
    if (value->type == GRAIN_STORE_TYPE_NULL) {
        grain_json_raw(json, "null", 4);
        return;
    }
    if (value->type == GRAIN_STORE_TYPE_REAL) {
        (void)snprintf(number, sizeof(number), "%.17g", value->real);
        if (strspn(number, "0123456789+-.e") != strlen(number))
            (void)snprintf(number, sizeof(number), "null");
    } else {
        (void)snprintf(number, sizeof(number), "%" PRId64, value->number);
    }
    grain_json_raw(json, number, strlen(number));
}

static int print_json(struct history_out *out, const struct grain_store_cell *cells, size_t count)
{
    struct grain_json *json = &out->json;

    grain_json_cut(json, 0);
    grain_json_object(json, NULL);
    if (out->kind != HISTORY_SQL)
        grain_json_text(json, "event_type", event_types[out->kind]);
    for (size_t i = 0; i < count; i++)
        put_json(json, &cells[i]);
    grain_json_end_object(json);
    must(grain_json_end_line(json) ? NULL : json);
    errno = 0;
    return fwrite(json->text, 1, json->length, stdout) == json->length ? 0 : output_failed();
}

/*
 * RFC 4180. A text that a spreadsheet would take for a formula, or that begins with ' itself, gets
 * a ' in front: taking one away gives the text again.
 */
static void put_csv_text(const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") || *text == ' ';

    if (quoted)
        putchar('"');
    if (*text && strchr("=+-@'\t\r", *text))
        putchar('\'');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    if (quoted)
        putchar('"');
}

static void put_csv(const struct grain_store_cell *value)
{
    time_t seconds = (time_t)(value->number / 1000);
    char text[48];
    struct tm tm;
    char *escaped;

    switch (value->type) {
    case GRAIN_STORE_TYPE_NUMBER:
        printf("%" PRId64, value->number);
        return;
    case GRAIN_STORE_TYPE_REAL:
        printf("%.17g", value->real);
        return;
    case GRAIN_STORE_TYPE_TIME:
        if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
            printf("%s.%03uZ", text, (unsigned int)(value->number % 1000));
        return;
    case GRAIN_STORE_TYPE_STRING:
        escaped = escape_wide(value);
        put_csv_text(escaped);
        free(escaped);
        return;
    default:
        return;
    }
}

static int print_csv(struct history_out *out, const struct grain_store_cell *cells, size_t count)
{
    errno = 0;
    for (size_t i = 0; !out->headed && i < count; i++) {
        struct grain_store_cell name = {.type = GRAIN_STORE_TYPE_STRING,
                                        .text = cells[i].name,
                                        .length = strlen(cells[i].name)};

        if (i)
            putchar(',');
        put_csv(&name);
    }
    if (!out->headed)
        fputs("\r\n", stdout);
    out->headed = true;
    for (size_t i = 0; i < count; i++) {
        if (i)
            putchar(',');
        put_csv(&cells[i]);
    }
    fputs("\r\n", stdout);
    return ferror(stdout) ? output_failed() : 0;
}

int history_out_row(struct history_out *out, const struct grain_store_cell *cells, size_t count)
{
    out->rows++;
    if (out->form == HISTORY_JSON)
        return print_json(out, cells, count);
    if (out->form == HISTORY_CSV)
        return print_csv(out, cells, count);
    add_to_table(out, cells, count);
    return out->waiting < TABLE_ROWS ? 0 : history_out_flush(out);
}

int history_out_flush(struct history_out *out)
{
    if (out->table) {
        table_print(out->table, &out->style, stdout);
        table_free(out->table);
        out->table = NULL;
        out->waiting = 0;
    }
    return output_flush();
}

void history_out_end(struct history_out *out)
{
    if (out->table)
        table_free(out->table);
    grain_json_free(&out->json);
    out->table = NULL;
}
