/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GRAIN_LIB_LIVE_PRIVATE_H
#define GRAIN_LIB_LIVE_PRIVATE_H

#include <sys/stat.h>

#include <grain/live.h>

#include "maps_read.h"

struct grain_live {
    struct grain_pinned *pinned;
    struct grain_map_set maps;
    struct grain_config config; /* as it was last read: the hash key does not change */
    struct stat directory;
    int clock; /* the program that reads the jiffies; -1: not loaded, -2: refused */
};

#endif
