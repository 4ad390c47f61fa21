/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes by hash, in the order in which they were last used. Everything but making is O(1). */
#ifndef GRAIN_AGENT_JOIN_TABLE_H
#define GRAIN_AGENT_JOIN_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct join_node {
    struct join_node *chain, **back; /* of the same place; back: what leads here */
    struct join_node *before, *next;
    uint64_t hash;
};

struct join_table {
    struct join_node **places;
    size_t mask, count, most;
    struct join_node *first, *last; /* longest unused in front */
};

/* 0 or -ENOMEM. The nodes are the caller's, who frees them first, and then `places`. */
int join_table_make(struct join_table *table, size_t most);

/* The last one that was added at the place of a hash: the rest are behind it in its chain. */
struct join_node *join_table_at(const struct join_table *table, uint64_t hash);

void join_table_add(struct join_table *table, struct join_node *node, uint64_t hash);
void join_table_remove(struct join_table *table, struct join_node *node);
/* It was used just now. */
void join_table_use(struct join_table *table, struct join_node *node);

#endif
