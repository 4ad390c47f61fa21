/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines to a file of our own, whole or not at all: what a full disk cuts is cut off again, and a
 * line that a killed process left unfinished goes when the file is opened.
 */
#ifndef GRAIN_AGENT_OUT_FILE_H
#define GRAIN_AGENT_OUT_FILE_H

#include "lines.h"

/* Starts as zeros with fd = -1 and the settings. */
struct grain_out_file {
    char *path;
    uint64_t rotate_bytes; /* begin a new file rather than let it become longer; 0: never */
    uint32_t keep;         /* old files, PATH.1 the youngest */
    int fd;
    uint64_t size;
};

/*
 * All lines, with what is out told to the delivery. -EBUSY: another process writes to the file;
 * -ELOOP: it is a symbolic link; -EINVAL: it is no regular file; and what writing gives.
 */
int grain_out_file_write(struct grain_out_file *file, struct grain_lines *lines,
                         struct grain_delivery *delivery);

/* The next write opens it anew. */
void grain_out_file_close(struct grain_out_file *file);

#endif
