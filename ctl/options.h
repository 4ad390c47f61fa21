/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of a command: one table, from which they are read and from which --help is made. */
#ifndef GRAIN_CTL_OPTIONS_H
#define GRAIN_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,    /* bool: true */
    OPTION_TEXT,    /* const char *, of argv */
    OPTION_NUMBER,  /* an unsigned integer of 4 or 8 bytes, from `least` to `most` */
    OPTION_SECONDS, /* uint64_t, nanoseconds */
    OPTION_BYTES,   /* uint64_t */
    OPTION_STAGES,  /* uint32_t, GRAIN_STAGE_* */
    OPTION_CALL,    /* `take` reads it and says what is wrong */
};

struct option_row {
    const char *name; /* without "--"; one letter: with "-" only */
    enum option_kind kind;
    const char *value; /* how --help calls the value; NULL: there is none */
    const char *help;  /* broken into lines where they are full */
    /* Where the value goes, in the settings of the command. */
    size_t target, size;
    /* A bool that becomes true; 0: there is none. Nothing that is given lies at the beginning. */
    size_t given;
    uint64_t least, most;
    bool (*take)(void *settings, const char *option, const char *text);
};

/* A row's target: member `at` of settings of type `type`. */
#define OPTION_TARGET(type, at) .target = offsetof(type, at), .size = sizeof(((type *)0)->at)
#define OPTION_GIVEN(type, at)  .given = offsetof(type, at)

#define OPTION_JSON(type, text)                                    \
    {                                                              \
        "json", OPTION_FLAG, NULL, text, OPTION_TARGET(type, json) \
    }
#define OPTION_PIN_ROOT(type, at)                                                \
    {                                                                            \
        "pin-root", OPTION_TEXT, "DIR",                                          \
            "where the maps are pinned ($GRAIN_PIN_ROOT, or /sys/fs/bpf/grain)", \
            OPTION_TARGET(type, at)                                              \
    }

struct options {
    const char *command;
    const char *usage; /* behind "usage: grainctl ", lines as they are printed */
    const char *text;  /* paragraphs behind it */
    const char *after; /* behind the options; NULL: nothing */
    const struct option_row *rows;
    size_t count;
};

/*
 * Read the options into `settings`; what is not an option comes behind them in argv, from *first
 * on. False: the command ends with *code, because --help was asked for and printed, or something
 * was wrong and said.
 */
bool options_read(const struct options *options, void *settings, int argc, char **argv, int *first,
                  int *code);

/* The number that belongs to `text`; false: said that there is none. `words` end with NULL. */
struct option_word {
    const char *word;
    int value;
};
bool option_word(const char *command, const char *option, const char *text,
                 const struct option_word *words, int *out);

bool option_number(const char *option, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out);

/* Seconds, also with a fraction, from 0.1 to a day; in nanoseconds. */
bool option_seconds(const char *option, const char *text, uint64_t *out);

/* "64M": bytes, with K, M or G for powers of 1024. */
bool option_bytes(const char *option, const char *text, uint64_t *out);

/* Of "dns,tls,quic", or "all" or "none": GRAIN_STAGE_* bits. */
bool option_stages(const char *option, const char *text, uint32_t *out);

#endif
