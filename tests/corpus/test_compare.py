#!/usr/bin/python3
"""The comparer has to notice what it is there for: each test changes one thing it must report."""

import contextlib
import copy
import io
import json
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compare  # noqa: E402 (needs the path above)
from truth import unwrap  # noqa: E402

# Stands in for grainctl: prints what answers.json beside it says for the engine asked.
PROGRAM = """#!/usr/bin/python3
import json, os, sys
with open(os.path.join(os.path.dirname(sys.argv[0]), "answers.json")) as stream:
    answer = json.load(stream)[sys.argv[sys.argv.index("--engine") + 1]]
lines = answer["events"] if "--json" in sys.argv else [answer["stats"]]
for line in lines:
    print(json.dumps(line))
print(answer["stderr"], file=sys.stderr)
sys.exit(answer["code"])
"""

DNS_COLUMNS = ("frame.number src dst srcport dstport transport dns.flags.response dns.qry.name "
               "dns.qry.type proto dns.id dns.flags.opcode dns.count.queries dns.qry.class "
               "qname_wire_hex tcp_segment_frames ip_fragment_frames in_icmp_error stack").split()
TLS_COLUMNS = ("frame.number src dst srcport dstport transport sni alpn hs_version "
               "supported_versions ch_length reassembled_from_frames client_random in_icmp_error "
               "stack").split()
QUIC_COLUMNS = ("frame.number src dst srcport dstport transport quic.version long_packet_type "
                "stack").split()

CLIENT, SERVER = ("192.0.2.1", 5000), ("192.0.2.2", 53)
WEB = ("192.0.2.2", 443)
NAME = "07" + b"example".hex() + "0363" + b"om".hex() + "00"
RANDOM = "ab" * 32


