/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every measurement and event there is, in one list; docs/measurements.md is made from it.
 *
 * X(ID, group, kind, "name", "unit", "tags", "predecessor's name", "what it is"). A group is what a
 * pipeline's `from` chooses. Append where it belongs; a name that was released keeps its meaning.
 */
#ifndef GRAIN_AGENT_MEASURES_H
#define GRAIN_AGENT_MEASURES_H

#include "item.h"

/* What a pipeline can be fed from: X(ID, "name", "what it holds"). */
/* clang-format off */
#define GRAIN_GROUPS(X)                                                                              \
    X(TOTALS, "totals", "packets and bytes of every interface, by what grain understood of them")    \
    X(NAMES, "names", "how often each DNS name and TLS server name was seen")                        \
    X(LOSSES, "losses", "what was lost, refused, replaced or cut in the kernel, and other work")     \
    X(TABLES, "tables", "how full the kernel's tables are, and what is attached")                    \
    X(EVENTS, "events", "each message that the kernel sends up: new names and samples")              \
    X(AGENT, "agent", "the agent itself: sinks, queues, memory, the event stream")                   \
    X(FILES, "files", "each operation on a watched file, by process")                                \
    X(NETWORK, "network", "connections, and bytes by process and remote address")                    \
    X(PROCESSES, "processes", "programs that start and end")                                         \
    X(SYSCALLS, "syscalls", "system calls by process and name")

#define GRAIN_PROCESS_TAGS "process_id process_str uid container container_name pod namespace image"
#define GRAIN_FILE_TAGS    GRAIN_PROCESS_TAGS " op path ino dev result"
#define GRAIN_PEER_TAGS    GRAIN_PROCESS_TAGS " proto remote_ip remote_port"

