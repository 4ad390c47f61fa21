// SPDX-License-Identifier: GPL-2.0-only
/* Sinks of a configuration: which kind, whether it is right, and what the sink is made from. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "../error_private.h"
#include "address.h"
#include "config_private.h"
#include "sink_console.h"
#include "sink_http.h"
#include "sink_json.h"
#include "sink_prometheus.h"
#include "sink_s3.h"
#include "sink_statsd.h"

#define SECOND_NS   1000000000ULL
#define SECRET_MOST 4096
#define HEADERS_MAX 32

static const char *const statsd_formats[] = {"plain", "dogstatsd", "graphite", "influxdb", NULL};

/* What is made on the way, and released after it. */
struct making {
    const struct grain_config_file *config;
    char path[CONFIG_PATH_MOST]; /* of the sink's kind */
    struct config_made_sink *out;
    uint32_t secrets; /* check sum of the secrets */
    char *texts[HEADERS_MAX + 2];
    size_t count;
};

static uint32_t seconds_of(const char *text)
{
    uint64_t ns = 0;

    (void)config_duration(text, 0, UINT64_MAX / 2, &ns);
    return (uint32_t)((ns + SECOND_NS - 1) / SECOND_NS);
}

static uint64_t bytes_of(const char *text)
{
    uint64_t bytes = 0;

    if (text)
        (void)config_size(text, 0, UINT64_MAX / 2, &bytes);
    return bytes;
}

/* ---- secrets ---- */

static int read_secret(struct making *making, const char *key, const char *file, char *out)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t length = fd < 0 ? -1 : read(fd, out, SECRET_MOST);
    char path[CONFIG_PATH_MOST + 64];
    int error = errno;

    if (fd >= 0)
        close(fd);
    (void)snprintf(path, sizeof(path), "%s.%s", making->path, key);
    if (length < 0)
        return config_fail(making->config, path, "%s: %s", file, strerror(error));
    while (length && (out[length - 1] == '\n' || out[length - 1] == '\r'))
        length--;
    if (!length || length == SECRET_MOST || memchr(out, 0, (size_t)length))
        return config_fail(making->config, path, "%s: expected one line of text", file);
    out[length] = 0;
    return 0;
}

/* From a file or the environment, into `out` of SECRET_MOST bytes. */
static int find_secret(struct making *making, const char *file, const char *file_key,
                       const char *variable, const char *variable_key, char *out)
{
    const char *value = variable ? getenv(variable) : NULL;
    char path[CONFIG_PATH_MOST + 64];

    if (file)
        return read_secret(making, file_key, file, out);
    (void)snprintf(path, sizeof(path), "%s.%s", making->path, variable_key);
    if (!value || !*value || strlen(value) >= SECRET_MOST)
        return config_fail(making->config, path,
                           "%s: there is no such environment variable, or "
                           "it is empty",
                           variable);
    (void)snprintf(out, SECRET_MOST, "%s", value);
    return 0;
}

/* Remember a text until the sink is made. NULL: no memory. */
static const char *keep(struct making *making, const char *format, const char *a, const char *b)
{
    char *text = NULL;

    if (making->count >= sizeof(making->texts) / sizeof(making->texts[0]) ||
        asprintf(&text, format, a, b) < 0)
        return NULL;
    making->texts[making->count++] = text;
    making->secrets = (uint32_t)crc32(making->secrets, (const Bytef *)text, (uInt)strlen(text));
    return text;
}

static void forget(struct making *making)
{
    for (size_t i = 0; i < making->count; i++) {
        explicit_bzero(making->texts[i], strlen(making->texts[i]));
        free(making->texts[i]);
    }
}

/* ---- statsd ---- */

static int check_statsd(const struct config_place *place, struct config_sink *sink)
{
    struct config_statsd *statsd = sink->statsd;
    struct grain_address address;
    int format;
    int error =
        config_check_word(place, "format", &statsd->format, "dogstatsd", statsd_formats, &format);

    if (!error)
        error = config_fill(&statsd->prefix, "grain");
    if (!error && grain_address_read(&address, statsd->address, GRAIN_STATSD_PORT))
        return config_fail_at(place, "address", "%s", grain_error());
    if (!error)
        error = config_check_number(place, "payload", &statsd->payload,
                                    address.unix_socket ? 8192 : 1432, 128, 65000);
    return error;
}

