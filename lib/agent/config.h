/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The agent's configuration: YAML through a schema, checked as a whole before anything is made of
 * it. docs/grain.yaml is the commented example.
 *
 * Functions return 0 or -errno; grain_error() then names file, line, key and what was expected.
 */
#ifndef GRAIN_AGENT_CONFIG_H
#define GRAIN_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"

struct grain_config_file;

/* Where the configuration is when nobody says so. */
#define GRAIN_CONFIG_FILE "/etc/grain/grain.yaml"

/* -EINVAL: something is wrong with it. `path` "-" reads standard input; NULL: GRAIN_CONFIG_FILE, or
 * where there is none, everything but events for Prometheus on 127.0.0.1:9469. */
int grain_config_load(struct grain_config_file **out, const char *path);
/* The same from memory; `name` is for messages. */
int grain_config_parse(struct grain_config_file **out, const char *name, const char *text,
                       size_t length);
void grain_config_free(struct grain_config_file *config); /* takes NULL */

/* What is in force, defaults filled in, as YAML; *text is to be freed. Secrets are not in it. */
int grain_config_show(const struct grain_config_file *config, char **text, size_t *length);

/* The agent's own part, as checked. Strings belong to the configuration. */
struct grain_config_agent {
    const char *pin_root; /* NULL: the default */
    const char *state;    /* NULL: none */
    uint64_t interval_ns, drain_ns;
    uint32_t ring_bytes; /* of each CPU; 0: the default */
    bool from_now;
};

void grain_config_agent(const struct grain_config_file *config, struct grain_config_agent *out);

/* What is watched beside packets; `host` is NULL. Everything belongs to the configuration. */
void grain_config_watch(const struct grain_config_file *config, struct grain_agent_watch *out);

/* Interfaces that are to be attached. */
size_t grain_config_interfaces(const struct grain_config_file *config);
const char *grain_config_interface(const struct grain_config_file *config, size_t i);

/* The arguments of "grainctl attach" for one of them, the program's name first; ends with NULL. The
 * array is to be freed, its strings belong to the configuration. `group`: that may read what is
 * pinned, unless the file names one; may be NULL. NULL: no memory. */
const char **grain_config_attach(const struct grain_config_file *config, size_t i,
                                 const char *group);

/*
 * Bring the agent's sinks and pipelines to what the configuration says. All are made before the
 * first one changes. Sinks that have the name they had keep their queues. NULL as agent: only make
 * them, to see whether it can be done.
 */
int grain_config_apply(const struct grain_config_file *config, struct grain_agent *agent);

#endif
