"""The report: what it counts, how it looks, and when it has colours."""

import os
import pty
import re
import struct
import subprocess
import fcntl
import termios

import cli
from frames import (client_hello, dns, ethernet, ipv4, many_names, pcap, query, quic_initial, tcp,
                    udp, wire_name)

ESCAPE = b"\033["


def sample():
    """Six queries and two answers, three hellos, an Initial, ARP, and a frame cut short."""
    packets = [ethernet(ipv4(udp(query(b"WWW", b"a", b"test", kind=kind)))) for kind in (1, 1, 28)]
    packets += [ethernet(ipv4(udp(query(b"b", b"test", kind=65)))) for _ in range(2)]
    packets.append(ethernet(ipv4(udp(query(b"mine", b"local"), 5353, 5353))))
    answer = dns(wire_name(b"www", b"a", b"test"), flags=0x8180)
    packets += [ethernet(ipv4(udp(answer, 53, 40000)))] * 2
    packets += [ethernet(ipv4(tcp(client_hello(name, (b"h2",)), port), 6))
                for port, name in ((1000, b"one.test"), (1001, b"one.test"), (1002, None))]
    packets.append(ethernet(ipv4(udp(quic_initial(), 1000, 443))))
    packets.append(ethernet(bytes(28), 0x0806))
    packets.append((ethernet(ipv4(b""))[:20], 60))
    return pcap(packets)


class ReportTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.path = self.file("sample.pcap", sample())

    def lines(self, *arguments):
        run = cli.replay(self.path, *arguments)
        self.check_exit(run, 0)
        return run.stdout.decode().splitlines()

    def section(self, title, *arguments):
        """The rows below a title, in cells, without the heading."""
        lines = self.lines(*arguments)
        start = next(number for number, line in enumerate(lines) if line.startswith(title))
        rows = []
        for line in lines[start + 2:]:
            if not line:
                break
            rows.append(re.split(r"  +", line.strip()))
        return rows

    def test_first_line(self):
        first = self.lines()[0]
        for part in ("1 capture, ", "14 packets, ", " bytes, ", "2023-01-02 03:04:05 to ",
                     "engine host, ", " packets/s"):
            self.assertIn(part, first)

    def test_packets(self):
        rows = {row[3]: (row[0], row[1]) for row in self.section("Packets")}
        self.assertEqual(rows, {
            "dns_query": ("5", "35.7"), "mdns_query": ("1", "7.1"), "dns_response": ("2", "14.3"),
            "tls_hello": ("2", "14.3"), "tls_hello_no_sni": ("1", "7.1"),
            "quic_initial": ("1", "7.1"), "non_ip": ("1", "7.1"), "truncated": ("1", "7.1")})

    def test_names(self):
        self.assertEqual(self.section("DNS names"), [
            ["3", "2", "A 4, AAAA 1", "www.a.test"], ["2", "0", "HTTPS 2", "b.test"],
            ["1", "0", "A 1", "mine.local (mDNS)"]])
        self.assertEqual(self.section("TLS server names"), [["2", "one.test"]])
        self.assertEqual(self.section("TLS versions"), [["3", "TLS 1.3"]])
        self.assertEqual(self.section("ALPN"), [["3", "h2"]])
        self.assertEqual(self.section("QUIC versions"), [["1", "v1"]])
        self.assertIn("Losses: none", self.lines())

    def test_top_limits_lists_and_says_so(self):
        self.assertEqual(len(self.section("DNS names", "--top", "1")), 1)
        self.assertIn("DNS names (1 of 3)", self.lines("--top", "1"))

    def test_columns_are_aligned(self):
        lines = self.lines()
        start = lines.index("DNS names") + 1
        column = lines[start].index("name")
        for line in lines[start + 1:start + 4]:
            self.assertEqual(line[column - 2:column], "  ")
            self.assertNotEqual(line[column], " ")

    def test_losses_are_listed(self):
        hello = client_hello(b"split.test")
        path = self.file("open.pcap", pcap([ethernet(ipv4(tcp(hello[:50]), 6))]))
        report = cli.replay(path).stdout.decode()
        self.assertRegex(report, r"(?m)^ +1  flows_pending +messages that had not ended")

    def test_counts_that_left_the_tables_are_in_the_report(self):
        # More names than the tables have places for: what is replaced leaves in records.
        path = self.file("many.pcap", many_names(80000))
        stats = self.stats(path)
        self.assertGreater(stats["counters"]["names_replaced"], 0)
        self.assertEqual(stats["invariants"], {"packets": True, "names": True, "events": True})
        report = cli.replay(path).stdout.decode()
        self.assertIn("DNS names (20 of 80000)", report)
        self.assertNotIn("whose text", report)


class StatsTest(cli.CliTest):
    def test_counters(self):
        stats = self.stats(self.file("sample.pcap", sample()))
        self.assertEqual(stats["packets"], 14)
        self.assertEqual(stats["names"],
                         {"dns_query": 5, "dns_response": 2, "mdns_query": 1, "tls_sni": 2})
        self.assertEqual(stats["engine"], "host")
        self.assertEqual(stats["counters"]["events_sent"], 12)
        self.assertEqual(sum(stats["dispositions"].values()), 14)

    def test_one_line(self):
        run = cli.replay("--stats", self.file("sample.pcap", sample()))
        self.assertEqual(run.stdout.count(b"\n"), 1)

    def test_seed_repeats_the_tables(self):
        path = self.file("many.pcap", many_names(40000))
        one, two = (self.stats(path, "--seed", "7") for _ in range(2))
        self.assertEqual(one["counters"], two["counters"])

    def test_invariants_hold_on_testdata(self):
        for path in cli.captures():
            with self.subTest(capture=os.path.basename(path)):
                stats = self.stats(path)
                self.assertEqual(sum(stats["dispositions"].values()), stats["packets"])
                self.assertEqual(stats["invariants"],
                                 {"packets": True, "names": True, "events": True})


class ColourTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.path = self.file("sample.pcap", sample())

    def on_terminal(self, width=0, **environment):
        """What a terminal gets."""
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 25, width, 0, 0))
        clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
        command = [cli.GRAINCTL, "replay", "--engine", "host", self.path]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=side,
                              env={**clean, "TERM": "xterm", **environment}) as process:
            os.close(side)
            output = b""
            try:
                while chunk := os.read(main, 65536):
                    output += chunk
            except OSError:  # how a pseudo-terminal says that the other side is closed
                pass
            os.close(main)
            self.assertEqual(process.wait(), 0)
        return output

    def test_terminal_has_colours(self):
        self.assertIn(ESCAPE, self.on_terminal())

    def test_pipe_has_none(self):
        self.assertNotIn(ESCAPE, cli.replay(self.path, env={**os.environ, "TERM": "xterm"}).stdout)

    def test_no_color_and_dumb_terminals_have_none(self):
        self.assertNotIn(ESCAPE, self.on_terminal(NO_COLOR="1"))
        self.assertNotIn(ESCAPE, self.on_terminal(TERM="dumb"))
        self.assertIn(ESCAPE, self.on_terminal(NO_COLOR=""))

    def test_tables_fit_the_terminal(self):
        output = re.sub(rb"\033\[[0-9;]*m", b"", self.on_terminal(width=80))
        lines = output.decode().split("\r\n")
        self.assertTrue(any(line.endswith("...") for line in lines))
        for line in lines[1:]:
            self.assertLessEqual(len(line), 80)


if __name__ == "__main__":
    cli.main()
