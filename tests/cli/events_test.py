"""Events: their fields against packets made here, their form against the schema."""

import json
import os
import time

import cli
import frames
from frames import (client_hello, dns, ethernet, ipv4, ipv6, pcap, query, quic_initial, tcp, udp,
                    wire_name)

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = os.path.join(cli.ROOT, "docs", "eve.schema.json")


def opt(size, extended, version, flags):
    """An OPT record (RFC 6891)."""
    return b"\0\0\x29" + size.to_bytes(2, "big") + bytes([extended, version]) + \
        flags.to_bytes(2, "big") + b"\0\0"


def over_udp(payload, **ports):
    return ethernet(ipv4(udp(payload, **ports)))


class DnsTest(cli.CliTest):
    def test_query(self):
        events, _ = self.frame_events(pcap([over_udp(query(b"WWW", b"Example", b"test"))]))
        self.assertEqual(events, [{
            "timestamp": "2023-01-02T03:04:05.123456+0000", "pcap_cnt": 1, "event_type": "dns",
            "src_ip": "192.0.2.1", "src_port": 40000, "dest_ip": "198.51.100.7", "dest_port": 53,
            "proto": "UDP", "pcap_filename": os.path.join(self.folder, "made.pcap"),
            "dns": {"version": 2, "type": "query", "id": 0x1234, "flags": "0100", "rd": True,
                    "opcode": 0, "rrname": "www.example.test",
                    "rrname_hex": "03575757074578616d706c65047465737400",
                    "rrtype": "A", "rrtype_id": 1, "rrclass": "IN", "rrclass_id": 1, "question": 0,
                    "counts": {"qd": 1, "an": 0, "ns": 0, "ar": 0}, "protocol": "dns"},
            "grain": {"disposition": "dns_query"}}])

    def test_response_with_edns_over_ipv6(self):
        name = wire_name(b"a", b"test")
        message = bytearray(dns(name, 65, flags=0x8583) + opt(1232, 1, 0, 0x8000))
        message[11] = 1
        packet = ethernet(ipv6(udp(bytes(message), 53, 40000)), frames.IPV6, (0x2064, 0x0007))
        events, _ = self.frame_events(pcap([packet]))
        self.assertEqual(events[0]["src_ip"], "2001:db8::1")
        self.assertEqual(events[0]["dest_ip"], "2001:db8::53")
        self.assertEqual(events[0]["vlan"], [100, 7])
        said = events[0]["dns"]
        self.assertEqual(said["type"], "answer")
        self.assertEqual([key for key in ("qr", "aa", "tc", "rd", "ra") if key in said],
                         ["qr", "aa", "rd", "ra"])
        self.assertEqual(said["rrtype"], "HTTPS")
        # 3 of the header and 1 of the OPT record: RFC 6891 6.1.3.
        self.assertEqual(said["rcode"], "BADMODE")
        self.assertEqual(said["edns"], {"version": 0, "udp_size": 1232, "do": True})

    def test_mnemonics(self):
        types = {0: "TYPE0", 28: "AAAA", 51: "NSEC3PARAM", 54: "TYPE54", 63: "ZONEMD", 64: "SVCB",
                 65: "HTTPS", 67: "HHIT", 99: "SPF", 252: "AXFR", 255: "ANY", 257: "CAA",
                 300: "TYPE300", 32769: "DLV", 65535: "TYPE65535"}
        events, _ = self.frame_events(pcap([over_udp(query(b"t", kind=kind)) for kind in types]))
        self.assertEqual({event["dns"]["rrtype_id"]: event["dns"]["rrtype"] for event in events},
                         types)
        rcodes = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED", 11: "DSOTYPENI",
                  12: "RCODE12"}
        answers = [over_udp(dns(wire_name(b"t"), flags=0x8000 | rcode)) for rcode in rcodes]
        events, _ = self.frame_events(pcap(answers))
        self.assertEqual([event["dns"]["rcode"] for event in events], list(rcodes.values()))

    def test_several_questions_with_pointers(self):
        first = wire_name(b"one", b"local") + b"\0\1\0\1"
        second = b"\3two\xc0\x10" + b"\0\x0c\x80\1"
        message = b"\0\0\0\0\0\2\0\0\0\0\0\0" + first + second
        events, stats = self.frame_events(pcap([over_udp(message, source=5353, target=5353)]))
        names = [(event["dns"]["question"], event["dns"]["rrname"], event["dns"]["rrname_hex"])
                 for event in events]
        self.assertEqual(names, [(0, "one.local", "036f6e65056c6f63616c00"),
                                 (1, "two.local", "0374776f056c6f63616c00")])
        self.assertEqual(events[1]["dns"]["rrclass"], "IN")
        self.assertEqual(events[1]["dns"]["rrclass_id"], 0x8001)
        self.assertEqual({event["dns"]["protocol"] for event in events}, {"mdns"})
        self.assertEqual(stats["names"], {"mdns_query": 2})
        self.assertEqual(stats["counters"]["names_extra"], 1)

    def test_message_without_a_question(self):
        answer = wire_name(b"host", b"local") + b"\0\1\0\1\0\0\0\x78\0\4\xc0\0\2\1"
        message = b"\0\0\x84\0\0\0\0\1\0\0\0\0" + answer
        events, _ = self.frame_events(pcap([over_udp(message, source=5353, target=5353)]))
        self.assertEqual(len(events), 1)
        self.assertNotIn("rrname", events[0]["dns"])
        self.assertEqual(events[0]["dns"]["counts"], {"qd": 0, "an": 1, "ns": 0, "ar": 0})
        self.assertEqual(events[0]["grain"]["disposition"], "dns_no_question")

    def test_two_messages_in_one_segment(self):
        payload = b"".join(len(message).to_bytes(2, "big") + message
                           for message in (query(b"one"), query(b"two", kind=16)))
        events, _ = self.frame_events(pcap([ethernet(ipv4(tcp(payload, target=53), 6))]))
        self.assertEqual([(event["dns"]["rrname"], event["dns"]["rrtype"], event["proto"])
                          for event in events], [("one", "A", "TCP"), ("two", "TXT", "TCP")])

    def test_message_over_two_segments(self):
        message = query(b"split", b"test")
        payload = len(message).to_bytes(2, "big") + message
        packets = [ethernet(ipv4(tcp(payload[:20], target=53), 6)),
                   ethernet(ipv4(tcp(payload[20:], target=53, sequence=1020), 6))]
        events, _ = self.frame_events(pcap(packets))
        self.assertEqual([(event["pcap_cnt"], event["dns"]["rrname"]) for event in events],
                         [(2, "split.test")])


