// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <grain/config.h>

#include "options.h"
#include "say.h"

bool option_number(const char *option, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *out >= least && *out <= most)
        return true;
    say("%s %s: not a number from %llu to %llu", option, text, (unsigned long long)least,
        (unsigned long long)most);
    return false;
}

bool option_seconds(const char *option, const char *text, uint64_t *out)
{
    double seconds;
    char *end;

    errno = 0;
    seconds = strtod(text, &end);
    if (*text >= '0' && *text <= '9' && !*end && !errno && seconds >= 0.1 && seconds <= 86400) {
        *out = (uint64_t)(seconds * 1e9);
        return true;
    }
    say("%s %s: not a number of seconds from 0.1 to 86400", option, text);
    return false;
}

bool option_bytes(const char *option, const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    const char *unit;
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (*text >= '0' && *text <= '9' && !errno && *out && (!*end || (unit && !end[1]))) {
        unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

        if (*out <= UINT64_MAX >> shift) {
            *out <<= shift;
            return true;
        }
    }
    say("%s %s: not a size: a number of bytes, or with K, M or G behind it, as 64M", option, text);
    return false;
}

static uint32_t stage_bit(const char *name, size_t length)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } stages[] = {
        {"dns", GRAIN_STAGE_DNS},
        {"tls", GRAIN_STAGE_TLS},
        {"quic", GRAIN_STAGE_QUIC},
        {"all", GRAIN_STAGE_ALL},
    };

    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        if (strlen(stages[i].name) == length && !strncmp(stages[i].name, name, length))
            return stages[i].bit;
    return 0;
}

bool option_stages(const char *option, const char *text, uint32_t *out)
{
    const char *at = text;

    *out = 0;
    if (!strcmp(text, "none"))
        return true;
    for (;;) {
        size_t length = strcspn(at, ",");
        uint32_t bit = stage_bit(at, length);

        if (!bit) {
            say("%s %s: the stages are dns, tls and quic", option, text);
            return false;
        }
        *out |= bit;
        if (!at[length])
            return true;
        at += length + 1;
    }
}

bool option_word(const char *command, const char *option, const char *text,
                 const struct option_word *words, int *out)
{
    for (; words->word; words++)
        if (!strcmp(words->word, text)) {
            *out = words->value;
            return true;
        }
    say("%s %s: not one that there is; \"grainctl %s --help\" lists them", option, text, command);
    return false;
}
