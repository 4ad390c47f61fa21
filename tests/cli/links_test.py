"""Link types: a packet gives the same event in every envelope, and every frame is counted."""

import struct

import cli
import frames
from frames import (COOKED1, COOKED2, ETHERNET, IPV4, IPV6, LOOP, LOOP_NULL, RAW, ethernet, ipv4,
                    ipv6, pcap, query, udp)

V4 = ipv4(udp(query(b"link", b"test")))
V6 = ipv6(udp(query(b"link", b"test", kind=28)))


def cooked1(payload, protocol, address=b"\2\0\0\0\0\1"):
    return struct.pack(">HHH8sH", 0, 1, len(address), address, protocol) + payload


def cooked2(payload, protocol, address=b"\2\0\0\0\0\1"):
    return struct.pack(">HHIHBB8s", protocol, 0, 2, 1, 0, len(address), address) + payload


def families(order, numbers, payload):
    return [struct.pack(order + "I", number) + payload for number in numbers]


V6_FAMILIES = (10, 23, 24, 28, 30)
CASES = {
    "Ethernet": (ETHERNET, [ethernet(V4), ethernet(V6, IPV6), ethernet(V4, IPV4, (7,))]),
    "raw IP": (RAW, [V4, V6]),
    "raw IP, 12": (12, [V4, V6]),
    "raw IP, 14": (14, [V4, V6]),
    "IPv4": (228, [V4]),
    "IPv6": (229, [V6]),
    "null, little endian": (LOOP_NULL, families("<", (2,), V4) + families("<", V6_FAMILIES, V6)),
    "null, big endian": (LOOP_NULL, families(">", (2,), V4) + families(">", V6_FAMILIES, V6)),
    "loop": (LOOP, families(">", (2,), V4) + families(">", V6_FAMILIES, V6)),
    "cooked v1": (COOKED1, [cooked1(V4, IPV4), cooked1(V6, IPV6), cooked1(V4, IPV4, b"")]),
    "cooked v2": (COOKED2, [cooked2(V4, IPV4), cooked2(V6, IPV6), cooked2(V4, IPV4, b"")]),
}


class LinkTest(cli.CliTest):
    def test_every_envelope_gives_the_packet(self):
        for name, (link, packets) in CASES.items():
            with self.subTest(link=name):
                events, stats = self.frame_events(pcap(packets, link))
                self.assertEqual([event["pcap_cnt"] for event in events],
                                 list(range(1, len(packets) + 1)))
                self.assertEqual({event["dns"]["rrname"] for event in events}, {"link.test"})
                self.assertEqual(stats["dispositions"], {"dns_query": len(packets)})

    def test_vlan_tag_behind_a_cooked_header(self):
        packet = struct.pack(">HH", 0x2007, IPV4) + V4
        events, _ = self.frame_events(pcap([cooked1(packet, 0x8100)], COOKED1))
        self.assertEqual(events[0]["vlan"], [7])

    def test_protocols_that_are_no_ethertype_are_not_ip(self):
        packets = [cooked1(V4, 1), cooked1(V4, 4), cooked2(V4, 12), cooked1(V4, 0x05FF)]
        _, stats = self.frame_events(pcap(packets[:2] + packets[3:], COOKED1))
        self.assertEqual(stats["dispositions"], {"non_ip": 3})
        _, stats = self.frame_events(pcap(packets[2:3], COOKED2))
        self.assertEqual(stats["dispositions"], {"non_ip": 1})

    def test_family_that_is_not_ip(self):
        for link in (LOOP_NULL, LOOP):
            _, stats = self.frame_events(pcap([struct.pack("<I", 7) + V4], link))
            self.assertEqual(stats["dispositions"], {"non_ip": 1})

    def test_frame_shorter_than_its_header_is_truncated(self):
        heads = {ETHERNET: 14, RAW: 1, LOOP_NULL: 4, LOOP: 4, COOKED1: 16, COOKED2: 20}
        for link, head in heads.items():
            with self.subTest(link=link):
                packets = [(bytes(length), 60) for length in range(head)]
                stats = self.stats(self.file("short.pcap", pcap(packets, link)))
                self.assertEqual(stats["dispositions"], {"truncated": head})
                self.assertTrue(all(stats["invariants"].values()))

    def test_every_cut_of_every_envelope_is_counted_once(self):
        for name, (link, packets) in CASES.items():
            with self.subTest(link=name):
                cuts = [(packets[0][:length], len(packets[0]))
                        for length in range(len(packets[0]) + 1)]
                stats = self.stats(self.file("cuts.pcap", pcap(cuts, link)))
                self.assertEqual(stats["packets"], len(cuts))
                self.assertEqual(sum(stats["dispositions"].values()), len(cuts))
                self.assertTrue(all(stats["invariants"].values()))

    def test_bytes_are_those_of_the_wire(self):
        cut = (ethernet(V4)[:40], 1000)
        self.assertEqual(self.stats(self.file("cut.pcap", pcap([cut])))["bytes"], 1000)
        cooked = (cooked1(V4, IPV4), 1016)
        path = self.file("cooked.pcap", pcap([cooked], COOKED1))
        self.assertEqual(self.stats(path)["bytes"], 1014)

    def test_longer_than_an_engine_takes(self):
        long = ethernet(ipv4(udp(query(b"long", b"test") + bytes(60000))))
        events, stats = self.frame_events(pcap([long]))
        self.assertEqual(stats["packets"], 1)
        self.assertEqual(stats["bytes"], len(long))
        self.assertEqual(stats["counters"]["heads_only"], 1)
        self.assertEqual(events[0]["dns"]["rrname"], "long.test")


if __name__ == "__main__":
    cli.main()
