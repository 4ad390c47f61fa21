// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "say.h"
#include "when.h"

#define SECOND_NS 1000000000ULL
/* Of years: what nanoseconds in 63 bits can say. */
#define YEAR_MOST 2260

static uint64_t unit_seconds(const char *unit)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (*unit == units[i].letter && !unit[1])
            return units[i].seconds;
    return 0;
}

static bool read_duration(const char *text, uint64_t now_ns, uint64_t *out)
{
    uint64_t number, unit, back;
    char *end;

    errno = 0;
    number = strtoull(text, &end, 10);
    unit = unit_seconds(end);
    if (!isdigit((unsigned char)*text) || errno || !unit ||
        __builtin_mul_overflow(number, unit * SECOND_NS, &back))
        return false;
    *out = back < now_ns ? now_ns - back : 1;
    return true;
}

/* Two digits; -1: they are none. */
static int two_digits(const char *text)
{
    if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
        return -1;
    return (text[0] - '0') * 10 + text[1] - '0';
}

/* "+01:00" or "+0100", in seconds. */
static bool read_zone(const char *text, int *out)
{
    int hours = two_digits(text + 1), minutes;

    if ((*text != '+' && *text != '-') || hours < 0 || hours > 14)
        return false;
    minutes = two_digits(text[3] == ':' ? text + 4 : text + 3);
    if (minutes < 0 || minutes > 59 || text[text[3] == ':' ? 6 : 5])
        return false;
    *out = (hours * 60 + minutes) * (*text == '+' ? 60 : -60);
    return true;
}

/* What follows a time: a fraction, a zone. */
static bool read_rest(const char *text, struct tm *tm, uint64_t *fraction, bool *zoned)
{
    int east = 0;

    if (*text == '.') {
        uint64_t unit = SECOND_NS;

        for (text++; isdigit((unsigned char)*text); text++)
            *fraction += (uint64_t)(*text - '0') * (unit /= 10);
    }
    if (!*text)
        return true;
    *zoned = true;
    if (strcmp(text, "Z") && !read_zone(text, &east))
        return false;
    tm->tm_sec -= east;
    return true;
}

static bool read_iso(const char *text, uint64_t *out)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    uint64_t fraction = 0;
    bool zoned = false;
    time_t seconds;
    struct tm tm;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *rest;

        memset(&tm, 0, sizeof(tm));
        fraction = 0;
        tm.tm_isdst = -1;
        rest = strptime(text, forms[i], &tm);
        if (!rest || !read_rest(rest, &tm, &fraction, &zoned))
            continue;
        if (tm.tm_year + 1900 < 1970 || tm.tm_year + 1900 > YEAR_MOST)
            return false;
        seconds = zoned ? timegm(&tm) : mktime(&tm);
        *out = seconds < 0 ? 0 : (uint64_t)seconds * SECOND_NS + fraction;
        return true;
    }
    return false;
}

static bool read_epoch(const char *text, uint64_t *out)
{
    char *end;

    if (*text != '@' || !isdigit((unsigned char)text[1]))
        return false;
    errno = 0;
    *out = strtoull(text + 1, &end, 10);
    return !*end && !errno && !__builtin_mul_overflow(*out, SECOND_NS, out);
}

bool when_read(const char *option, const char *text, uint64_t now_ns, uint64_t *out)
{
    if (read_duration(text, now_ns, out) || read_epoch(text, out) || read_iso(text, out))
        return true;
    say("%s %s: not a time: 24h (ago; s, m, h, d or w), 2026-01-31, 2026-01-31T12:00, "
        "2026-01-31T12:00:00Z or @1769860800",
        option, text);
    return false;
}

const char *when_text(char buffer[WHEN_TEXT_MAX], int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (!localtime_r(&seconds, &tm) || !strftime(buffer, WHEN_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm))
        (void)snprintf(buffer, WHEN_TEXT_MAX, "?");
    return buffer;
}
