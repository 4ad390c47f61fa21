// SPDX-License-Identifier: GPL-2.0-only
#include "host_container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_text.h"
#include "json.h"
#include "say.h"
#include "stop.h"

#define SHORT_ID 12

struct grain_container_names *host_container_names(const char *root)
{
    const struct grain_container_names_options options = {.root = root};
    struct grain_container_names *names = NULL;

    (void)grain_container_names_new(&names, &options);
    return must(names);
}

const struct grain_container_name *host_container_name(struct grain_container_names *names,
                                                       const struct grain_container *container)
{
    return grain_container_names_of(names, container, clock_now());
}

static bool is_word(const char *text)
{
    while (isalnum((unsigned char)*text))
        text++;
    return !*text;
}

static void say_found(const struct host_containers *found, const char *text)
{
    char list[HOST_CONTAINERS_MAX * (SHORT_ID + 2) + 1] = "";
    size_t used = 0;

    for (size_t i = 0; i < found->count; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s", i ? ", " : "",
                                 SHORT_ID, found->ids[i]);
    say("container %s: %s; one that is made later is not looked for", text, list);
}

bool host_container_choose(struct host_containers *out, struct grain_container_names *names,
                           const char *text)
{
    out->count = grain_container_names_find(names, text, out->ids, HOST_CONTAINERS_MAX);
    if (out->count > HOST_CONTAINERS_MAX) {
        say("--container %s: %zu containers are called so; at most %d can be watched: name one by "
            "its id",
            text, out->count, HOST_CONTAINERS_MAX);
        return false;
    }
    if (out->count) {
        say_found(out, text);
        return true;
    }
    if (!is_word(text)) {
        host_container_say_denied(names);
        say("--container %s: no container is called so, and it is no id", text);
        return false;
    }
    if (text[strspn(text, "0123456789abcdef")])
        say("--container %s: no container is called so; it is taken for the id of one, or for a "
            "machine's name",
            text);
    (void)snprintf(out->ids[0], sizeof(out->ids[0]), "%s", text);
    out->count = 1;
    return true;
}

char *host_container_text(const struct grain_container *container,
                          const struct grain_container_name *name)
{
    char text[sizeof(name->pod) + sizeof(name->name) + 1];

    if (!*name->name && !*name->pod)
        return *container->id ? host_text(container->id, SHORT_ID) : must(strdup("-"));
    (void)snprintf(text, sizeof(text), "%s%s%s", name->pod, *name->pod && *name->name ? "/" : "",
                   name->name);
    return host_text(text, sizeof(text));
}

static void put(json_t *object, const char *key, const char *text)
{
    char *escaped;

    if (!*text)
        return;
    escaped = host_text(text, strlen(text));
    json_put_text(object, key, escaped);
    free(escaped);
}

void host_container_put(json_t *process, const struct grain_container *container,
                        const struct grain_container_name *name)
{
    put(process, "container", container->id);
    put(process, "container_name", name->name);
    put(process, "pod", name->pod);
    put(process, "namespace", name->namespace);
    put(process, "image", name->image);
}

void host_container_say_denied(const struct grain_container_names *names)
{
    const char *denied = grain_container_names_denied(names);

    if (denied)
        say("%s: not readable: containers there are told by their ids alone", denied);
}
