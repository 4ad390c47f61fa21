// SPDX-License-Identifier: GPL-2.0-only
/* Values: times, sizes, words, numbers; what was expected, and what is taken when nothing is given.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error_private.h"
#include "config_private.h"

char *config_copy(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = cyaml_mem(NULL, NULL, length);

    if (copy)
        memcpy(copy, text, length);
    return copy;
}

/* ---- values ---- */

/* A number, and the letters behind it. */
static bool number_of(const char *text, double *number, const char **letters)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtod(text, &end);
    *letters = end;
    return !errno && isfinite(*number) && end - text == (long)strspn(text, "0123456789.");
}

bool config_duration(const char *text, uint64_t least_ns, uint64_t most_ns, uint64_t *out)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    const char *unit;
    double number;

    if (!number_of(text, &number, &unit))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double ns = number * units[i].ns;

        if (strcmp(unit, units[i].unit))
            continue;
        if (ns < (double)least_ns || ns > (double)most_ns)
            return false;
        *out = (uint64_t)ns;
        return true;
    }
    return false;
}

bool config_size(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    static const char letters[] = "KMGT";
    const char *unit, *letter;
    double number;

    if (!number_of(text, &number, &unit))
        return false;
    if (*unit) {
        letter = strchr(letters, *unit);
        if (!letter || unit[1])
            return false;
        number = ldexp(number, 10 * (int)(letter - letters + 1));
    }
    if (number < (double)least || number > (double)most)
        return false;
    *out = (uint64_t)number;
    return true;
}

/* ---- helpers that say what was expected ---- */

void config_place(struct config_place *place, const struct grain_config_file *config,
                  const char *format, ...)
{
    va_list arguments;

    place->config = config;
    va_start(arguments, format);
    (void)vsnprintf(place->path, sizeof(place->path), format, arguments);
    va_end(arguments);
}

int config_fill(char **value, const char *text)
{
    if (!*value && !(*value = config_copy(text)))
        return grain_fail(-ENOMEM, "no memory");
    return 0;
}

int config_check_duration(const struct config_place *place, const char *key, char **value,
                          const char *otherwise, uint64_t least_ns, uint64_t most_ns, uint64_t *out)
{
    char path[CONFIG_PATH_MOST + 64];
    int error = config_fill(value, otherwise);

    if (error || !*value || config_duration(*value, least_ns, most_ns, out))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path,
                       "\"%s\": expected a time with its unit, as \"10s\", \"500ms\" or \"5m\", "
                       "from %g s to %g s",
                       *value, (double)least_ns / 1e9, (double)most_ns / 1e9);
}

int config_check_size(const struct config_place *place, const char *key, char **value,
                      const char *otherwise, uint64_t least, uint64_t most, uint64_t *out)
{
    char path[CONFIG_PATH_MOST + 64];
    int error = config_fill(value, otherwise);

    if (error || config_size(*value, least, most, out))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path,
                       "\"%s\": expected bytes, as \"64K\", \"16M\" or \"1G\", from %llu to %llu",
                       *value, (unsigned long long)least, (unsigned long long)most);
}

/* One of some words; its number in *out. */
int config_check_word(const struct config_place *place, const char *key, char **value,
                      const char *otherwise, const char *const *words, int *out)
{
    char path[CONFIG_PATH_MOST + 64], list[256] = "";
    const char *meant;
    int error = config_fill(value, otherwise);

    if (error)
        return error;
    for (int i = 0; words[i]; i++) {
        size_t length = strlen(list);

        if (!strcmp(words[i], *value)) {
            *out = i;
            return 0;
        }
        (void)snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", words[i]);
    }
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    meant = config_nearest(words, *value);
    if (meant)
        return config_fail(place->config, path, "there is no \"%s\"; did you mean \"%s\"?", *value,
                           meant);
    return config_fail(place->config, path, "there is no \"%s\"; there are %s", *value, list);
}

int config_fill_number(uint32_t **value, uint32_t otherwise)
{
    if (*value)
        return 0;
    *value = cyaml_mem(NULL, NULL, sizeof(**value));
    if (!*value)
        return grain_fail(-ENOMEM, "no memory");
    **value = otherwise;
    return 0;
}

int config_check_number(const struct config_place *place, const char *key, uint32_t **value,
                        uint32_t otherwise, uint32_t least, uint32_t most)
{
    char path[CONFIG_PATH_MOST + 64];
    bool given = *value;
    int error = config_fill_number(value, otherwise);

    if (error || !given || (**value >= least && **value <= most))
        return error;
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path, "%u: expected a number from %u to %u", **value, least,
                       most);
}

/* Letters, digits, "-" and "_": names become files and tags. */
int config_check_name(const struct config_place *place, const char *name)
{
    char path[CONFIG_PATH_MOST + 64];
    size_t length = strlen(name);

    if (length < GRAIN_SINK_NAME_MAX &&
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length)
        return 0;
    (void)snprintf(path, sizeof(path), "%s.name", place->path);
    return config_fail(place->config, path,
                       "\"%s\": expected up to %d letters, digits, \"-\" and \"_\"", name,
                       GRAIN_SINK_NAME_MAX - 1);
}

int config_fill_mapping(void **mapping, size_t size)
{
    if (*mapping)
        return 0;
    *mapping = cyaml_mem(NULL, NULL, size);
    if (!*mapping)
        return grain_fail(-ENOMEM, "no memory");
    memset(*mapping, 0, size);
    return 0;
}

int config_fail_at(const struct config_place *place, const char *key, const char *format, ...)
{
    char path[CONFIG_PATH_MOST + 64], text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(path, sizeof(path), "%s.%s", place->path, key);
    return config_fail(place->config, path, "%s", text);
}
