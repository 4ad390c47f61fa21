/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that is lost, refused, replaced or cut has a counter here; users see all of them by
 * these names. Append-only; the numbers are part of the ABI. X(number, NAME, "name", "what it
 * counts").
 */
#ifndef GRAIN_COUNTERS_H
#define GRAIN_COUNTERS_H

/* clang-format off */
#define GRAIN_COUNTERS(X)                                                                                          \
    X(0, EVENTS_SEEN, "events_seen", "names and hellos that could have become an event")                           \
    X(1, EVENTS_SENT, "events_sent", "events handed to the perf ring")                                             \
    X(2, EVENTS_SAMPLED_OUT, "events_sampled_out", "known names not chosen by 1-in-N sampling")                    \
    X(3, EVENTS_OVER_BUDGET, "events_over_budget", "events not sent because their budget was used up")             \
    X(4, EVENTS_RING_FULL, "events_ring_full", "events refused by a full perf ring")                               \
    X(5, EVENTS_NO_READER, "events_no_reader", "events with nobody listening")                                     \
    X(6, EVENTS_FAILED, "events_failed", "events refused by the kernel for another reason")                        \
    X(7, NAMES_EXTRA, "names_extra", "second and later names in one packet")                                       \
    X(8, NAMES_NEW, "names_new", "names put into a count table")                                                   \
    X(9, NAMES_REPLACED, "names_replaced", "names that made room for another in a count table")                    \
    X(10, NAMES_REPLACED_SENT, "names_replaced_sent", "replaced names whose count left in an event")               \
    X(11, NAMES_LIMIT, "names_limit", "packets with more names than grain reads from one packet")                  \
    X(12, TEXTS_NEW, "texts_new", "name texts stored")                                                             \
    X(13, TEXTS_REPLACED, "texts_replaced", "name texts that made room for another")                               \
    X(14, UNATTRIBUTED, "unattributed", "counts of names that left the tables without an event, all kinds")        \
    X(15, FLOW_STARTED, "flow_started", "messages that did not end in the segment they began in")                  \
    X(16, FLOW_COMPLETED, "flow_completed", "such messages put together and read")                                 \
    X(17, FLOW_EVICTED, "flow_evicted", "given up: the place was needed for another")                              \
    X(18, FLOW_TIMED_OUT, "flow_timed_out", "given up: the rest did not come in time")                             \
    X(19, FLOW_GAP, "flow_gap", "given up: a segment was missing or came out of order")                            \
    X(20, FLOW_TOO_LONG, "flow_too_long", "cut: the message is longer than grain stores; read as far as it goes")  \
    X(21, FLOW_RESET, "flow_reset", "given up: the connection ended (FIN or RST)")                                 \
    X(22, FLOW_REUSED, "flow_reused", "given up: a new connection took the same addresses and ports")              \
    X(23, FLOW_MALFORMED, "flow_malformed", "given up: what followed was not the rest of the message")             \
    X(24, FLOW_BUSY, "flow_busy", "segments that met another CPU at work on the same flow")                        \
    X(25, FLOW_REFUSED, "flow_refused", "messages that found no place at all")                                     \
    X(26, FLOW_REPEAT, "flow_repeat", "retransmitted segments passed over")                                        \
    X(27, FLOW_OVERLAP, "flow_overlap", "partly retransmitted segments of which the new part was taken")           \
    X(28, FLOW_CUT, "flow_cut", "messages whose bytes were not all in the captured frame")                         \
    X(29, COPY_FAILED, "copy_failed", "packet bytes that the kernel would not hand out")
/* clang-format on */

enum grain_counter {
#define X(number, NAME, name, doc) GRAIN_COUNTER_##NAME = number,
    GRAIN_COUNTERS(X)
#undef X
        GRAIN_COUNTER_COUNT
};

#define GRAIN_COUNTER_MAX 48

_Static_assert((int)GRAIN_COUNTER_COUNT <= GRAIN_COUNTER_MAX, "counters are full: new ABI");

#endif
