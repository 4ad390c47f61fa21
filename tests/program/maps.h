/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps behind a loaded program, for tests that reach past an engine. */
#ifndef GRAIN_TEST_MAPS_H
#define GRAIN_TEST_MAPS_H

/* A new descriptor of the map that the program uses under this name; the caller closes it. */
int program_map(int program, const char *name);

#endif
