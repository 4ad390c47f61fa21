/* SPDX-License-Identifier: GPL-2.0-only */
/* What "grainctl trace" can follow; each takes its own arguments, its name first. */
#ifndef GRAIN_CTL_TRACE_H
#define GRAIN_CTL_TRACE_H

int trace_files(int argc, char **argv);
int trace_net(int argc, char **argv);

#endif
