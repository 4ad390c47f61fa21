// SPDX-License-Identifier: GPL-2.0-only
/* grainctl config: what the agent's configuration comes to, and what it can be made from. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config.h>
#include <grain/error.h>

#include "commands.h"
#include "json.h"
#include "options.h"
#include "say.h"

struct settings {
    const char *config;
};

static const struct option_row rows[] = {
    {"c", OPTION_TEXT, "FILE", "the configuration (" GRAIN_CONFIG_FILE ")",
     OPTION_TARGET(struct settings, config)},
};

static const struct options options = {
    "config",
    "config show [-c FILE]\n       grainctl config measurements",
    "show: the configuration as it takes effect, with all defaults. measurements: everything that\n"
    "there is to export, as a table in Markdown.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

static int show(const char *path)
{
    struct grain_config_file *config = NULL;
    char *text = NULL;
    size_t length = 0;
    int error = grain_config_load(&config, path);

    if (!error)
        error = grain_config_show(config, &text, &length);
    if (error)
        say("%s", grain_error());
    else if (fwrite(text, 1, length, stdout) != length || output_flush())
        error = -1;
    free(text);
    grain_config_free(config);
    return error ? EXIT_FAILED : EXIT_OK;
}

static void print_group(unsigned int group)
{
    printf("\n## %s\n\n%c%s.\n\n| name | kind | unit | tags | ingraind's name | what it is |\n"
           "|---|---|---|---|---|---|\n",
           grain_group_name(group), toupper(*grain_group_text(group)), grain_group_text(group) + 1);
    for (unsigned int i = 0; i < GRAIN_MEASURE_COUNT; i++) {
        const struct grain_measure_info *info = grain_measure(i);

        if (info->group != (enum grain_group)group)
            continue;
        printf("| `%s` | %s | %s | %s | %s%s%s | %s |\n", info->name,
               grain_item_kind_name(info->kind), info->unit, info->tags,
               *info->predecessor ? "`" : "", info->predecessor, *info->predecessor ? "`" : "",
               info->text);
    }
}

static int measurements(void)
{
    puts("# Measurements and events\n\nMade by `grainctl config measurements` from the program's "
         "own "
         "list. A group is what a pipeline's\n`from` names. Counters are what was added since the "
         "last collection.");
    for (unsigned int group = 0; group < GRAIN_GROUP_COUNT; group++)
        print_group(group);
    return output_flush() ? EXIT_FAILED : EXIT_OK;
}

int cmd_config(int argc, char **argv)
{
    struct settings settings = {.config = NULL};
    int first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (argc - first == 1 && !strcmp(argv[first], "show"))
        return show(settings.config);
    if (argc - first == 1 && !strcmp(argv[first], "measurements"))
        return measurements();
    say("config: expected \"show\" or \"measurements\"");
    return EXIT_USAGE;
}