static int make_statsd(struct making *making, const struct config_sink *sink)
{
    struct grain_statsd_settings settings = {.address = sink->statsd->address,
                                             .prefix = sink->statsd->prefix,
                                             .payload = *sink->statsd->payload};
    int word = 0;

    while (statsd_formats[word + 1] && strcmp(statsd_formats[word], sink->statsd->format))
        word++;
    settings.format = (enum grain_statsd_format)word;
    making->out->type = &grain_sink_statsd;
    return grain_statsd_new(&making->out->state, &settings);
}

/* ---- json, console ---- */

static int check_json(const struct config_place *place, struct config_sink *sink)
{
    uint64_t rotate;
    int error = 0;

    if (sink->json->rotate)
        error = config_check_size(place, "rotate", &sink->json->rotate, "", GRAIN_JSON_ROTATE_LEAST,
                                  1ULL << 50, &rotate);
    if (!error)
        error = config_check_number(place, "keep", &sink->json->keep, 5, 0, GRAIN_JSON_KEEP_MOST);
    return error;
}

static int make_json(struct making *making, const struct config_sink *sink)
{
    const struct grain_json_settings settings = {.target = sink->json->target,
                                                 .rotate_bytes = bytes_of(sink->json->rotate),
                                                 .keep = *sink->json->keep};

    making->out->type = &grain_sink_json;
    return grain_json_new(&making->out->state, &settings);
}

static int make_console(struct making *making, const struct config_sink *sink)
{
    const struct grain_console_settings settings = {.utc =
                                                        sink->console->utc && *sink->console->utc};

    making->out->type = &grain_sink_console;
    return grain_console_new(&making->out->state, &settings);
}

/* ---- prometheus ---- */

static int check_prometheus(const struct config_place *place, struct config_sink *sink)
{
    struct config_prometheus *prometheus = sink->prometheus;
    struct grain_address address;
    uint64_t expire_ns;
    int error = config_fill(&prometheus->listen, "127.0.0.1:9469");

    if (!error && (grain_address_read(&address, prometheus->listen, NULL) || address.unix_socket))
        return config_fail_at(place, "listen", "%s: expected ADDRESS:PORT", prometheus->listen);
    if (!error)
        error = config_check_duration(place, "expire", &prometheus->expire, "1h", SECOND_NS,
                                      365 * 86400 * SECOND_NS, &expire_ns);
    if (!error)
        error = config_check_number(place, "series", &prometheus->series, 10000, 1, 1000000);
    return error;
}

static int make_prometheus(struct making *making, const struct config_sink *sink)
{
    const struct grain_prometheus_settings settings = {.address = sink->prometheus->listen,
                                                       .series = *sink->prometheus->series,
                                                       .expire_s =
                                                           seconds_of(sink->prometheus->expire)};

    making->out->type = &grain_sink_prometheus;
    return grain_prometheus_new(&making->out->state, &settings);
}

/* ---- http ---- */

static int check_header(const struct config_place *place, const struct config_header *header,
                        uint32_t i)
{
    char key[32];
    int given = !!header->value + !!header->value_file + !!header->value_env;

    (void)snprintf(key, sizeof(key), "headers[%u]", i);
    if (given != 1)
        return config_fail_at(place, key, "expected one of value, value_file and value_env");
    if (strpbrk(header->name, ": \t\r\n") || (header->value && strpbrk(header->value, "\r\n")))
        return config_fail_at(place, key, "this is no header");
    return 0;
}

static int check_http(const struct config_place *place, struct config_sink *sink)
{
    struct config_http *http = sink->http;
    uint64_t ignored;
    int error = 0;

    for (uint32_t i = 0; !error && i < http->headers_count; i++)
        error = check_header(place, &http->headers[i], i);
    if (!error)
        error = config_check_size(place, "body", &http->body, "1M", GRAIN_HTTP_BODY_LEAST,
                                  GRAIN_HTTP_BODY_MOST, &ignored);
    if (!error)
        error = config_check_duration(place, "timeout", &http->timeout, "30s", SECOND_NS,
                                      3600 * SECOND_NS, &ignored);
    if (!error)
        error = config_check_duration(place, "connect_timeout", &http->connect_timeout, "10s",
                                      SECOND_NS, 3600 * SECOND_NS, &ignored);
    if (!error)
        error = config_check_duration(place, "retry_after_most", &http->retry_after_most, "5m",
                                      SECOND_NS, 86400 * SECOND_NS, &ignored);
    return error;
}

