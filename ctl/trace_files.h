/* SPDX-License-Identifier: GPL-2.0-only */
/* What "trace files" is asked for, as rules. */
#ifndef GRAIN_CTL_TRACE_FILES_H
#define GRAIN_CTL_TRACE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grain/host.h>

struct trace_rules {
    struct grain_host_rule rules[GRAIN_HOST_RULES_MAX];
    size_t count;
};

/*
 * A rule for `path`: a glob when it holds * or ?, a directory with everything below, or a file,
 * there or not; relative ones are completed. The rest is as in `like`. False: said why not.
 */
bool trace_rules_add(struct trace_rules *rules, const char *path,
                     const struct grain_host_rule *like);

/* What is watched by default, as in `like`. False: said why not. */
bool trace_rules_default(struct trace_rules *rules, const struct grain_host_rule *like);

void trace_rules_free(struct trace_rules *rules);

/* "open,read": bits by number. False: said what there is not. */
bool trace_operations(const char *option, const char *text, uint32_t *out);

#endif