#define GRAIN_MEASURES(X)                                                                            \
    X(PACKETS, TOTALS, COUNTER, "packets", "packets", "interface direction hook disposition",        \
      "", "packets that passed")                                                                     \
    X(BYTES, TOTALS, COUNTER, "bytes", "bytes", "interface direction hook disposition",              \
      "", "their lengths on the wire")                                                               \
    X(SEGMENTS, TOTALS, COUNTER, "segments", "segments", "interface direction hook",                 \
      "", "segments on the wire beyond one a packet, where the kernel joined or will split them")    \
    X(DNS_NAMES, NAMES, COUNTER, "dns.names", "questions", "protocol message qname qtype",           \
      "dns.answer", "questions in DNS messages by name; what is not told by name has the qname (other)") \
    X(TLS_NAMES, NAMES, COUNTER, "tls.names", "hellos", "sni",                                       \
      "tls.handshake.clienthello", "ClientHellos by server name; what is not told by name has the sni (other)") \
    X(LOSS, LOSSES, COUNTER, "losses", "1", "counter",                                               \
      "", "what was not seen, kept or sent, by the kernel's own counters")                           \
    X(WORK, LOSSES, COUNTER, "work", "1", "counter",                                                 \
      "", "the kernel's other counters")                                                             \
    X(UNATTRIBUTED, LOSSES, COUNTER, "names.unattributed", "questions", "kind",                      \
      "", "counts of names that left the kernel's tables without an event")                          \
    X(HOST_LOSS, LOSSES, COUNTER, "host.losses", "1", "counter",                                     \
      "", "what the host probes, and what follows them, did not see, keep or tell")                  \
    X(HOST_WORK, LOSSES, COUNTER, "host.work", "1", "counter",                                       \
      "", "their other counters")                                                                    \
    X(TABLE_TAKEN, TABLES, GAUGE, "tables.taken", "places", "table",                                 \
      "", "places taken in a table of the kernel")                                                   \
    X(TABLE_SIZE, TABLES, GAUGE, "tables.size", "places", "table",                                   \
      "", "places there are")                                                                        \
    X(ATTACHED, TABLES, GAUGE, "attached", "1", "interface direction hook",                          \
      "", "1: counts at this hook; 0: no more")                                                      \
    X(HOST_PROBE, TABLES, GAUGE, "host.probe", "1", "probe way", "", "1: this host probe hooks in by this way") \
    X(HOST_BLIND, TABLES, GAUGE, "host.blind_spots", "1", "probe way",                               \
      "", "how many things the probe cannot see by this way; grainctl check names them")             \
    X(HOST_PROCESSES, TABLES, GAUGE, "host.processes", "processes", "", "", "processes that the agent knows") \
    X(DNS_QUERY, EVENTS, EVENT, "dns.query", "1",                                                    \
      "interface direction src_ip src_port dest_ip dest_port proto protocol qname qtype id vlan",    \
      "dns.answer", "a DNS query")                                                                   \
    X(DNS_RESPONSE, EVENTS, EVENT, "dns.response", "1",                                              \
      "interface direction src_ip src_port dest_ip dest_port proto protocol qname qtype id rcode vlan answers ttl owner", \
      "dns.answer_address", "a DNS response; the addresses it gives, for how many seconds, and whose they are")                                                                \
    X(TLS_CLIENTHELLO, EVENTS, EVENT, "tls.clienthello", "1",                                        \
      "interface direction src_ip src_port dest_ip dest_port proto sni version alpn vlan",           \
      "tls.handshake.clienthello", "a TLS ClientHello")                                              \
    X(QUIC_INITIAL, EVENTS, EVENT, "quic.initial", "1",                                              \
      "interface direction src_ip src_port dest_ip dest_port proto version vlan",                    \
      "", "a QUIC Initial packet")                                                                   \
    X(SINK_QUEUED, AGENT, COUNTER, "agent.sink.queued", "items", "sink", "", "items given to a sink") \
    X(SINK_SENT, AGENT, COUNTER, "agent.sink.sent", "items", "sink", "", "items delivered")          \
    X(SINK_SKIPPED, AGENT, COUNTER, "agent.sink.skipped", "items", "sink",                           \
      "", "items of a kind that the sink does not carry")                                            \
    X(SINK_REFUSED, AGENT, COUNTER, "agent.sink.refused", "items", "sink", "", "items that the peer refused for good") \
    X(SINK_DROPPED, AGENT, COUNTER, "agent.sink.dropped", "items", "sink",                           \
      "", "items for which the queue had no room")                                                   \
    X(SINK_CORRUPT, AGENT, COUNTER, "agent.sink.corrupt", "items", "sink",                           \
      "", "items that a queue on disk did not give back")                                            \
    X(SINK_RETRIED, AGENT, COUNTER, "agent.sink.retried", "deliveries", "sink", "", "deliveries that failed and were tried again") \
    X(SINK_UNCERTAIN, AGENT, COUNTER, "agent.sink.uncertain", "items", "sink",                       \
      "", "items that were under way when an agent was killed, and count as sent")                   \
    X(SINK_WAITING, AGENT, GAUGE, "agent.sink.waiting", "items", "sink", "", "items in the queue")   \
    X(SINK_BYTES, AGENT, GAUGE, "agent.sink.bytes", "bytes", "sink", "", "bytes in the queue")       \
    X(EVENTS_RECEIVED, AGENT, COUNTER, "agent.events.received", "records", "", "", "records read from the kernel") \
    X(EVENTS_LOST, AGENT, COUNTER, "agent.events.lost", "records", "", "", "records that the kernel's rings dropped") \
    X(EVENTS_MISSING, AGENT, COUNTER, "agent.events.missing", "records", "", "", "holes in the records' numbers") \
    X(EVENTS_UNREADABLE, AGENT, COUNTER, "agent.events.unreadable", "records", "",                   \
      "", "records that do not hold what they say")                                                  \
    X(SHARED_LOST, AGENT, COUNTER, "agent.events.shared_lost", "records", "",                        \
      "", "records that readers of the agent's stream did not take in time, all readers together")   \
    X(ITEMS_REFUSED, AGENT, COUNTER, "agent.items.refused", "items", "", "", "items too big for a batch, or without memory") \
    X(STEP_TROUBLES, AGENT, COUNTER, "agent.step.troubles", "1", "pipeline step",                    \
      "", "what went wrong in a step while the item passed, by the step's number and kind")          \
    X(MEMORY, AGENT, GAUGE, "agent.memory", "bytes", "", "", "resident memory of the agent")         \
    X(COLLECT, AGENT, HISTOGRAM, "agent.collect", "seconds", "", "", "how long reading the kernel's maps took") \
    X(HISTORY_LOSS, AGENT, COUNTER, "agent.history.losses", "1", "counter", "", "what is not in the history") \
    X(HISTORY_WORK, AGENT, COUNTER, "agent.history.work", "1", "counter", "", "what went into the history") \
    X(HISTORY_BYTES, AGENT, GAUGE, "agent.history.bytes", "bytes", "", "", "of the history, on disk") \
    X(FILE_OPEN, FILES, COUNTER, "file.open", "operations", GRAIN_FILE_TAGS, "", "opened, or tried to") \
    X(FILE_READ, FILES, COUNTER, "file.read", "bytes", GRAIN_FILE_TAGS, "file.read", "bytes read")   \
    X(FILE_WRITE, FILES, COUNTER, "file.write", "bytes", GRAIN_FILE_TAGS, "file.write", "bytes written") \
    X(FILE_CHANGE, FILES, COUNTER, "file.change", "operations", GRAIN_FILE_TAGS " path2",            \
      "", "renamed, linked, removed, truncated, given another mode or owner")                        \
    X(FILE_USE, FILES, COUNTER, "file.use", "operations", GRAIN_FILE_TAGS, "", "mapped, or executed") \
    X(VOLUME_OUT, NETWORK, COUNTER, "volume.out", "bytes", GRAIN_PEER_TAGS, "volume.out", "bytes sent") \
    X(VOLUME_IN, NETWORK, COUNTER, "volume.in", "bytes", GRAIN_PEER_TAGS, "volume.in", "bytes received") \
    X(CONNECTION_OUT, NETWORK, COUNTER, "connection.out", "connections", GRAIN_PEER_TAGS " name sni",  \
      "connection.out", "connections made, with what a DNS answer and the ClientHello called the peer") \
    X(CONNECTION_IN, NETWORK, COUNTER, "connection.in", "connections", GRAIN_PEER_TAGS " sni",         \
      "", "connections accepted")                                                                    \
    X(CONNECTION_FAILED, NETWORK, COUNTER, "connection.failed", "connections",                       \
      GRAIN_PEER_TAGS " name result", "", "connections that were not made, and why")                 \
    X(CONNECTION_TIME, NETWORK, HISTOGRAM, "connection.time", "seconds",                             \
      GRAIN_PEER_TAGS " name sni", "", "how long a connection lasted that has ended")                \
    X(JOINS, NETWORK, COUNTER, "connection.names", "connections", "result",                          \
      "", "connections by whether DNS answers named them: named, ambiguous or unnamed")              \
    X(PROCESS_START, PROCESSES, COUNTER, "process.start", "processes", GRAIN_PROCESS_TAGS " exe ppid", \
      "", "programs started")                                                                        \
    X(PROCESS_EXIT, PROCESSES, COUNTER, "process.exit", "processes", GRAIN_PROCESS_TAGS " status",   \
      "", "processes that have ended; the status as of wait(2)")                                     \
    X(SYSCALL, SYSCALLS, COUNTER, "syscall.enter", "calls", "syscall_str process_id process_str container container_name pod namespace image", \
      "syscall.enter", "system calls made")
/* clang-format on */

enum grain_group {
#define X(ID, name, text) GRAIN_GROUP_##ID,
    GRAIN_GROUPS(X)
#undef X
        GRAIN_GROUP_COUNT
};

enum grain_measure {
#define X(ID, group, kind, name, unit, tags, before, text) GRAIN_MEASURE_##ID,
    GRAIN_MEASURES(X)
#undef X
        GRAIN_MEASURE_COUNT
};

struct grain_measure_info {
    enum grain_group group;
    enum grain_item_kind kind;
    const char *name, *unit;
    const char *tags;        /* separated by blanks */
    const char *predecessor; /* ingraind's name; "" */
    const char *text;
};

/* NULL beyond the last. */
const struct grain_measure_info *grain_measure(unsigned int measure);
const char *grain_group_name(unsigned int group);
const char *grain_group_text(unsigned int group);

/* An item of this measure with its name, kind and unit, and no tags. */
void grain_measure_item(struct grain_item *item, enum grain_measure measure, uint64_t time_ns);

#endif