static int make_headers(struct making *making, const struct config_http *http,
                        const char *headers[HEADERS_MAX + 1])
{
    char secret[SECRET_MOST];
    int error = 0;
    uint32_t i = 0;

    for (; !error && i < http->headers_count && i < HEADERS_MAX; i++) {
        const struct config_header *header = &http->headers[i];
        const char *value = header->value;

        if (!value) {
            error = find_secret(making, header->value_file, "headers", header->value_env, "headers",
                                secret);
            value = secret;
        }
        if (!error && !(headers[i] = keep(making, "%s: %s", header->name, value)))
            error = grain_fail(-ENOMEM, "no memory");
    }
    headers[i] = NULL;
    explicit_bzero(secret, sizeof(secret));
    return error;
}

static int make_http(struct making *making, const struct config_sink *sink)
{
    const struct config_http *http = sink->http;
    const char *headers[HEADERS_MAX + 1];
    const struct grain_http_settings settings = {
        .url = http->url,
        .headers = headers,
        .gzip = http->gzip && *http->gzip,
        .ca = http->ca,
        .body_bytes = bytes_of(http->body),
        .timeout_s = seconds_of(http->timeout),
        .connect_timeout_s = seconds_of(http->connect_timeout),
        .retry_after_most_s = seconds_of(http->retry_after_most),
    };
    int error = make_headers(making, http, headers);

    making->out->type = &grain_sink_http;
    return error ? error : grain_http_new(&making->out->state, &settings);
}

/* ---- s3 ---- */

static int check_s3(const struct config_place *place, struct config_sink *sink)
{
    struct config_s3 *s3 = sink->s3;
    uint64_t ignored;
    int secrets = !!s3->secret_key_file + !!s3->secret_key_env;
    int error = config_check_size(place, "object", &s3->object, "16M", GRAIN_S3_OBJECT_LEAST,
                                  GRAIN_S3_OBJECT_MOST, &ignored);

    if (!error)
        error = config_check_duration(place, "timeout", &s3->timeout, "60s", SECOND_NS,
                                      3600 * SECOND_NS, &ignored);
    if (!error && (secrets > 1 || (secrets == 1) != (s3->access_key != NULL)))
        error = config_fail(place->config, place->path,
                            "access_key goes with one of secret_key_file and secret_key_env");
    return error;
}

static int make_s3(struct making *making, const struct config_sink *sink)
{
    const struct config_s3 *s3 = sink->s3;
    struct grain_s3_settings settings = {.endpoint = s3->endpoint,
                                         .region = s3->region,
                                         .bucket = s3->bucket,
                                         .prefix = s3->prefix,
                                         .access_key = s3->access_key,
                                         .profile = s3->profile,
                                         .credentials_file = s3->credentials_file,
                                         .ca = s3->ca,
                                         .object_bytes = bytes_of(s3->object),
                                         .timeout_s = seconds_of(s3->timeout)};
    char secret[SECRET_MOST];
    int error = 0;

    if (s3->access_key) {
        error = find_secret(making, s3->secret_key_file, "secret_key_file", s3->secret_key_env,
                            "secret_key_env", secret);
        if (!error && !(settings.secret_key = keep(making, "%s%s", secret, "")))
            error = grain_fail(-ENOMEM, "no memory");
        explicit_bzero(secret, sizeof(secret));
    }
    making->out->type = &grain_sink_s3;
    return error ? error : grain_s3_new(&making->out->state, &settings);
}

/* ---- which kind ---- */

struct kind {
    const char *name;
    size_t member; /* of struct config_sink: a pointer */
    int (*check)(const struct config_place *place, struct config_sink *sink);
    int (*make)(struct making *making, const struct config_sink *sink);
};

