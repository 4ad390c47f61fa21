// SPDX-License-Identifier: GPL-2.0-only
#include "join_table.h"

#include <errno.h>
#include <stdlib.h>

int join_table_make(struct join_table *table, size_t most)
{
    size_t places = 16;

    while (places < most)
        places *= 2;
    table->most = most;
    table->mask = places - 1;
    table->places = calloc(places, sizeof(struct join_node *));
    return table->places ? 0 : -ENOMEM;
}

struct join_node *join_table_at(const struct join_table *table, uint64_t hash)
{
    return table->places[hash & table->mask];
}

static void append(struct join_table *table, struct join_node *node)
{
    node->before = table->last;
    node->next = NULL;
    if (table->last)
        table->last->next = node;
    else
        table->first = node;
    table->last = node;
}

static void take_out(struct join_table *table, struct join_node *node)
{
    if (node->before)
        node->before->next = node->next;
    else
        table->first = node->next;
    if (node->next)
        node->next->before = node->before;
    else
        table->last = node->before;
}

void join_table_add(struct join_table *table, struct join_node *node, uint64_t hash)
{
    struct join_node **place = &table->places[hash & table->mask];

    node->hash = hash;
    node->chain = *place;
    node->back = place;
    if (node->chain)
        node->chain->back = &node->chain;
    *place = node;
    append(table, node);
    table->count++;
}

void join_table_remove(struct join_table *table, struct join_node *node)
{
    *node->back = node->chain;
    if (node->chain)
        node->chain->back = node->back;
    take_out(table, node);
    table->count--;
}

void join_table_use(struct join_table *table, struct join_node *node)
{
    take_out(table, node);
    append(table, node);
}
