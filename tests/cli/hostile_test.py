"""Names meant to harm a terminal or a JSON reader."""

import json
import os
import re

import cli
from frames import client_hello, ethernet, ipv4, pcap, query, tcp, udp

# Bytes of a label or server name, and how they must be written.
HOSTILE = {
    b"\x1b[31mred": r"\027[31mred",
    b"a\x00b": r"a\000b",
    b"line\nbreak\r": r"line\010break\013",
    b"\xe2\x80\xaertl": r"\226\128\174rtl",
    b"\xff\xfe\x80": r"\255\254\128",
    b"caf\xc3\xa9": r"caf\195\169",
    b'"quoted"': r'\"quoted\"',
    b"back\\slash": r"back\\slash",
    b"semi;colon": r"semi\;colon",
    b"(a)@$": r"\(a\)\@\$",
    b"sp ace\ttab": r"sp\032ace\009tab",
    b"\x7fDEL": r"\127del",
    b"%s%n": "%s%n",
}


class HostileTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        packets = [ethernet(ipv4(udp(query(name, b"test")))) for name in HOSTILE]
        packets += [ethernet(ipv4(tcp(client_hello(name, (name,)), source=20000 + number), 6))
                    for number, name in enumerate(HOSTILE)]
        packets.append(ethernet(ipv4(udp(query(b"dot.in.label", b"test")))))
        packets.append(ethernet(ipv4(tcp(client_hello(b"dot.in.name"), source=30000), 6)))
        self.path = self.file("hostile.pcap", pcap(packets))

    def test_names_in_events(self):
        events = self.events(self.path)
        names = [event["dns"]["rrname"] for event in events if "dns" in event]
        self.assertEqual(names, [text + ".test" for text in HOSTILE.values()]
                         + [r"dot\.in\.label.test"])
        servers = [event["tls"]["sni"] for event in events if "tls" in event]
        self.assertEqual(servers, [*HOSTILE.values(), "dot.in.name"])
        protocols = [event["tls"]["alpn"][0] for event in events if "alpn" in event.get("tls", {})]
        self.assertEqual([protocol.lower() for protocol in protocols], list(HOSTILE.values()))
        wires = [bytes.fromhex(event["dns"]["rrname_hex"]) for event in events if "dns" in event]
        self.assertEqual([wire[1:1 + wire[0]] for wire in wires], [*HOSTILE, b"dot.in.label"])

    def test_output_is_printable_ascii(self):
        for form in ((), ("--json",), ("--stats",)):
            output = cli.replay(self.path, *form, "--top", "100").stdout
            self.assertRegex(output, rb"\A[\n -~]*\Z")

    def test_report_shows_every_name(self):
        report = cli.replay(self.path, "--top", "100").stdout.decode()
        for text in HOSTILE.values():
            self.assertIn(f"  {text}.test\n", report)
            self.assertIn(f"  {text}\n", report)

    def test_longest_names(self):
        labels = [bytes([200]) * 63] * 3 + [bytes([201]) * 61]
        server = bytes([202]) * 255
        packets = [ethernet(ipv4(udp(query(*labels)))),
                   ethernet(ipv4(tcp(client_hello(server), 6000), 6))]
        path = self.file("long.pcap", pcap(packets))
        events = self.events(path)
        self.assertEqual(events[0]["dns"]["rrname"],
                         ".".join([r"\200" * 63] * 3 + [r"\201" * 61]))
        self.assertEqual(events[1]["tls"]["sni"], r"\202" * 255)
        self.check_exit(cli.replay(path), 0)

    def test_file_name_that_is_not_utf8(self):
        folder = os.fsencode(self.folder)
        path = os.path.join(folder, b'odd\xff"\x1b.pcap')
        os.rename(self.path, path)
        lines = cli.replay("--json", path).stdout.decode("utf-8").splitlines()
        names = {json.loads(line)["pcap_filename"] for line in lines}
        self.assertEqual(names, {self.folder + r'/odd\255"\027.pcap'})

    def test_file_name_in_utf8_is_kept(self):
        path = os.path.join(self.folder, "größe-例.pcap")
        os.rename(self.path, path)
        for locale in ("C", "C.UTF-8"):
            events = self.events(path, env={**os.environ, "LC_ALL": locale})
            self.assertEqual(events[0]["pcap_filename"], path)

    def test_no_line_of_json_is_broken(self):
        output = cli.replay("--json", self.path).stdout
        self.assertEqual(len(re.findall(rb"^\{.*\}$", output, re.MULTILINE)), output.count(b"\n"))


if __name__ == "__main__":
    cli.main()
