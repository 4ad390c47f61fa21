/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What grain understood of a packet: exactly one disposition per packet, at every instant.
 *
 * The list is append-only and the numbers are part of the ABI: they index pinned per-CPU totals. A
 * retired entry keeps its number. Each line is X(number, NAME, "name", flags, "what it means").
 *
 * Flags: F final, P provisional (a later stage may move the count; what no stage took stays visible
 * here), N the packet counts one name in the name tables.
 */
#ifndef GRAIN_DISPOSITIONS_H
#define GRAIN_DISPOSITIONS_H

#define GRAIN_DISPOSITION_FINAL       0x0
#define GRAIN_DISPOSITION_PROVISIONAL 0x1
#define GRAIN_DISPOSITION_NAMED       0x2

/* clang-format off */
#define GRAIN_DISPOSITIONS(X)                                                                                              \
    X(0, NON_IP, "non_ip", FINAL, "a frame that carries neither IPv4 nor IPv6 nor anything listed below (ARP, LLDP, ...)") \
    X(1, TRUNCATED, "truncated", FINAL, "the frame ends inside a header")                                                  \
    X(2, MALFORMED, "malformed", FINAL, "a header contradicts itself (version, header length, total length)")              \
    X(3, VLAN_LIMIT, "vlan_limit", FINAL, "more than two VLAN tags")                                                       \
    X(4, HEADER_LIMIT, "header_limit", FINAL, "more IPv6 extension headers or longer headers than grain walks")            \
    X(5, IP_FRAGMENT, "ip_fragment", FINAL, "a second or later IP fragment: no transport header in it")                    \
    X(6, ICMP, "icmp", FINAL, "ICMP or ICMPv6")                                                                            \
    X(7, IP_OTHER, "ip_other", FINAL, "another IP protocol (ESP, SCTP, OSPF, no next header, ...)")                        \
    X(8, GRE, "gre", FINAL, "GRE: the inner packet is not looked into")                                                    \
    X(9, IPIP, "ipip", FINAL, "IPv4 or IPv6 directly in IP: the inner packet is not looked into")                          \
    X(10, VXLAN, "vxlan", FINAL, "VXLAN: the inner frame is not looked into")                                              \
    X(11, GENEVE, "geneve", FINAL, "GENEVE: the inner frame is not looked into")                                           \
    X(12, PPPOE, "pppoe", FINAL, "PPPoE discovery or session: not looked into")                                            \
    X(13, MPLS, "mpls", FINAL, "MPLS: not looked into")                                                                    \
    X(14, TCP_EMPTY, "tcp_empty", FINAL, "TCP without payload")                                                            \
    X(15, TCP_OTHER, "tcp_other", FINAL, "TCP payload that no stage asked for")                                            \
    X(16, UDP_EMPTY, "udp_empty", FINAL, "UDP without payload")                                                            \
    X(17, UDP_OTHER, "udp_other", FINAL, "UDP payload that no stage asked for")                                            \
    X(18, DNS_CANDIDATE, "dns_candidate", PROVISIONAL, "passed the DNS gate; no well-formed DNS message followed")         \
    X(19, TLS_CANDIDATE, "tls_candidate", PROVISIONAL, "passed the TLS gate; no well-formed ClientHello followed")         \
    X(20, QUIC_CANDIDATE, "quic_candidate", PROVISIONAL, "a QUIC version number; no well-formed Initial header followed")  \
    X(21, DNS_QUERY, "dns_query", NAMED, "a DNS query, or the segment that completes one")                                 \
    X(22, DNS_RESPONSE, "dns_response", NAMED, "a DNS response with its question, or the segment that completes one")      \
    X(23, MDNS_QUERY, "mdns_query", NAMED, "a multicast DNS query (RFC 6762)")                                             \
    X(24, MDNS_RESPONSE, "mdns_response", NAMED, "a multicast DNS response that repeats a question")                       \
    X(25, LLMNR_QUERY, "llmnr_query", NAMED, "a link-local multicast name resolution query (RFC 4795)")                    \
    X(26, LLMNR_RESPONSE, "llmnr_response", NAMED, "a link-local multicast name resolution response")                      \
    X(27, DNS_NO_QUESTION, "dns_no_question", FINAL, "a DNS, mDNS or LLMNR message that carries no question")              \
    X(28, DNS_PART, "dns_part", FINAL, "a TCP segment with a part of a DNS message and no name completed in it")           \
    X(29, TLS_HELLO, "tls_hello", NAMED, "a ClientHello with a server name, or the segment that completes one")            \
    X(30, TLS_HELLO_NO_SNI, "tls_hello_no_sni", FINAL, "a ClientHello without a server name, or none in what is kept of a long one")                              \
    X(31, TLS_HELLO_PART, "tls_hello_part", FINAL, "a TCP segment with a part of a ClientHello, not the completing one")   \
    X(32, QUIC_INITIAL, "quic_initial", FINAL, "a QUIC version 1 or 2 Initial packet (RFC 9000, RFC 9369)")                \
    X(33, STREAM_REPEAT, "stream_repeat", FINAL, "a retransmitted segment of a message that is being put together")        \
    X(34, SEEN_AT_INGRESS, "seen_at_ingress", FINAL, "leaves here, was counted where it came in")
/* clang-format on */

enum grain_disposition {
#define X(number, NAME, name, flags, doc) GRAIN_DISPOSITION_##NAME = number,
    GRAIN_DISPOSITIONS(X)
#undef X
        GRAIN_DISPOSITION_COUNT
};

/* Room in the pinned totals for dispositions to come. */
#define GRAIN_DISPOSITION_MAX 48

_Static_assert((int)GRAIN_DISPOSITION_COUNT <= GRAIN_DISPOSITION_MAX, "totals are full: new ABI");

#endif
