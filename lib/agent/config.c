// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error_private.h"
#include "config_private.h"

#define FILE_MOST (1 << 20)

/* What libcyaml logs of one load. */
struct messages {
    char text[2048];
    size_t length;
};

__attribute__((format(printf, 3, 0))) static void on_message(cyaml_log_t level, void *user,
                                                             const char *format, va_list arguments)
{
    struct messages *messages = user;
    size_t room = sizeof(messages->text) - messages->length;
    int length;

    if (level < CYAML_LOG_ERROR || room < 2)
        return;
    length = vsnprintf(messages->text + messages->length, room, format, arguments);
    if (length > 0)
        messages->length += (size_t)length < room ? (size_t)length : room - 1;
}

static cyaml_config_t yaml_config(struct messages *messages)
{
    return (cyaml_config_t){
        .log_fn = on_message,
        .log_ctx = messages,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        /* Aliases can make a small file big. */
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static size_t line_at(const char *text, size_t offset)
{
    size_t line = 1;

    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

/* YAML itself is broken: its reader knows where. */
static int broken(struct grain_config_file *config, const char *text, size_t length)
{
    yaml_parser_t parser;
    yaml_document_t document;
    size_t line = 0;
    char problem[256] = "not YAML";

    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
        if (yaml_parser_load(&parser, &document))
            yaml_document_delete(&document);
        else if (parser.problem) {
            line = parser.error == YAML_READER_ERROR ? line_at(text, parser.problem_offset)
                                                     : parser.problem_mark.line + 1;
            (void)snprintf(problem, sizeof(problem), "%s", parser.problem);
        }
        yaml_parser_delete(&parser);
    }
    return grain_fail(-EINVAL, "%s:%zu: %s", config->name, line ? line : 1, problem);
}

static int read_tree(struct grain_config_file *config, const char *text, size_t length)
{
    struct messages messages = {.length = 0};
    const cyaml_config_t yaml = yaml_config(&messages);
    cyaml_err_t error;

    config_read_lines(config, text, length);
    if (!config->has_document)
        return broken(config, text, length);
    error = cyaml_load_data((const uint8_t *)text, length, &yaml, &config_schema,
                            (cyaml_data_t **)&config->root, NULL);
    if (error == CYAML_ERR_OOM)
        return grain_fail(-ENOMEM, "no memory");
    if (error && messages.length)
        return config_yaml_fail(config, messages.text);
    if (error)
        return grain_fail(-EINVAL, "%s: %s", config->name, cyaml_strerror(error));
    return config->root ? 0 : grain_fail(-EINVAL, "%s: there is nothing in it", config->name);
}

int grain_config_parse(struct grain_config_file **out, const char *name, const char *text,
                       size_t length)
{
    struct grain_config_file *config = calloc(1, sizeof(*config));
    int error = 0;

    if (!config || !(config->name = strdup(name))) {
        grain_config_free(config);
        return grain_fail(-ENOMEM, "no memory");
    }
    if (length && memchr(text, 0, length))
        error = grain_fail(-EINVAL, "%s: a NUL byte is in it", name);
    if (!error)
        error = read_tree(config, text, length);
    if (!error)
        error = config_check(config);
    if (error)
        grain_config_free(config);
    else
        *out = config;
    return error;
}

static int read_file(int fd, const char *path, char **text, size_t *length)
{
    char *bytes = malloc(FILE_MOST + 1);
    ssize_t got = 1;
    size_t used = 0;

    if (!bytes)
        return grain_fail(-ENOMEM, "no memory");
    while (used <= FILE_MOST && (got = read(fd, bytes + used, FILE_MOST + 1 - used)) > 0)
        used += (size_t)got;
    if (got < 0 || used > FILE_MOST) {
        int error = got < 0 ? grain_fail(-errno, "%s: %s", path, strerror(errno))
                            : grain_fail(-EFBIG, "%s: longer than %d bytes", path, FILE_MOST);

        free(bytes);
        return error;
    }
    *text = bytes;
    *length = used;
    return 0;
}

static int load_builtin(struct grain_config_file **out)
{
    static const char text[] = "sinks: [{name: metrics, prometheus: {}}]\n"
                               "pipelines: [{name: metrics, to: [metrics]}]\n";

    return grain_config_parse(out, "built-in configuration", text, sizeof(text) - 1);
}

int grain_config_load(struct grain_config_file **out, const char *path)
{
    bool input = path && !strcmp(path, "-");
    int fd;
    char *text = NULL;
    size_t length = 0;
    int error;

    if (!path && access(GRAIN_CONFIG_FILE, F_OK) && errno == ENOENT)
        return load_builtin(out);
    path = path ? path : GRAIN_CONFIG_FILE;
    fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return grain_fail(-errno, "%s: %s", path, strerror(errno));
    error = read_file(fd, input ? "standard input" : path, &text, &length);
    if (!input)
        close(fd);
    if (!error && text)
        error = grain_config_parse(out, input ? "standard input" : path, text, length);
    free(text);
    return error;
}

void grain_config_free(struct grain_config_file *config)
{
    struct messages messages = {.length = 0};
    const cyaml_config_t yaml = yaml_config(&messages);

    if (!config)
        return;
    if (config->root)
        (void)cyaml_free(&yaml, &config_schema, config->root, 0);
    if (config->has_document)
        yaml_document_delete(&config->document);
    free(config->history);
    free(config->name);
    free(config);
}

int config_show_all(const struct grain_config_file *config, char **text, size_t *length)
{
    struct messages messages = {.length = 0};
    const cyaml_config_t yaml = yaml_config(&messages);
    cyaml_err_t error = cyaml_save_data(text, length, &yaml, &config_schema, config->root, 0);

    return error ? grain_fail(-ENOMEM, "%s: %s", config->name, cyaml_strerror(error)) : 0;
}

/* Exchange every header's value with `hidden`, or what stood there with that. */
static void swap_secrets(struct config_root *root, char **hidden)
{
    size_t at = 0;

    for (uint32_t i = 0; i < root->sinks_count; i++) {
        struct config_http *http = root->sinks[i].http;

        for (uint32_t k = 0; http && k < http->headers_count; k++, at++) {
            char *value = http->headers[k].value;

            http->headers[k].value = value ? hidden[at] : NULL;
            hidden[at] = value ? value : hidden[at];
        }
    }
}

int grain_config_show(const struct grain_config_file *config, char **text, size_t *length)
{
    static char secret[] = "(secret)";
    char *hidden[CONFIG_SINKS_MAX * 32];
    int error;

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        hidden[i] = secret;
    swap_secrets(config->root, hidden);
    error = config_show_all(config, text, length);
    swap_secrets(config->root, hidden);
    return error;
}

void grain_config_agent(const struct grain_config_file *config, struct grain_config_agent *out)
{
    *out = config->agent;
}

void grain_config_watch(const struct grain_config_file *config, struct grain_agent_watch *out)
{
    *out = config->watch;
}
