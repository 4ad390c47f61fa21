// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "say.h"

bool live_parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
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

bool live_parse_size(const char *option, const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    const char *unit;
    char *end;
    unsigned int shift = 0;

    errno = 0;
    *out = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        shift = 10 * (unsigned int)(unit - units + 1);
        end++;
    }
    if (*text >= '0' && *text <= '9' && !*end && !errno && *out && *out <= UINT64_MAX >> shift) {
        *out <<= shift;
        return true;
    }
    say("%s %s: not a size such as 64M", option, text);
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

bool live_parse_stages(const char *option, const char *text, uint32_t *out)
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

void live_report_start(struct live_report *report, bool json)
{
    report->interfaces = json ? must(json_array()) : NULL;
    report->notes = json ? must(json_array()) : NULL;
}

void live_note(void *user, const char *interface, const char *text)
{
    struct live_report *report = user;
    char *name, *escaped;

    if (!report->notes) {
        say("%s%s%s", interface, *interface ? ": " : "", text);
        return;
    }
    name = escape_text(interface);
    escaped = escape_text(text);
    (void)json_array_append_new(report->notes,
                                must(json_pack("{s:s, s:s}", "interface", name, "text", escaped)));
    free(name);
    free(escaped);
}

static const char *way_name(const struct grain_source *source)
{
    switch (source->way) {
    case GRAIN_WAY_DISPATCHER:
        return "dispatcher";
    case GRAIN_WAY_XDP:
        return "alone";
    case GRAIN_WAY_CLSACT:
        return "clsact";
    default:
        return "tcx";
    }
}

static const char *mode_name(const struct grain_source *source)
{
    switch (source->mode) {
    case GRAIN_MODE_NATIVE:
        return "native";
    case GRAIN_MODE_SKB:
        return "skb";
    default:
        return "none";
    }
}

static const char *action_name(enum grain_attach_action action)
{
    static const char *const names[] = {
        [GRAIN_ATTACH_NEW] = "attached",      [GRAIN_ATTACH_SAME] = "unchanged",
        [GRAIN_ATTACH_UPGRADED] = "upgraded", [GRAIN_ATTACH_PLANNED] = "planned",
        [GRAIN_ATTACH_DETACHED] = "detached",
    };

    return names[action];
}

static const char *action_text(enum grain_attach_action action)
{
    static const char *const texts[] = {
        [GRAIN_ATTACH_NEW] = "attached",      [GRAIN_ATTACH_SAME] = "is attached already",
        [GRAIN_ATTACH_UPGRADED] = "upgraded", [GRAIN_ATTACH_PLANNED] = "would be attached",
        [GRAIN_ATTACH_DETACHED] = "detached",
    };

    return texts[action];
}

static void add_object(struct live_report *report, const struct grain_attach_result *result,
                       const char *name)
{
    const struct grain_source *source = &result->source;
    json_t *object =
        must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "interface", name, "action",
                       action_name(result->action), "direction",
                       source->direction == GRAIN_DIRECTION_IN ? "in" : "out", "hook",
                       source->hook == GRAIN_HOOK_XDP ? "xdp" : "tc", "way", way_name(source),
                       "mode", mode_name(source), "ifindex", (int)source->ifindex));

    if (result->action != GRAIN_ATTACH_PLANNED) {
        (void)json_object_set_new(object, "slot", json_integer(result->slot));
        (void)json_object_set_new(object, "program_id", json_integer(source->program_id));
        (void)json_object_set_new(object, "link_id", json_integer(source->link_id));
    }
    (void)json_array_append_new(report->interfaces, object);
}

void live_result(void *user, const struct grain_attach_result *result)
{
    struct live_report *report = user;
    const struct grain_source *source = &result->source;
    char name[sizeof(source->name) + 1] = "", *escaped;

    memcpy(name, source->name, sizeof(source->name));
    escaped = escape_text(name);
    if (report->interfaces) {
        add_object(report, result, escaped);
    } else {
        printf("%s %s: %s, %s", escaped, source->direction == GRAIN_DIRECTION_IN ? "in" : "out",
               action_text(result->action), source->hook == GRAIN_HOOK_XDP ? "xdp" : "tc");
        if (source->hook == GRAIN_HOOK_XDP)
            printf(" %s", mode_name(source));
        printf(", %s", way_name(source));
        if (result->action != GRAIN_ATTACH_PLANNED)
            printf(", program %u", source->program_id);
        putchar('\n');
    }
    free(escaped);
}

void live_report_end(struct live_report *report, const char *error)
{
    json_t *object;
    char *escaped;

    if (!report->interfaces) {
        if (error)
            say("%s", error);
        return;
    }
    object =
        must(json_pack("{s:o, s:o}", "interfaces", report->interfaces, "notes", report->notes));
    if (error) {
        escaped = escape_text(error);
        (void)json_object_set_new(object, "error", json_string(escaped));
        free(escaped);
        say("%s", error);
    }
    if (!json_dumpf(object, stdout, JSON_INDENT(2)))
        putchar('\n');
    json_decref(object);
}
