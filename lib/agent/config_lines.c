// SPDX-License-Identifier: GPL-2.0-only
/* Where in the file a value stands, what is wrong there, and what may have been meant. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "config_private.h"
#include "escape.h"

#define PATH_MOST 256

void config_read_lines(struct grain_config_file *config, const char *text, size_t length)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        return;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    config->has_document = yaml_parser_load(&parser, &config->document);
    yaml_parser_delete(&parser);
}

/* ---- paths ---- */

/* The next part of a path: a key in `name`, or a number from 0 on. */
static const char *next_part(const char *path, char name[64], long *number)
{
    size_t length;

    *number = -1;
    if (*path == '[') {
        *number = strtol(path + 1, (char **)&path, 10);
        return path + (*path == ']');
    }
    path += *path == '.';
    length = strcspn(path, ".[");
    (void)snprintf(name, 64, "%.*s", (int)length, path);
    return path + length;
}

static yaml_node_t *value_of(yaml_document_t *document, const yaml_node_t *node, const char *name,
                             yaml_node_t **key)
{
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *found = yaml_document_get_node(document, pair->key);

        if (found && found->type == YAML_SCALAR_NODE &&
            !strcmp((const char *)found->data.scalar.value, name)) {
            *key = found;
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

static yaml_node_t *step_down(yaml_document_t *document, const yaml_node_t *node, const char *name,
                              long number, yaml_node_t **at)
{
    yaml_node_t *found;

    if (number >= 0) {
        if (node->type != YAML_SEQUENCE_NODE ||
            number >= node->data.sequence.items.top - node->data.sequence.items.start)
            return NULL;
        found = yaml_document_get_node(document, node->data.sequence.items.start[number]);
        *at = found;
        return found;
    }
    return node->type == YAML_MAPPING_NODE ? value_of(document, node, name, at) : NULL;
}

size_t config_line(const struct grain_config_file *config, const char *path)
{
    yaml_document_t *document = (yaml_document_t *)&config->document;
    yaml_node_t *node = config->has_document ? yaml_document_get_root_node(document) : NULL;
    size_t line = node ? node->start_mark.line + 1 : 0;

    while (node && *path) {
        yaml_node_t *at = NULL;
        char name[64];
        long number;

        path = next_part(path, name, &number);
        node = step_down(document, node, name, number, &at);
        if (at)
            line = at->start_mark.line + 1;
    }
    return line;
}

int config_fail(const struct grain_config_file *config, const char *path, const char *format, ...)
{
    size_t line = config_line(config, path);
    char text[512], safe[1024], where[32] = "";
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)grain_escape(safe, sizeof(safe), text, sizeof(text));
    if (line)
        (void)snprintf(where, sizeof(where), ":%zu", line);
    return grain_fail(-EINVAL, "%s%s: %s%s%s", config->name, where, path, *path ? ": " : "", safe);
}

/* ---- what may have been meant ---- */

/* How many letters to change, add or take away (Levenshtein), for words of up to 31. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], length = strlen(b);

    if (length > 31 || strlen(a) > 31)
        return 32;
    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (size_t k = 1; *a; a++, k++) {
        size_t corner = row[0];

        row[0] = k;
        for (size_t i = 1; i <= length; i++) {
            size_t change = corner + (*a != b[i - 1]);

            corner = row[i];
            row[i] = row[i] + 1 < change ? row[i] + 1 : change;
            row[i] = row[i - 1] + 1 < row[i] ? row[i - 1] + 1 : row[i];
        }
    }
    return row[length];
}

const char *config_nearest(const char *const *words, const char *word)
{
    const char *nearest = NULL;
    size_t least = strlen(word) / 2 + 1;

    for (; *words; words++) {
        size_t far = distance(word, *words);

        if (far < least) {
            least = far;
            nearest = *words;
        }
    }
    return nearest;
}

static const cyaml_schema_field_t *field_of(const cyaml_schema_field_t *fields, const char *name)
{
    for (; fields && fields->key; fields++)
        if (!strcmp(fields->key, name))
            return fields;
    return NULL;
}

/* The keys of the mapping at `path`. */
static const cyaml_schema_field_t *fields_at(const char *path)
{
    const cyaml_schema_value_t *value = &config_schema;

    while (value && *path) {
        char name[64];
        long number;

        path = next_part(path, name, &number);
        if (number >= 0) {
            value = value->type == CYAML_SEQUENCE ? value->sequence.entry : NULL;
        } else {
            const cyaml_schema_field_t *field =
                value->type == CYAML_MAPPING ? field_of(value->mapping.fields, name) : NULL;

            value = field ? &field->value : NULL;
        }
    }
    return value && value->type == CYAML_MAPPING ? value->mapping.fields : NULL;
}

const char *config_suggest(const char *path, const char *key)
{
    const cyaml_schema_field_t *fields = fields_at(path);
    const char *words[64];
    size_t count = 0;

    for (; fields && fields->key && count < 63; fields++)
        words[count++] = fields->key;
    words[count] = NULL;
    return config_nearest(words, key);
}

static void list_keys(char *out, size_t size, const char *path)
{
    const cyaml_schema_field_t *fields = fields_at(path);
    size_t length = 0;

    *out = 0;
    for (; fields && fields->key && length < size; fields++)
        length +=
            (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "", fields->key);
}

/* ---- what libcyaml said ---- */

/*
 * Its lines: what is wrong, then from the innermost on "in mapping field 'x' (line: 3, column: 5)"
 * or "in sequence entry '1' (...)", counted from 1. The path is put together from behind.
 */
static void path_of(const char *messages, char path[PATH_MOST])
{
    const char *line = messages;

    *path = 0;
    while ((line = strstr(line, "\n  in "))) {
        static const char entry[] = "sequence entry '";
        char part[PATH_MOST], rest[PATH_MOST];
        char name[64];

        line += 6;
        if (!strncmp(line, entry, sizeof(entry) - 1)) {
            unsigned long number = strtoul(line + sizeof(entry) - 1, NULL, 10);

            (void)snprintf(part, sizeof(part), "[%lu]", number ? number - 1 : 0);
        } else if (sscanf(line, "mapping field '%63[^']'", name) == 1)
            (void)snprintf(part, sizeof(part), "%s", name);
        else
            continue;
        (void)snprintf(rest, sizeof(rest), "%s", path);
        (void)snprintf(path, PATH_MOST, "%.120s%s%.120s", part, *rest && *rest != '[' ? "." : "",
                       rest);
    }
}

/* The first line, without "Load: ". */
static void first_line(const char *messages, char out[256])
{
    const char *start = !strncmp(messages, "Load: ", 6) ? messages + 6 : messages;

    (void)snprintf(out, 256, "%.*s", (int)strcspn(start, "\n"), start);
}

static int unknown_key(struct grain_config_file *config, const char *path, const char *key)
{
    const char *meant = config_suggest(path, key);
    char full[2 * PATH_MOST], keys[256];

    (void)snprintf(full, sizeof(full), "%s%s%s", path, *path ? "." : "", key);
    if (meant)
        return config_fail(config, full, "there is no key \"%s\" here; did you mean \"%s\"?", key,
                           meant);
    list_keys(keys, sizeof(keys), path);
    return config_fail(config, full, "there is no key \"%s\" here; there are %s", key, keys);
}

static int missing_key(struct grain_config_file *config, char *path, const char *key)
{
    char *dot = strrchr(path, '.');
    const cyaml_schema_field_t *fields = fields_at(path);

    /* The innermost line is of the last value that was there. */
    if (!field_of(fields, key) && dot)
        *dot = 0;
    return config_fail(config, path, "the key \"%s\" is missing", key);
}

static const char *kind_name(const char *kind)
{
    static const char *const names[][2] = {
        {"SEQUENCE", "a list"},      {"MAPPING", "keys and values"}, {"STRING", "a text"},
        {"UINT", "a number"},        {"BOOL", "true or false"},      {"FLOAT", "a number"},
        {"SCALAR", "a single value"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strncmp(kind, names[i][0], strlen(names[i][0])))
            return names[i][1];
    return kind;
}

int config_yaml_fail(struct grain_config_file *config, const char *messages)
{
    char path[PATH_MOST], text[256], key[64], other[64];

    path_of(messages, path);
    first_line(messages, text);
    if (sscanf(text, "Unexpected key: %63s", key) == 1)
        return unknown_key(config, path, key);
    if (sscanf(text, "Missing required mapping field: %63s", key) == 1)
        return missing_key(config, path, key);
    if (sscanf(text, "Mapping field already seen: %63s", key) == 1)
        return config_fail(config, path, "the key \"%s\" stands here twice", key);
    if (sscanf(text, "Expecting %63[^,], got event: %63s", key, other) == 2)
        return config_fail(config, path, "expected %s, found %s", kind_name(key), kind_name(other));
    if (!strncmp(text, "Invalid uint64_t", 16) || !strncmp(text, "Invalid UINT", 12))
        return config_fail(config, path, "expected a number: %s", strchr(text, ':') + 1);
    return config_fail(config, path, "%s", text);
}