def table(columns, rows):
    lines = [columns] + [[str(row.get(column, "")) for column in columns] for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def flow(target):
    return {"src": CLIENT[0], "srcport": CLIENT[1], "dst": target[0], "dstport": target[1]}


def question(**changes):
    row = {"frame.number": 1, "transport": "udp", "proto": "dns", "dns.id": "0x1234",
           "dns.flags.response": 0, "dns.flags.opcode": 0, "dns.count.queries": 1,
           "dns.qry.name": "example.com", "dns.qry.type": 1, "dns.qry.class": 1,
           "qname_wire_hex": NAME, "in_icmp_error": 0, "stack": "eth:ethertype:ip:udp:dns"}
    return {**row, **flow(SERVER), **changes}


def hello(**changes):
    row = {"frame.number": 2, "transport": "tcp", "sni": "www.example.com", "alpn": "h2,http/1.1",
           "hs_version": "0x303", "supported_versions": "0x304,0x303", "ch_length": 200,
           "client_random": RANDOM, "in_icmp_error": 0, "stack": "eth:ethertype:ip:tcp:tls"}
    return {**row, **flow(WEB), **changes}


def initial(**changes):
    row = {"frame.number": 2, "transport": "quic", "quic.version": "0x00000001",
           "long_packet_type": "0", "stack": "eth:ethertype:ip:udp:quic"}
    return {**row, **flow(WEB), **changes}


def event(kind, target, frame, proto, body):
    return {"timestamp": "2023-01-02T03:04:05.000000+0000", "pcap_cnt": frame, "event_type": kind,
            "src_ip": CLIENT[0], "src_port": CLIENT[1],
            "dest_ip": target[0], "dest_port": target[1], "proto": proto, kind: body}


def dns_event(**changes):
    body = {"type": "query", "id": 0x1234, "opcode": 0, "rrname": "example.com", "rrname_hex": NAME,
            "rrtype": "A", "rrtype_id": 1, "rrclass_id": 1, "counts": {"qd": 1}}
    return event("dns", SERVER, 1, "UDP", {**body, **changes})


def tls_event(**changes):
    body = {"sni": "WWW.example.com", "legacy_version": "0x0303", "client_random": RANDOM,
            "hello_length": 204, "supported_versions": ["0x5a5a", "0x0304", "0x0303"],
            "alpn": ["h2", "http/1.1"]}
    return event("tls", WEB, 2, "TCP", {**body, **changes})


class CompareTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        for part in ("pcap", "truth"):
            os.mkdir(self.path(part))
        self.write("grainctl", PROGRAM)
        os.chmod(self.path("grainctl"), 0o755)
        self.questions, self.hellos, self.initials = [question()], [hello()], []
        self.explained = []
        self.frames, self.link = [b"first frame", b"second frame"], 1
        stats = {"packets": 2, "dispositions": {"dns_query": 1, "tls_client_hello": 1},
                 "invariants": {"packets": True}}
        self.host = {"events": [dns_event(), tls_event()], "stats": stats, "code": 0, "stderr": ""}
        self.bpf = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def compare(self, *more):
        """(exit code, output) of the comparer on the capture as it is now."""
        with open(self.path("pcap", "one.pcap"), "wb") as stream:
            stream.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, self.link))
            for frame in self.frames:
                stream.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        self.write("truth/one.dns.tsv", table(DNS_COLUMNS, self.questions))
        self.write("truth/one.tls.tsv", table(TLS_COLUMNS, self.hellos))
        self.write("truth/one.quic.tsv", table(QUIC_COLUMNS, self.initials))
        columns = ["file", "frames", "kind", "count", "reason"]
        entries = [dict(zip(columns, line)) for line in self.explained]
        self.write("explained.tsv", table(columns, entries))
        self.bpf = self.bpf or copy.deepcopy(self.host)
        self.write("answers.json", json.dumps({"host": self.host, "bpf": self.bpf}))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = compare.main(["--grainctl", self.path("grainctl"), "--corpus", self.folder,
                                 "--explained", self.path("explained.tsv"), *more])
        return code, output.getvalue()

    def assert_fails(self, words, *more):
        code, output = self.compare(*more)
        self.assertIn(words, output)
        self.assertEqual(code, 1, output)

    def assert_passes(self, *more):
        code, output = self.compare(*more)
        self.assertEqual(code, 0, output)
        self.assertIn("1 passed, 0 failed, 0 skipped", output)
        return output

    def assert_passes_with_skip(self):
        code, output = self.compare()
        self.assertEqual(code, 0, output)
        self.assertIn("SKIP two.pcap: no answers to compare with", output)
        self.assertIn("1 passed, 0 failed, 1 skipped", output)

    def test_agreement_passes(self):
        self.assertIn("engines equal", self.assert_passes())

    def test_missing_name_is_a_miss(self):
        del self.host["events"][0]
        self.assert_fails("frame 1 dns-miss: example.com")

    def test_false_name_is_an_extra(self):
        self.host["events"].append(dns_event(id=7))
        self.assert_fails("frame 1 dns-extra: example.com")

    def test_name_given_twice_is_an_extra(self):
        self.host["events"].append(dns_event())
        self.assert_fails("frame 1 dns-extra")

    def test_case_of_the_name_on_the_wire_counts(self):
        self.host["events"][0]["dns"]["rrname_hex"] = NAME.replace("65", "45", 1)
        self.assert_fails("frame 1 dns-miss")

    def test_wrong_direction_is_a_miss(self):
        self.host["events"][0]["dns"]["type"] = "answer"
        self.assert_fails("frame 1 dns-miss")

    def test_other_class_is_a_field_difference(self):
        self.host["events"][0]["dns"]["rrclass_id"] = 3
        self.assert_fails("frame 1 dns-field: class 3, tshark 1")

    def test_message_over_two_segments_matches_in_either_frame(self):
        self.questions = [question(**{"frame.number": 2}, tcp_segment_frames="1,2",
                                   transport="tcp", stack="eth:ethertype:ip:tcp:dns")]
        self.host["events"][0]["proto"] = "TCP"
        self.assert_passes()

    def test_name_with_pointer_is_compared_by_text(self):
        self.questions.append(question(**{"qname_wire_hex": "0162c014", "dns.qry.name": "b.com"}))
        self.host["events"].append(dns_event(rrname_hex="0162" + "03636f6d" + "00"))
        self.assert_passes()
        self.host["events"][-1]["dns"]["rrname_hex"] = "0162" + "03636f6f" + "00"
        self.bpf = None
        self.assert_fails("frame 1 dns-miss: b.com")

    def test_answers_side_by_side_without_a_stack(self):
        self.questions = [question(stack=""), question(stack="", transport="doh")]
        self.compare()
        for part in ("dns", "tls"):
            os.rename(self.path("truth", f"one.{part}.tsv"), self.path("pcap", f"one.{part}.tsv"))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = compare.main(["--grainctl", self.path("grainctl"), "--explained",
                                 self.path("explained.tsv"), "--testdata", self.path("pcap")])
        self.assertEqual(code, 0, output.getvalue())
        self.assertIn("1  dns: inside doh", output.getvalue())

    def test_missing_sni_is_a_miss(self):
        del self.host["events"][1]["tls"]["sni"]
        self.assert_fails("frame 2 tls-miss: SNI www.example.com")

    def test_false_sni_is_an_extra(self):
        self.hellos = [hello(sni="")]
        self.assert_fails("frame 2 tls-extra: SNI WWW.example.com")

    def test_unknown_hello_is_an_extra_unless_listed(self):
        self.host["events"].append(tls_event(client_random="cd" * 32))
        self.assert_fails("frame 2 tls-extra")
        self.write("truth/EXTRA_CH_FRAMES.tsv", "file\tframe.number\none.pcap\t2\n")
        self.assert_passes()

    def test_other_alpn_is_a_field_difference(self):
        self.host["events"][1]["tls"]["alpn"] = ["h2"]
        self.assert_fails("frame 2 tls-field: alpn h2, tshark h2,http/1.1")

    def test_other_events_of_the_second_engine_fail(self):
        self.bpf = copy.deepcopy(self.host)
        self.bpf["events"][0]["dns"]["rrname"] = "example.net"
        self.assert_fails("engines bpf and host differ: 2 and 2 events; "
                          "first difference: dns.rrname")

    def test_other_dispositions_of_the_second_engine_fail(self):
        self.bpf = copy.deepcopy(self.host)
        self.bpf["stats"]["dispositions"] = {"dns_query": 2}
        self.assert_fails("first difference: dispositions.dns_query: 2 and 1")

    def test_engine_name_may_differ(self):
        self.bpf = copy.deepcopy(self.host)
        self.bpf["stats"]["engine"], self.host["stats"]["engine"] = "bpf", "host"
        self.assert_passes()

    def test_dispositions_have_to_add_up(self):
        self.host["stats"]["dispositions"] = {"dns_query": 1}
        self.assert_fails("dispositions add up to 1, packets are 2")

    def test_every_packet_is_counted(self):
        self.frames.append(b"third frame")
        self.assert_fails("2 packets counted, the capture has 3")

    def test_failing_replay_fails(self):
        self.host.update(code=1, stderr="something broke")
        self.assert_fails("exit 1: something broke")

    def test_explained_miss_passes_but_still_counts(self):
        del self.host["events"][0]
        self.explained = [("one.pcap", "1", "dns-miss", 1, "second IP fragment")]
        self.assert_passes("--file", "one")
        self.assert_fails("DNS questions: 0.00 % found")

    def test_stale_entry_fails(self):
        self.explained = [("one.pcap", "1", "dns-miss", 1, "second IP fragment")]
        self.assert_fails("stale entry: frame 1 dns-miss: 0 of 1 met")

    def test_entry_of_an_unknown_capture_fails(self):
        self.explained = [("two.pcap", "1", "dns-miss", 1, "second IP fragment")]
        self.assert_fails("names two.pcap, which is not there")

    def test_other_link_type_has_to_be_refused_by_name(self):
        self.link = 127
        self.assert_fails("link type IEEE802_11_RADIO: exit 0, not 1")
        self.host.update(code=1, events=[], stderr="one.pcap: link type IEEE802_11_RADIO")
        self.bpf = None
        self.assert_passes()

    def test_tunnelled_and_fragmented_questions_need_not_be_found(self):
        del self.host["events"][0]
        self.questions = [question(stack="eth:ethertype:ip:gre:ip:udp:dns"),
                          question(ip_fragment_frames="1,2", **{"dns.id": "0x2"})]
        self.assertIn("question in a later IP fragment", self.assert_passes())
        self.frames[0] = b"ahead" + bytes.fromhex(NAME) + b"\x00\x01"
        self.assert_fails("frame 1 dns-miss")

    def test_initials_are_compared_by_frame(self):
        self.initials = [initial(), initial(long_packet_type="2", **{"frame.number": 1})]
        self.assert_fails("frame 2 quic-miss")
        for frame in (2, 1):
            self.host["events"].append(event("quic", WEB, frame, "UDP", {"version": "0x00000001"}))
        self.bpf = None
        self.assert_fails("frame 1 quic-extra")
        del self.host["events"][-1]
        self.bpf = None
        self.assert_passes()

    def test_capture_without_answers_is_skipped(self):
        self.compare()
        os.rename(self.path("pcap", "one.pcap"), self.path("pcap", "two.pcap"))
        self.explained = []
        self.assert_passes_with_skip()

    def test_absent_corpus_is_a_loud_skip(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = compare.main(["--corpus", self.path("nowhere")])
        self.assertEqual(code, 77)
        self.assertIn("SKIP: no captures to compare with", output.getvalue())


class ScopeTest(unittest.TestCase):
    def test_plain_stacks_are_in_scope(self):
        for stack in ("eth:ethertype:ip:udp:dns", "ip:udp:dns", "null:ipv6:udp:dns",
                      "sll:ethertype:ip:udp:dns", "eth:ethertype:ipv6:ipv6.fraghdr:udp:dns",
                      "eth:ethertype:vlan:ethertype:vlan:ethertype:ip:udp:dns"):
            self.assertEqual(unwrap(stack), (["udp", "dns"], ""), stack)

    def test_tunnels_are_not(self):
        for stack in ("eth:ethertype:ip:gre:ip:udp:dns", "eth:ethertype:ipv6:ip:tcp:tls",
                      "ppp:ip:udp:dns",
                      "eth:ethertype:vlan:ethertype:vlan:ethertype:pppoes:ppp:ip:tcp:tls",
                      "eth:ethertype:vlan:ethertype:vlan:ethertype:vlan:ethertype:ip:udp:dns"):
            layers, why = unwrap(stack)
            self.assertIsNone(layers, stack)
            self.assertTrue(why, stack)


if __name__ == "__main__":
    unittest.main()