class TlsTest(cli.CliTest):
    def hello(self, *segments):
        packets, sequence = [], 1000
        for segment in segments:
            packets.append(ethernet(ipv4(tcp(segment, sequence=sequence), 6)))
            sequence += len(segment)
        events, _ = self.frame_events(pcap(packets))
        self.assertEqual(len(events), 1)
        return events[0]

    def test_hello(self):
        payload = client_hello(b"Www.Example.test", (b"h2", b"http/1.1"), (0x0A0A, 0x0304, 0x0303))
        event = self.hello(payload)
        self.assertEqual(event["tls"], {
            "sni": "www.example.test", "version": "TLS 1.3", "legacy_version": "0x0303",
            "supported_versions": ["0x0a0a", "0x0304", "0x0303"], "alpn": ["h2", "http/1.1"],
            "client_random": bytes(range(32)).hex(), "hello_length": len(payload) - 5,
            "segments": 1})
        self.assertEqual(event["grain"], {"disposition": "tls_hello"})

    def test_hello_without_extensions_for_these(self):
        event = self.hello(client_hello(None, (), ()))
        self.assertEqual(set(event["tls"]), {"version", "legacy_version", "client_random",
                                             "hello_length", "segments"})
        self.assertEqual(event["tls"]["version"], "TLS 1.2")
        self.assertEqual(event["grain"], {"disposition": "tls_hello_no_sni"})

    def test_draft_is_between_1_2_and_1_3(self):
        self.assertEqual(self.hello(client_hello(b"a", (), (0x7F1C, 0x0303)))["tls"]["version"],
                         "0x7f1c")
        self.assertEqual(self.hello(client_hello(b"a", (), (0x7F1C, 0x0304)))["tls"]["version"],
                         "TLS 1.3")

    def test_hello_over_three_segments(self):
        payload = client_hello(b"split.test", (b"h2",))
        event = self.hello(payload[:3], payload[3:80], payload[80:])
        self.assertEqual(event["pcap_cnt"], 3)
        self.assertEqual(event["tls"]["sni"], "split.test")
        self.assertEqual(event["tls"]["alpn"], ["h2"])
        self.assertEqual(event["tls"]["segments"], 3)

    def test_encrypted_client_hello_is_told(self):
        payload = bytearray(client_hello(b"front.test", (b"h2",)))
        at = payload.index(b"\0\x10\0\5")  # the ALPN extension becomes another
        payload[at:at + 2] = b"\xfe\x0d"
        event = self.hello(bytes(payload))
        self.assertIs(event["tls"]["ech"], True)
        self.assertNotIn("alpn", event["tls"])


