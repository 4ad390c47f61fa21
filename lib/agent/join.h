/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From DNS answers and server names to connections: what an address was called when somebody
 * connected to it.
 *
 * A connection gets the name of an answer only when exactly one name fits: an answer that came
 * before the connection, whose TTL had not run out, and that went to this host or to the
 * connection's own address. When the process that connects had itself asked for one of several,
 * only what it asked for counts. When several are left, a server name on the same connection
 * decides, if it is one of them; otherwise the connection is `ambiguous` and gets none.
 *
 * Bounded: what had to make room while it was still in force makes connections to its address
 * ambiguous for as long, rather than letting another name stand alone. Times are CLOCK_BOOTTIME in
 * ns and need not come in order. Texts are copied. An object belongs to one thread.
 */
#ifndef GRAIN_AGENT_JOIN_H
#define GRAIN_AGENT_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An answer is in force for its TTL and this: resolvers give TTLs of 0 for use at once. */
#define GRAIN_JOIN_GRACE_NS 1000000000ULL

struct grain_endpoint {
    uint8_t address[16]; /* IPv4: v4-mapped */
    uint16_t port;
};

struct grain_join_flow {
    struct grain_endpoint local, remote;
    uint8_t protocol; /* IPPROTO_* */
};

/* A process: pid 0 is nobody known. */
struct grain_join_process {
    uint32_t pid;
    uint64_t start_ns;
};

struct grain_join_options {
    size_t most_answers; /* 0: 65,536 */
    size_t most_flows;   /* 0: 65,536 */
    size_t most_asks;    /* 0: 16,384 */
};

struct grain_join_counts {
    uint64_t answers, flows;   /* now */
    uint64_t named, ambiguous; /* connections */
    uint64_t unnamed;          /* connections to an address without an answer in force */
    uint64_t decided;          /* of those named: by the server name */
    uint64_t answers_evicted;  /* in force still */
    uint64_t flows_evicted;    /* connections that lost their server name, or name */
};

struct grain_join;

/* 0 or -ENOMEM. `options` may be NULL. */
int grain_join_new(struct grain_join **out, const struct grain_join_options *options);
void grain_join_free(struct grain_join *join); /* takes NULL */

/* The host's own addresses, anew: answers that went to one of them hold for every connection of the
 * host; those to loopback addresses always do. 0 or -ENOMEM. */
int grain_join_own(struct grain_join *join, const uint8_t (*addresses)[16], size_t count);

/* A process connected a datagram socket, or sent: whoever answers there answers this process. */
void grain_join_ask(struct grain_join *join, const struct grain_join_flow *flow,
                    struct grain_join_process process, uint64_t time_ns);

/* Who asked: the process that used the flow last before `time_ns`. Pid 0: nobody was seen. */
struct grain_join_process grain_join_asker(const struct grain_join *join,
                                           const struct grain_join_flow *flow, uint64_t time_ns);

/* An answer, from flow.remote to flow.local: `name` has this address for `ttl` seconds. 0 or
 * -ENOMEM. */
int grain_join_answer(struct grain_join *join, const struct grain_join_flow *flow, uint64_t time_ns,
                      const char *name, const uint8_t address[16], uint32_t ttl);

/* A server name that was seen on a connection, in either direction. 0 or -ENOMEM. */
int grain_join_sni(struct grain_join *join, const struct grain_join_flow *flow, uint64_t time_ns,
                   const char *sni);

struct grain_joined {
    const char *name; /* ""; valid until the next call with the join */
    const char *sni;  /* the same */
    bool ambiguous;
};

/* A connection was opened: to flow.remote, or (`accepted`) from there. What it got is remembered
 * until it is closed. */
void grain_join_open(struct grain_join *join, struct grain_joined *out,
                     const struct grain_join_flow *flow, struct grain_join_process process,
                     uint64_t time_ns, bool accepted);

/* It was closed; `opened_ns`: when it was opened, 0: not known. */
void grain_join_close(struct grain_join *join, struct grain_joined *out,
                      const struct grain_join_flow *flow, uint64_t opened_ns);

/* Forget what has run out. */
void grain_join_expire(struct grain_join *join, uint64_t now_ns);

void grain_join_counts(const struct grain_join *join, struct grain_join_counts *out);

#endif
