// SPDX-License-Identifier: GPL-2.0-only
/* Interfaces to attach, as arguments of "grainctl attach". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_private.h"

#define ARGUMENTS_MOST 26

struct arguments {
    const char **list;
    size_t count;
    char *text; /* room for numbers, behind the list */
};

size_t grain_config_interfaces(const struct grain_config_file *config)
{
    return config->root->interfaces_count;
}

const char *grain_config_interface(const struct grain_config_file *config, size_t i)
{
    return config->root->interfaces[i].name;
}

static void put(struct arguments *arguments, const char *option, const char *value)
{
    if (!value)
        return;
    arguments->list[arguments->count++] = option;
    arguments->list[arguments->count++] = value;
}

static void put_number(struct arguments *arguments, const char *option, const uint32_t *value)
{
    if (!value)
        return;
    (void)snprintf(arguments->text, 16, "%u", *value);
    put(arguments, option, arguments->text);
    arguments->text += 16;
}

const char **grain_config_attach(const struct grain_config_file *config, size_t i,
                                 const char *group)
{
    const struct config_interface *interface = &config->root->interfaces[i];
    const struct config_attach *attach = config->root->attach;
    struct arguments arguments = {.list = calloc(1, ARGUMENTS_MOST * sizeof(char *) + 64)};
    bool skb;

    if (!arguments.list)
        return NULL;
    skb = !strcmp(interface->mode, "skb");
    arguments.text = (char *)(arguments.list + ARGUMENTS_MOST);
    arguments.list[arguments.count++] = "grainctl";
    arguments.list[arguments.count++] = "attach";
    put(&arguments, "--hook", interface->hook);
    put(&arguments, "--mode", skb ? interface->mode : NULL);
    put(&arguments, "--direction", interface->direction);
    put(&arguments, "--pin-root", config->agent.pin_root);
    put(&arguments, "--group", attach && attach->group ? attach->group : group);
    if (attach) {
        put(&arguments, "--stages", attach->stages);
        put(&arguments, "--memory", attach->memory);
        put_number(&arguments, "--sample", attach->sample);
        put_number(&arguments, "--event-rate", attach->event_rate);
        put_number(&arguments, "--new-rate", attach->new_rate);
    }
    put(&arguments, "--", interface->name);
    return arguments.list;
}
