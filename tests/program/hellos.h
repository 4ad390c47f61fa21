/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ClientHellos of real programs, out of captures: TCP streams put together and records taken apart
 * in the plainest way, without grain's parsers.
 */
#ifndef GRAIN_TEST_HELLOS_H
#define GRAIN_TEST_HELLOS_H

#include <stddef.h>
#include <stdint.h>

#include "capture.h"

#define HELLO_ROOM 16384

struct found_hello {
    char *path; /* the capture */
    size_t frame;
    uint8_t *wire; /* the stream from the first record header to the hello's last byte */
    size_t wire_length;
    uint8_t *joined; /* the first record header, then the message without later headers */
    size_t joined_length;
    size_t records;
    char sni[256]; /* lower case; "": none */
};

struct hello_list {
    struct found_hello *hellos;
    size_t count;
    size_t seen; /* before those that look like an earlier one were left out */
};

/* For capture_each: adds what it finds to the struct hello_list that `user` is. Hellos with the
 * lengths and record layout of an earlier one are counted only. */
void hellos_collect(const char *path, const struct capture *capture, void *user);
void hellos_free(struct hello_list *list);

/* The server name of a hello behind its first record header, lower case; -1: malformed. */
int hello_name(const uint8_t *joined, size_t length, char sni[256]);

#endif