class QuicTest(cli.CliTest):
    def test_both_versions(self):
        packets = [over_udp(quic_initial(version), target=443) for version in (1, 0x6B3343CF)]
        events, _ = self.frame_events(pcap(packets))
        self.assertEqual([event["quic"] for event in events], [
            {"version": "0x00000001", "version_name": "v1", "dcid": "1122334455667788",
             "scid": "aabb"},
            {"version": "0x6b3343cf", "version_name": "v2", "dcid": "1122334455667788",
             "scid": "aabb"}])


class TimeTest(cli.CliTest):
    def test_microseconds_and_nanoseconds(self):
        packet = over_udp(query(b"now"))
        for nano in (True, False):
            events, _ = self.frame_events(pcap([packet], nano=nano))
            self.assertEqual(events[0]["timestamp"], "2023-01-02T03:04:05.123456+0000")

    def test_time_zone_and_language_do_not_matter(self):
        path = self.file("made.pcap", pcap([over_udp(query(b"now"))]))
        plain = cli.replay("--json", path).stdout
        for changed in ({"TZ": "Pacific/Auckland"}, {"LC_ALL": "de_DE.UTF-8"}, {"LC_ALL": "C"}):
            run = cli.replay("--json", path, env={**os.environ, **changed})
            self.assertEqual(run.stdout, plain)

    def test_far_future(self):
        content = bytearray(pcap([over_udp(query(b"late"))]))
        content[24:28] = b"\xff\xff\xff\xff"
        events, _ = self.frame_events(bytes(content))
        self.assertTrue(events[0]["timestamp"].startswith(
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(2**32 - 1))))


class SchemaTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        if jsonschema is None:
            self.skipTest("no python3-jsonschema")
        with open(SCHEMA, encoding="utf-8") as stream:
            self.schema = json.load(stream)
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft202012Validator(self.schema)

    def test_events_of_testdata(self):
        seen = set()
        for path in cli.captures():
            with self.subTest(capture=os.path.basename(path)):
                # A list of errors would say little: the first is enough.
                for event in self.events(path):
                    self.validator.validate(event)
                    seen.add(event["event_type"])
        self.assertEqual(seen, {"dns", "tls", "quic"})

    def test_schema_refuses_what_it_should(self):
        events, _ = self.frame_events(pcap([over_udp(query(b"good", b"test"))]))
        self.validator.validate(events[0])
        for path, value in ((("extra",), 1), (("dns", "extra"), 1), (("pcap_cnt",), 0),
                            (("src_ip",), "here"), (("dns", "rrname"), "UPPER.test"),
                            (("dns", "rrname"), "a b"), (("dns", "rrname_hex"), "0161"),
                            (("dns", "qr"), False), (("tls",), {}), (("event_type",), "tls"),
                            (("timestamp",), "2023-01-02"), (("grain", "disposition"), "icmp")):
            changed = json.loads(json.dumps(events[0]))
            target = changed
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
            with self.subTest(changed=path), self.assertRaises(jsonschema.ValidationError):
                self.validator.validate(changed)


if __name__ == "__main__":
    cli.main()
