/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of scripts with what must come of them, stated by hand. NULL stands for an empty text.
 * Both engines run each of them.
 */
#ifndef GRAIN_TEST_CASES_H
#define GRAIN_TEST_CASES_H

#include "runner.h"

struct test_case {
    const char *name;
    void (*build)(struct script *s);
    const char *dispositions;
    const char *names;
    const char *counters;
    const char *records;
};

struct case_list {
    const struct test_case *cases;
    size_t count;
};

extern const struct case_list layer_cases, bare_cases, transport_cases, dns_cases, dns_tcp_cases,
    tls_cases, tls_split_cases;
/* Run before the others, which leave messages in the flow table: what fits then depends on the key.
 */
extern const struct case_list fresh_cases;

#define CASE_LIST(list, array) \
    const struct case_list list = {array, sizeof(array) / sizeof((array)[0])}

#endif
