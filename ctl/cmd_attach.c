// SPDX-License-Identifier: GPL-2.0-only
/* grainctl attach: the shipping programs onto interfaces. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config.h>
#include <grain/error.h>

#include "account.h"
#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

struct settings {
    const char *config, *group;
    bool json;
    struct grain_attach_options attach;
};

static bool take_hook(void *to, const char *option, const char *text)
{
    static const struct option_word words[] = {
        {"auto", 0}, {"xdp", GRAIN_HOOK_XDP}, {"tc", GRAIN_HOOK_TC}, {NULL, 0}};
    struct settings *settings = to;
    int value = 0;

    if (!option_word("attach", option, text, words, &value))
        return false;
    settings->attach.hook = value;
    return true;
}

static bool take_mode(void *to, const char *option, const char *text)
{
    static const struct option_word words[] = {
        {"native", GRAIN_MODE_NATIVE}, {"skb", GRAIN_MODE_SKB}, {NULL, 0}};
    struct settings *settings = to;
    int value = 0;

    if (!option_word("attach", option, text, words, &value))
        return false;
    settings->attach.mode = value;
    return true;
}

static bool take_direction(void *to, const char *option, const char *text)
{
    static const struct option_word words[] = {{"in", GRAIN_DIRECTION_IN},
                                               {"out", GRAIN_DIRECTION_OUT},
                                               {"both", GRAIN_DIRECTION_IN | GRAIN_DIRECTION_OUT},
                                               {NULL, 0}};
    struct settings *settings = to;
    int value = 0;

    if (!option_word("attach", option, text, words, &value))
        return false;
    settings->attach.directions = value;
    return true;
}

#define TARGET(at) OPTION_TARGET(struct settings, attach.at)
#define GIVEN(at)  OPTION_GIVEN(struct settings, attach.at)

static const struct option_row rows[] = {
    {"hook", OPTION_CALL, "auto|xdp|tc",
     "for what comes in: chosen by the interface (auto), or only this", .take = take_hook},
    {"mode", OPTION_CALL, "native|skb", "skb: generic XDP, which works everywhere and is slow",
     .take = take_mode},
    {"direction", OPTION_CALL, "in|out|both",
     "both is the default; what goes out is always seen at tc", .take = take_direction},
    {"stages", OPTION_STAGES, "LIST",
     "of dns,tls,quic, or none: what is looked into, on all interfaces", TARGET(stages),
     GIVEN(stages_given)},
    {"priority", OPTION_NUMBER, "N", "among the programs of libxdp's dispatcher (10), lowest first",
     TARGET(priority), .least = 1, .most = 1000000},
    {"sample", OPTION_NUMBER, "N", "an event for one in N packets with a known name (100); 0: none",
     TARGET(sample), GIVEN(sample_given), .most = UINT32_MAX},
    {"event-rate", OPTION_NUMBER, "N", "such events a second and CPU (2000); 0: no limit",
     TARGET(event_rate), GIVEN(event_rate_given), .most = GRAIN_RATE_MOST},
    {"new-rate", OPTION_NUMBER, "N", "events for new names a second and CPU (2000); 0: no limit",
     TARGET(new_rate), GIVEN(new_rate_given), .most = GRAIN_RATE_MOST},
    {"memory", OPTION_BYTES, "SIZE",
     "tables that take at most this, as 64M; by the first attach only", TARGET(memory)},
    {"upgrade", OPTION_FLAG, NULL, "replace the programs even if they are the same",
     TARGET(upgrade)},
    {"dry-run", OPTION_FLAG, NULL, "say what would be done, and why; change nothing",
     TARGET(dry_run)},
    {"group", OPTION_TEXT, "NAME|GID",
     "may read what is pinned and its events, as an agent that is not root",
     OPTION_TARGET(struct settings, group)},
    {"config", OPTION_TEXT, "FILE",
     "the interfaces of an agent's configuration, each by its own settings there",
     OPTION_TARGET(struct settings, config)},
    OPTION_PIN_ROOT(struct settings, attach.root),
    OPTION_JSON(struct settings, "one JSON object"),
};

static const struct options options = {
    "attach",
    "attach IFACE... [OPTIONS]\n       grainctl attach --config FILE [--group NAME|GID]",
    "Counts what passes the interfaces from now on, also after this command has ended. All of\n"
    "them are attached, or none. On what is attached already, another program is replaced by\n"
    "this one while packets pass. Nobody else's program is touched.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

/* One after the other: each has settings of its own. */
static int attach_configured(const struct settings *settings)
{
    struct grain_config_file *config = NULL;
    int worst = EXIT_OK;

    if (grain_config_load(&config, settings->config)) {
        say("%s", grain_error());
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < grain_config_interfaces(config); i++) {
        const char **arguments = must(grain_config_attach(config, i, settings->group));
        int count = 0, code;

        while (arguments[count])
            count++;
        /* Of "grainctl attach ...", the command's own. */
        optind = 0; /* getopt begins anew */
        code = cmd_attach(count - 1, (char **)arguments + 1);
        worst = code > worst ? code : worst;
        free(arguments);
    }
    grain_config_free(config);
    return worst;
}

/* What the file says is not said again. */
static bool only_config(int argc, char **argv, bool names)
{
    bool others = names;

    for (int i = 1; i < argc; i++)
        others = others || (argv[i][0] == '-' && argv[i][1] && strncmp(argv[i], "--config", 8) &&
                            strncmp(argv[i], "--group", 7));
    if (others)
        say("attach: --config takes no interfaces and no options but --group: they stand in the "
            "file");
    return !others;
}

static bool check(struct settings *settings, bool names)
{
    if (!names) {
        say("attach: name an interface");
        return false;
    }
    if (settings->attach.mode == GRAIN_MODE_SKB && settings->attach.hook == GRAIN_HOOK_TC) {
        say("--mode skb and --hook tc: choose one");
        return false;
    }
    settings->attach.group_given = settings->group != NULL;
    return !settings->group || account_group("--group", settings->group, &settings->attach.group);
}

int cmd_attach(int argc, char **argv)
{
    struct changes changes;
    struct settings settings = {
        .attach = {.size = sizeof(settings.attach),
                   .wait = CHANGES_WAIT,
                   .note = changes_note,
                   .result = changes_result,
                   .progress = changes_progress,
                   .user = &changes},
    };
    int error, first, code;

    if (!options_read(&options, &settings, argc, argv, &first, &code))
        return code;
    if (settings.config)
        return only_config(argc, argv, first < argc) ? attach_configured(&settings) : EXIT_USAGE;
    if (!check(&settings, first < argc))
        return EXIT_USAGE;
    changes_start(&changes, settings.json);
    error = grain_attach(&settings.attach, (const char *const *)argv + first, argc - first);
    changes_end(&changes, error ? grain_error() : NULL);
    return error ? EXIT_FAILED : EXIT_OK;
}