static const struct kind kinds[] = {
    {"statsd", offsetof(struct config_sink, statsd), check_statsd, make_statsd},
    {"prometheus", offsetof(struct config_sink, prometheus), check_prometheus, make_prometheus},
    {"json", offsetof(struct config_sink, json), check_json, make_json},
    {"console", offsetof(struct config_sink, console), NULL, make_console},
    {"http", offsetof(struct config_sink, http), check_http, make_http},
    {"s3", offsetof(struct config_sink, s3), check_s3, make_s3},
};

static const struct kind *kind_of(const struct config_sink *sink, size_t *count)
{
    const struct kind *found = NULL;

    *count = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (*(void *const *)((const char *)sink + kinds[i].member)) {
            found = found ? found : &kinds[i];
            (*count)++;
        }
    return found;
}

static int check_queue(const struct config_place *sink, struct config_sink *config,
                       struct checked_queue *out)
{
    static const char *const policies[] = {"drop_oldest", "drop_newest", NULL};
    struct config_place place;
    int policy = 0;
    int error = config_fill_mapping((void **)&config->queue, sizeof(*config->queue));

    if (error)
        return error;
    config_place(&place, sink->config, "%s.queue", sink->path);
    error = config_check_size(&place, "size", &config->queue->size, "4M", GRAIN_QUEUE_SIZE_LEAST,
                              GRAIN_QUEUE_SIZE_MOST, &out->size);
    if (!error)
        error = config_check_word(&place, "when_full", &config->queue->when_full, "drop_oldest",
                                  policies, &policy);
    if (!error)
        error = config_check_duration(&place, "retry_most", &config->queue->retry_most, "30s",
                                      SECOND_NS / 10, 3600 * SECOND_NS, &out->retry_most_ns);
    out->drop_newest = policy;
    return error;
}

int config_check_sink(struct grain_config_file *config, uint32_t i)
{
    struct config_sink *sink = &config->root->sinks[i];
    struct config_place place, kind_place;
    const struct kind *kind;
    size_t count;
    int error;

    config_place(&place, config, "sinks[%u]", i);
    error = config_check_name(&place, sink->name);
    for (uint32_t k = 0; !error && k < i; k++)
        if (!strcmp(config->root->sinks[k].name, sink->name))
            error = config_fail(config, place.path, "the name \"%s\" is taken by sinks[%u]",
                                sink->name, k);
    kind = kind_of(sink, &count);
    if (!error && count != 1)
        error = config_fail(config, place.path,
                            "sink \"%s\": expected one of statsd, prometheus, json, console, http "
                            "and s3",
                            sink->name);
    if (!error && kind->check) {
        config_place(&kind_place, config, "sinks[%u].%s", i, kind->name);
        error = kind->check(&kind_place, sink);
    }
    return error ? error : check_queue(&place, sink, &config->queues[i]);
}

/* A tree with this sink alone, written as YAML, and its secrets' check sum. */
static int make_settings(const struct making *making, const struct grain_config_file *config,
                         uint32_t i)
{
    struct config_root root = {.sinks = &config->root->sinks[i], .sinks_count = 1};
    struct grain_config_file alone = {.name = config->name, .root = &root};
    char *text = NULL;
    size_t length = 0;
    int error = config_show_all(&alone, &text, &length);

    if (error)
        return error;
    if (asprintf(&making->out->settings, "%.*s%08x", (int)length, text, making->secrets) < 0) {
        making->out->settings = NULL;
        error = grain_fail(-ENOMEM, "no memory");
    }
    explicit_bzero(text, length);
    free(text);
    return error;
}

int config_make_sink(struct config_made_sink *out, const struct grain_config_file *config,
                     uint32_t i)
{
    const struct config_sink *sink = &config->root->sinks[i];
    struct making making = {.config = config, .out = out};
    size_t count;
    const struct kind *kind = kind_of(sink, &count);
    int error;

    (void)snprintf(making.path, sizeof(making.path), "sinks[%u].%s", i, kind->name);
    error = kind->make(&making, sink);
    /* What find_secret said names its place already. */
    if (error == -EINVAL && strncmp(grain_error(), config->name, strlen(config->name)))
        error = config_fail(config, making.path, "%s", grain_error());
    if (!error)
        error = make_settings(&making, config, i);
    forget(&making);
    return error;
}
