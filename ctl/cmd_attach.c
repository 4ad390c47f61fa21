// SPDX-License-Identifier: GPL-2.0-only
/* grainctl attach: the shipping programs onto interfaces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "commands.h"
#include "options.h"
#include "say.h"

struct settings {
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
    OPTION_PIN_ROOT(struct settings, attach.root),
    OPTION_JSON(struct settings, "one JSON object"),
};

static const struct options options = {
    "attach",
    "attach IFACE... [OPTIONS]",
    "Counts what passes the interfaces from now on, also after this command has ended. All of\n"
    "them are attached, or none. On what is attached already, another program is replaced by\n"
    "this one while packets pass. Nobody else's program is touched.\n",
    NULL,
    rows,
    sizeof(rows) / sizeof(rows[0]),
};

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
    if (first == argc) {
        say("attach: name an interface");
        return EXIT_USAGE;
    }
    if (settings.attach.mode == GRAIN_MODE_SKB && settings.attach.hook == GRAIN_HOOK_TC) {
        say("--mode skb and --hook tc: choose one");
        return EXIT_USAGE;
    }
    changes_start(&changes, settings.json);
    error = grain_attach(&settings.attach, (const char *const *)argv + first, argc - first);
    changes_end(&changes, error ? grain_error() : NULL);
    return error ? EXIT_FAILED : EXIT_OK;
}
