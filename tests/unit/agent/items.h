/* SPDX-License-Identifier: GPL-2.0-only */
/* Items for tests of what sinks write. */
#ifndef GRAIN_TESTS_ITEMS_H
#define GRAIN_TESTS_ITEMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <grain/config.h>
#include <grain/dispositions.h>
#include <grain/names.h>

#include <agent/item.h>

/* 2026-01-31T12:00:00.000123Z */
#define TIME_NS 1769860800000123456ULL

/* What a name or a process may be called by somebody who means harm. */
#define ESC  "\033[31m"
#define RTL  "\342\200\256" /* U+202E, as UTF-8 */
#define HIGH "\377\300\257" /* not UTF-8 */

static inline struct grain_item counter(const char *name, uint64_t count)
{
    return (struct grain_item){
        .kind = GRAIN_ITEM_COUNTER, .name = name, .unit = "1", .time_ns = TIME_NS, .count = count};
}

static inline struct grain_item gauge(const char *name, double number)
{
    return (struct grain_item){.kind = GRAIN_ITEM_GAUGE,
                               .name = name,
                               .unit = "bytes",
                               .time_ns = TIME_NS,
                               .number = number};
}

static inline struct grain_item histogram(const char *name, double number, uint64_t count)
{
    return (struct grain_item){.kind = GRAIN_ITEM_HISTOGRAM,
                               .name = name,
                               .unit = "seconds",
                               .time_ns = TIME_NS,
                               .number = number,
                               .count = count};
}

static inline struct grain_item set(const char *name, const char *member)
{
    return (struct grain_item){
        .kind = GRAIN_ITEM_SET, .name = name, .unit = "", .time_ns = TIME_NS, .member = member};
}

static inline struct grain_item tagged(struct grain_item item, const char *key, const char *value)
{
    assert_true(grain_item_set_tag(&item, key, value));
    return item;
}

/* A query for "ab.c", type A, id 0x1234. */
static const uint8_t query_bytes[] = {0x12, 0x34, 1,   0,   0, 1,   0, 0, 0, 0, 0,
                                      0,    2,    'a', 'b', 1, 'c', 0, 0, 1, 0, 1};

static inline struct grain_item query_event(void)
{
    static const struct grain_record record = {
        .header = {.type = GRAIN_RECORD_NAME,
                   .hook = GRAIN_HOOK_XDP,
                   .direction = GRAIN_DIRECTION_IN},
        .source = {[10] = 0xff, 0xff, 192, 0, 2, 1},
        .destination = {[10] = 0xff, 0xff, 192, 0, 2, 53},
        .source_port = 40000,
        .destination_port = 53,
        .family = 4,
        .protocol = 17,
        .kind = GRAIN_NAME_DNS_QUERY,
        .type = 1,
        .segments = 1,
        .disposition = GRAIN_DISPOSITION_DNS_QUERY,
    };
    struct grain_item item = {.kind = GRAIN_ITEM_EVENT,
                              .name = "dns.query",
                              .unit = "1",
                              .time_ns = TIME_NS,
                              .count = 1,
                              .record = &record,
                              .bytes = query_bytes,
                              .length = sizeof(query_bytes)};

    item = tagged(item, "interface", "eth0");
    return tagged(item, "qname", "ab.c");
}

#endif
