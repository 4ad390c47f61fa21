// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "changes.h"
#include "json.h"
#include "say.h"
#include "sources.h"

static const struct {
    const char *name, *text;
} actions[] = {
    [GRAIN_ATTACH_NEW] = {"attached", "attached"},
    [GRAIN_ATTACH_SAME] = {"unchanged", "is attached already"},
    [GRAIN_ATTACH_UPGRADED] = {"upgraded", "upgraded"},
    [GRAIN_ATTACH_PLANNED] = {"planned", "would be attached"},
    [GRAIN_ATTACH_DETACHED] = {"detached", "detached"},
};

void changes_start(struct changes *changes, bool json)
{
    changes->shown = 0;
    changes->interfaces = json ? must(json_array()) : NULL;
    changes->notes = json ? must(json_array()) : NULL;
}

static void put_escaped(json_t *object, const char *key, const char *text)
{
    char *escaped = escape_text(text);

    json_put_text(object, key, escaped);
    free(escaped);
}

/* By spaces: not every terminal knows more. */
static void clear_progress(struct changes *changes)
{
    if (changes->shown)
        fprintf(stderr, "\r%*s\r", changes->shown, "");
    changes->shown = 0;
}

void changes_progress(void *user, const char *interface)
{
    struct changes *changes = user;
    char *escaped;

    if (!isatty(STDERR_FILENO))
        return;
    clear_progress(changes);
    escaped = escape_text(interface);
    changes->shown = fprintf(stderr, "attaching %s ...", escaped);
    if (changes->shown < 0)
        changes->shown = 0;
    free(escaped);
}

void changes_note(void *user, const char *interface, const char *text)
{
    struct changes *changes = user;
    json_t *note;

    clear_progress(changes);
    if (!changes->notes) {
        say("%s%s%s", interface, *interface ? ": " : "", text);
        return;
    }
    note = must(json_object());
    put_escaped(note, "interface", interface);
    put_escaped(note, "text", text);
    json_append(changes->notes, note);
}

static void add_object(struct changes *changes, const struct grain_attach_result *result)
{
    const struct grain_source *source = &result->source;
    json_t *object = must(json_object());

    json_put_text(object, "interface", source_name(source));
    json_put_text(object, "action", actions[result->action].name);
    json_put_text(object, "direction", source_direction(source));
    json_put_text(object, "hook", source_hook(source));
    json_put_text(object, "mode", source_mode(source));
    json_put_text(object, "way", source_way(source));
    json_put_number(object, "ifindex", source->ifindex);
    if (result->action != GRAIN_ATTACH_PLANNED) {
        json_put_number(object, "slot", result->slot);
        json_put_number(object, "program_id", source->program_id);
        json_put_number(object, "link_id", source->link_id);
    }
    json_append(changes->interfaces, object);
}

void changes_result(void *user, const struct grain_attach_result *result)
{
    struct changes *changes = user;
    const struct grain_source *source = &result->source;
    const char *mode = source_mode(source);

    clear_progress(changes);
    if (changes->interfaces) {
        add_object(changes, result);
        return;
    }
    printf("%s %s: %s, %s%s%s, %s", source_name(source), source_direction(source),
           actions[result->action].text, source_hook(source), *mode ? " " : "", mode,
           source_way(source));
    if (result->action != GRAIN_ATTACH_PLANNED)
        printf(", program %u", source->program_id);
    putchar('\n');
}

void changes_end(struct changes *changes, const char *error)
{
    json_t *object;

    clear_progress(changes);
    if (error)
        say("%s", error);
    if (!changes->interfaces)
        return;
    object = must(json_object());
    json_put(object, "interfaces", changes->interfaces);
    json_put(object, "notes", changes->notes);
    if (error)
        put_escaped(object, "error", error);
    (void)json_print(object, false);
}
