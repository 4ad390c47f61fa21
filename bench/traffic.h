/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic for the benchmarks: frames of one kind, different from each other, the same in each run.
 *
 * A generator writes frame `number` of its kind to `frame` (TRAFFIC_FRAME_MAX bytes, zeroed by the
 * caller) and returns its length. The same number gives the same frame. Checksums are left 0: grain
 * does not look at them.
 */
#ifndef GRAIN_BENCH_TRAFFIC_H
#define GRAIN_BENCH_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_FRAME_MAX 1536

/* Offset of the first letters of the name that traffic_dns_stamped writes. */
#define TRAFFIC_STAMP_OFFSET (14 + 20 + 8 + 12 + 1)

typedef size_t (*traffic_fn)(uint8_t *frame, uint32_t number);

/* What no stage wants: TCP bulk (two fifths), UDP/443 with short QUIC headers, random UDP, the same
 * over IPv6, and under a VLAN tag. */
size_t traffic_miss(uint8_t *frame, uint32_t number);
/* Only one of those each. */
size_t traffic_tcp(uint8_t *frame, uint32_t number);
size_t traffic_quic_short(uint8_t *frame, uint32_t number);
size_t traffic_udp(uint8_t *frame, uint32_t number);
size_t traffic_ipv6(uint8_t *frame, uint32_t number);
size_t traffic_vlan(uint8_t *frame, uint32_t number);

/* Queries, a name and type of its own for each number; one in four over IPv6, three in four with
 * EDNS. */
size_t traffic_dns(uint8_t *frame, uint32_t number);
/* Queries over IPv4 whose names begin with a label of eight letters, to be written over. */
size_t traffic_dns_stamped(uint8_t *frame, uint32_t number);

/* ClientHellos of 517 bytes, the server name in the last of 15 extensions, the others in any order.
 */
size_t traffic_hello(uint8_t *frame, uint32_t number);
/* ClientHellos of 1,550 bytes in two segments: even numbers the first, odd ones the second. */
size_t traffic_hello_split(uint8_t *frame, uint32_t number);
/* First halves of hellos that never go on, each of a flow of its own. */
size_t traffic_hello_half(uint8_t *frame, uint32_t number);

/* A tap's view of a network: mostly bulk, DNS two fifths, hellos one in fifty. */
size_t traffic_mixed(uint8_t *frame, uint32_t number);

#endif
