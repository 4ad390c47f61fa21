/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaching the shipping programs to interfaces, and taking them off.
 *
 * Attachments outlive the process: they are held by pins under a root (see grain/pins.h). Each
 * function takes the root's lock, first puts in order what a killed command has left, and works in
 * the network namespace of the calling thread. Functions return 0 or -errno; grain_error() then
 * says which interface, why, and what to do. Nobody else's program is ever detached or replaced.
 *
 * Not for several threads at once: libbpf's and libxdp's messages are turned off meanwhile.
 */
#ifndef GRAIN_ATTACH_H
#define GRAIN_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/config.h>
#include <grain/error.h>
#include <grain/pins.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRAIN_PRIORITY_DEFAULT 10   /* libxdp's own default is 50: before most others */
#define GRAIN_SAMPLE_DEFAULT   100  /* known names: one event in this many */
#define GRAIN_RATE_DEFAULT     2000 /* events a second and CPU, of new and of known names each */
#define GRAIN_RATE_MOST        100000000

enum grain_attach_action {
    GRAIN_ATTACH_NEW,      /* it was attached */
    GRAIN_ATTACH_SAME,     /* it was attached before, and stays as it is */
    GRAIN_ATTACH_UPGRADED, /* this program took the place of an older one */
    GRAIN_ATTACH_PLANNED,  /* a dry run: it would be attached */
    GRAIN_ATTACH_DETACHED, /* it was taken off */
};

/* What happened to one interface and direction. */
struct grain_attach_result {
    enum grain_attach_action action;
    uint32_t slot; /* undefined when only planned */
    struct grain_source source;
};

struct grain_attach_options {
    size_t size;        /* sizeof(struct grain_attach_options): lets the structure grow */
    const char *root;   /* NULL: as grain_pinned_root */
    uint32_t wait;      /* seconds to wait for another command */
    uint8_t hook;       /* GRAIN_HOOK_* for what comes in; 0: choose */
    uint8_t mode;       /* GRAIN_MODE_SKB: generic XDP; otherwise native */
    uint8_t directions; /* GRAIN_DIRECTION_IN | GRAIN_DIRECTION_OUT; 0: both */
    bool stages_given;  /* otherwise as they are; all when the set of maps is made */
    uint32_t stages;    /* GRAIN_STAGE_*, of all interfaces under the root */
    bool sample_given;  /* otherwise as it is; GRAIN_SAMPLE_DEFAULT when the set is made */
    uint32_t sample;    /* known names: one event in this many; 0: none */
    /* Events a second and CPU, of which two seconds may be saved up; 0: no limit. Otherwise as they
     * are; GRAIN_RATE_DEFAULT when the set is made. At most GRAIN_RATE_MOST. */
    bool event_rate_given;
    bool new_rate_given;
    uint32_t event_rate; /* for known names */
    uint32_t new_rate;   /* for new names, which bounds how fast full tables change, too */
    uint32_t priority;   /* in a dispatcher; 0: GRAIN_PRIORITY_DEFAULT */
    uint64_t memory;     /* bytes that the tables may take; 0: the default tables */
    bool upgrade;        /* replace the programs even when they are the same */
    /* Let this group read the set of maps and its events; otherwise as it is, root alone when the
     * set is made. Programs and links stay root's. */
    bool group_given;
    uint32_t group;
    bool dry_run; /* say what would be done, change nothing */
    /* Called with what a user should know, one line each, NUL-terminated; may be NULL. `interface`
     * may be empty. */
    void (*note)(void *user, const char *interface, const char *text);
    void (*result)(void *user, const struct grain_attach_result *result);
    /* Called with the name of an interface before something is done for it that takes a while: the
     * kernel verifies a program. May be NULL. */
    void (*progress)(void *user, const char *interface);
    void *user;
};

/* Attach to every interface or, on failure, to none. */
GRAIN_API int grain_attach(const struct grain_attach_options *options,
                           const char *const *interfaces, size_t count);

struct grain_detach_options {
    size_t size; /* sizeof(struct grain_detach_options) */
    const char *root;
    uint32_t wait;
    bool all;  /* every interface under the root, in every namespace */
    bool keep; /* leave the maps with their counts when nothing is attached any more */
    void (*note)(void *user, const char *interface, const char *text);
    void (*result)(void *user, const struct grain_attach_result *result);
    void *user;
};

/* -ENOENT: a name is neither an interface nor one that was attached. An interface on which nothing
 * is attached is only noted. */
GRAIN_API int grain_detach(const struct grain_detach_options *options,
                           const char *const *interfaces, size_t count);

/* Switch stages (GRAIN_STAGE_*) on or off, live, for all interfaces under the root. *before: the
 * stages as they were. */
GRAIN_API int grain_stages_switch(const char *root, uint32_t wait, uint32_t stages, bool on,
                                  uint32_t *before);

#ifdef __cplusplus
}
#endif

#endif
