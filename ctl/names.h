/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names and their counts.
 *
 * An engine counts by keyed hash, and what its tables have no room for leaves in records: struct
 * name_counts puts both together for one run. struct names holds the names of all runs by their
 * text.
 */
#ifndef GRAIN_CTL_NAMES_H
#define GRAIN_CTL_NAMES_H

#include <grain/engine.h>
#include <grain/message.h>

enum name_group {
    NAME_DNS,
    NAME_MDNS,
    NAME_LLMNR,
    NAME_TLS,
};

struct name_type {
    uint16_t type;
    uint64_t count;
};

/* `text` is folded: DNS in wire form, a server name as it is. Of length 0: names whose text is
 * lost. */
struct name {
    enum name_group group;
    uint64_t queries; /* for TLS: hellos */
    uint64_t responses;
    uint32_t first_seen, last_seen; /* ticks */
    struct name_type *types;        /* the most frequent first */
    size_t types_count;
    size_t length;
    uint8_t text[GRAIN_NAME_LENGTH_MAX + 1];
};

/* Both start out as all zeros. */
struct name_counts {
    void *root;
};

struct names {
    void *root;
    size_t count;
};

/* The text of a name that has just come into a table; it is needed when the table gives the name
 * up. */
void name_counts_learn(struct name_counts *counts, const struct grain_record *record,
                       const uint8_t *text, size_t length);

/* A count that left a table in a record. */
void name_counts_evicted(struct name_counts *counts, const struct grain_name_slot *slot);

/* A name of the tables; for grain_engine_names, with struct name_counts as user. */
int name_counts_entry(void *user, const struct grain_name_entry *entry);

/* Move all counts into `names`. */
void name_counts_merge(struct name_counts *counts, struct names *names);
void name_counts_free(struct name_counts *counts);

/* DNS, mDNS and LLMNR names together, or server names; the most frequent first. To be freed. */
const struct name **names_sorted(const struct names *names, bool tls, size_t *count);
void names_free(struct names *names);

/* The name as people write it, its group behind it where that is not plain DNS or TLS. */
#define NAME_TEXT_MAX (GRAIN_NAME_TEXT_MAX + 16)
const char *name_text(char buffer[NAME_TEXT_MAX], const struct name *name);

/* "A 12, AAAA 3" */
void name_types_text(char *out, size_t size, const struct name *name);

#endif
