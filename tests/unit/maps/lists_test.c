// SPDX-License-Identifier: GPL-2.0-only
/* The golden lists: numbers and names are part of the ABI. A new entry is added at the end, here as
 * there; nothing else ever changes. */
#include "sample.h"
#include <grain/counters.h>
#include <grain/dispositions.h>
#include <grain/names.h>

struct entry {
    unsigned number;
    const char *name;
    const char *constant;
    unsigned flags;
};

/* clang-format off */
static const struct entry dispositions[] = {
    {0, "non_ip", "NON_IP", 0},
    {1, "truncated", "TRUNCATED", 0},
    {2, "malformed", "MALFORMED", 0},
    {3, "vlan_limit", "VLAN_LIMIT", 0},
    {4, "header_limit", "HEADER_LIMIT", 0},
    {5, "ip_fragment", "IP_FRAGMENT", 0},
    {6, "icmp", "ICMP", 0},
    {7, "ip_other", "IP_OTHER", 0},
    {8, "gre", "GRE", 0},
    {9, "ipip", "IPIP", 0},
    {10, "vxlan", "VXLAN", 0},
    {11, "geneve", "GENEVE", 0},
    {12, "pppoe", "PPPOE", 0},
    {13, "mpls", "MPLS", 0},
    {14, "tcp_empty", "TCP_EMPTY", 0},
    {15, "tcp_other", "TCP_OTHER", 0},
    {16, "udp_empty", "UDP_EMPTY", 0},
    {17, "udp_other", "UDP_OTHER", 0},
    {18, "dns_candidate", "DNS_CANDIDATE", 1},
    {19, "tls_candidate", "TLS_CANDIDATE", 1},
    {20, "quic_candidate", "QUIC_CANDIDATE", 1},
    {21, "dns_query", "DNS_QUERY", 2},
    {22, "dns_response", "DNS_RESPONSE", 2},
    {23, "mdns_query", "MDNS_QUERY", 2},
    {24, "mdns_response", "MDNS_RESPONSE", 2},
    {25, "llmnr_query", "LLMNR_QUERY", 2},
    {26, "llmnr_response", "LLMNR_RESPONSE", 2},
    {27, "dns_no_question", "DNS_NO_QUESTION", 0},
    {28, "dns_part", "DNS_PART", 0},
    {29, "tls_hello", "TLS_HELLO", 2},
    {30, "tls_hello_no_sni", "TLS_HELLO_NO_SNI", 0},
    {31, "tls_hello_part", "TLS_HELLO_PART", 0},
    {32, "quic_initial", "QUIC_INITIAL", 0},
    {33, "stream_repeat", "STREAM_REPEAT", 0},
    {34, "seen_at_ingress", "SEEN_AT_INGRESS", 0},
};

static const struct entry counters[] = {
    {0, "events_seen", "EVENTS_SEEN", 0},
    {1, "events_sent", "EVENTS_SENT", 0},
    {2, "events_sampled_out", "EVENTS_SAMPLED_OUT", 0},
    {3, "events_over_budget", "EVENTS_OVER_BUDGET", 0},
    {4, "events_ring_full", "EVENTS_RING_FULL", 0},
    {5, "events_no_reader", "EVENTS_NO_READER", 0},
    {6, "events_failed", "EVENTS_FAILED", 0},
    {7, "names_extra", "NAMES_EXTRA", 0},
    {8, "names_new", "NAMES_NEW", 0},
    {9, "names_replaced", "NAMES_REPLACED", 0},
    {10, "names_replaced_sent", "NAMES_REPLACED_SENT", 0},
    {11, "names_limit", "NAMES_LIMIT", 0},
    {12, "texts_new", "TEXTS_NEW", 0},
    {13, "texts_replaced", "TEXTS_REPLACED", 0},
    {14, "unattributed", "UNATTRIBUTED", 0},
    {15, "flow_started", "FLOW_STARTED", 0},
    {16, "flow_completed", "FLOW_COMPLETED", 0},
    {17, "flow_evicted", "FLOW_EVICTED", 0},
    {18, "flow_timed_out", "FLOW_TIMED_OUT", 0},
    {19, "flow_gap", "FLOW_GAP", 0},
    {20, "flow_too_long", "FLOW_TOO_LONG", 0},
    {21, "flow_reset", "FLOW_RESET", 0},
    {22, "flow_reused", "FLOW_REUSED", 0},
    {23, "flow_malformed", "FLOW_MALFORMED", 0},
    {24, "flow_busy", "FLOW_BUSY", 0},
    {25, "flow_refused", "FLOW_REFUSED", 0},
    {26, "flow_repeat", "FLOW_REPEAT", 0},
    {27, "flow_overlap", "FLOW_OVERLAP", 0},
    {28, "flow_cut", "FLOW_CUT", 0},
    {29, "copy_failed", "COPY_FAILED", 0},
};

