/* SPDX-License-Identifier: GPL-2.0-only */
/* Which hook and way an interface gets, and why not the one before. */
#ifndef GRAIN_LIB_ATTACH_CHOOSE_H
#define GRAIN_LIB_ATTACH_CHOOSE_H

#include "attach_private.h"

struct grain_chooser {
    const struct grain_session *session;
    uint8_t hook; /* asked for; 0: choose */
    uint8_t mode; /* asked for: GRAIN_MODE_SKB */
    bool dry_run;
    bool extension_tried;
    int extension; /* 0: this kernel takes a dispatcher; -errno */
    bool no_dispatcher;
};

/* State of one choice. */
struct grain_choice {
    struct grain_xdp_hook hook;
};

/* Set hook, way and mode of a source; notes why. */
int grain_choose(struct grain_chooser *chooser, const struct grain_device *device,
                 struct grain_source *source, struct grain_choice *choice);

/* What was in the way of an attempt. */
enum grain_obstacle {
    GRAIN_OBSTACLE_PROGRAM, /* the kernel does not load it: another program may do */
    GRAIN_OBSTACLE_HOOK,    /* the driver, or who is at the hook: another way may do */
    GRAIN_OBSTACLE_OWN,     /* a pin, a map, the namespace: no other way helps */
};

/* What was chosen failed with `error`: the next way, noted, or the error with its message. */
int grain_choose_next(struct grain_chooser *chooser, const struct grain_device *device,
                      struct grain_source *source, struct grain_choice *choice,
                      enum grain_obstacle obstacle, int error);

#endif