static const struct entry kinds[] = {
    {0, "none", "NONE", 0},
    {1, "dns_query", "DNS_QUERY", 0},
    {2, "dns_response", "DNS_RESPONSE", 0},
    {3, "mdns_query", "MDNS_QUERY", 0},
    {4, "mdns_response", "MDNS_RESPONSE", 0},
    {5, "llmnr_query", "LLMNR_QUERY", 0},
    {6, "llmnr_response", "LLMNR_RESPONSE", 0},
    {7, "tls_sni", "TLS_SNI", 0},
};

/* clang-format on */

static const struct entry listed_dispositions[] = {
#define X(number, NAME, name, flags, doc) {number, name, #NAME, GRAIN_DISPOSITION_##flags},
    GRAIN_DISPOSITIONS(X)
#undef X
};

static const struct entry listed_counters[] = {
#define X(number, NAME, name, doc) {number, name, #NAME, 0},
    GRAIN_COUNTERS(X)
#undef X
};

static const struct entry listed_kinds[] = {
#define X(number, NAME, name, disposition) {number, name, #NAME, 0},
    GRAIN_NAME_KINDS(X)
#undef X
};

/* Numbers count up from 0 without a hole, names are unique, and all is as it was. */
static void check_list(const struct entry *listed, size_t count, const struct entry *golden,
                       size_t golden_count)
{
    for (size_t i = 0; i < count && i < golden_count; i++) {
        assert_int_equal(listed[i].number, i);
        assert_int_equal(golden[i].number, i);
        assert_string_equal(listed[i].name, golden[i].name);
        assert_string_equal(listed[i].constant, golden[i].constant);
        assert_int_equal(listed[i].flags, golden[i].flags);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(listed[i].name, listed[j].name);
            assert_string_not_equal(listed[i].constant, listed[j].constant);
        }
    }
    assert_int_equal(count, golden_count);
}

static void dispositions_keep_their_numbers(void **state)
{
    (void)state;
    check_list(listed_dispositions, ARRAY_SIZE(listed_dispositions), dispositions,
               ARRAY_SIZE(dispositions));
    assert_int_equal(GRAIN_DISPOSITION_COUNT, ARRAY_SIZE(dispositions));
}

static void counters_keep_their_numbers(void **state)
{
    (void)state;
    check_list(listed_counters, ARRAY_SIZE(listed_counters), counters, ARRAY_SIZE(counters));
    assert_int_equal(GRAIN_COUNTER_COUNT, ARRAY_SIZE(counters));
}

static void name_kinds_keep_their_numbers(void **state)
{
    (void)state;
    check_list(listed_kinds, ARRAY_SIZE(listed_kinds), kinds, ARRAY_SIZE(kinds));
    assert_int_equal(GRAIN_NAME_KIND_COUNT, ARRAY_SIZE(kinds));
}

/* Names in the tables = packets whose disposition says so: each such disposition has one kind. */
static void every_kind_has_a_named_disposition_of_its_own(void **state)
{
    static const unsigned of_kind[] = {
#define X(number, NAME, name, disposition) GRAIN_DISPOSITION_##disposition,
        GRAIN_NAME_KINDS(X)
#undef X
    };
    unsigned named = 0;

    (void)state;
    for (size_t i = 1; i < ARRAY_SIZE(of_kind); i++) {
        assert_int_equal(dispositions[of_kind[i]].flags, GRAIN_DISPOSITION_NAMED);
        for (size_t j = 1; j < i; j++)
            assert_int_not_equal(of_kind[i], of_kind[j]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(dispositions); i++)
        named += dispositions[i].flags == GRAIN_DISPOSITION_NAMED;
    assert_int_equal(named, ARRAY_SIZE(of_kind) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dispositions_keep_their_numbers),
        cmocka_unit_test(counters_keep_their_numbers),
        cmocka_unit_test(name_kinds_keep_their_numbers),
        cmocka_unit_test(every_kind_has_a_named_disposition_of_its_own),
    };

    return cmocka_run_group_tests_name("maps/lists", tests, NULL, NULL);
}
