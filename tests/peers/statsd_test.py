"""export statsd against npm's statsd: its management port's numbers are the kernel's."""

import json
import os
import re
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

import live  # noqa: E402
import see  # noqa: E402

NPM = os.environ.get("GRAIN_NPM", os.path.join(live.ROOT, "build", "tests", "peers", "npm"))
DAEMON = os.path.join(NPM, "node_modules", "statsd", "stats.js")

ASK = """import socket, sys
s = socket.create_connection(("127.0.0.1", 8126), timeout=10)
s.sendall(sys.argv[1].encode() + b"\\n")
text = b""
while not text.rstrip().endswith(b"END"):
    part = s.recv(65536)
    if not part: break
    text += part
sys.stdout.write(text.decode())
"""


class Statsd(see.SeeTest):
    def setUp(self):
        if not shutil.which("node"):
            live.skip("node is not installed")
        if not os.path.exists(DAEMON):
            live.skip("npm's statsd is not installed: tests/peers/install-npm.sh")
        super().setUp()
        self.no_arp()
        self.attach()
        self.state = os.path.join(self.folder, "state")

    def no_arp(self):
        """No packet but those that a test sends."""
        for space, address, peer in ((self.client, see.SERVER, self.far), (self.far, "192.0.2.1", self.client)):
            mac = json.loads(peer.ip("-j", "link", "show", "veth0").stdout)[0]["address"]
            space.ip("neigh", "replace", address, "lladdr", mac, "dev", "veth0", "nud", "permanent")

    def daemon(self):
        """It flushes, and so forgets, after a day."""
        path = os.path.join(self.folder, "statsd.js")
        with open(path, "w", encoding="ascii") as stream:
            stream.write('{ address: "127.0.0.1", mgmt_address: "127.0.0.1", flushInterval: 86400000, backends: [] }')
        process = self.background(self.client, "node", DAEMON, path)
        self.wait_for(lambda: self.client.run(sys.executable, "-c", ASK, "counters", check=False).returncode == 0,
                      "statsd's management port")
        return process

    def console(self, what):
        """Keys and numbers as the management port prints them."""
        text = self.client.run(sys.executable, "-c", ASK, what).stdout
        return {key: float(number) for key, number in
                re.findall(r"^\s*'?([^'\s]+?)'?: (-?[\d.]+),?$", text, re.MULTILINE)}

    def series(self, what="counters"):
        """Name and tags, as a set of pairs, to numbers."""
        found = {}
        for key, number in self.console(what).items():
            name, *tags = key.split(";")
            found[(name, frozenset(tuple(tag.split("=", 1)) for tag in tags))] = number
        return found

    def total(self, name, **tags):
        return sum(number for (key, pairs), number in self.series().items()
                   if key == name and set(tags.items()) <= pairs)

    def export(self, *arguments):
        command = ("export", "statsd", "127.0.0.1", "--format", "graphite", "--interval", "0.2", *arguments)
        path = os.path.join(self.folder, f"export-{time.monotonic_ns()}")
        with open(path + ".errors", "w", encoding="utf-8") as errors:
            process = self.client.start(*self.command(*command), stderr=errors)
        process.output = path
        self.addCleanup(self.kill, process)
        return process

    def kernel(self):
        """What the pinned maps hold, read by bpftool."""
        sums = {}
        for slot in self.attached().values():
            for name, count in self.totals(slot).items():
                sums[name] = sums.get(name, 0) + count
        return sums

    def check_sums(self):
        told = {name: self.total("grain.packets", disposition=name) for name in live.DISPOSITIONS}
        self.assertEqual({name: count for name, count in told.items() if count}, self.kernel())

    def test_numbers_are_the_kernels(self):
        self.daemon()
        process = self.export()
        sent = self.ask(self.names(50), 4)
        self.assertEqual(sent, 200)
        time.sleep(0.5)
        self.stop(process)
        self.check_sums()
        for number in range(50):
            for message in ("query", "response"):
                self.assertEqual(self.total("grain.dns.names", qname=f"name{number}.example.test", qtype="A",
                                            message=message), 4)
        self.assertEqual(self.total("grain.dns.names", message="query"), sent)
        gauges = self.series("gauges")
        self.assertEqual([number for (name, tags), number in gauges.items()
                          if name == "grain.attached" and ("direction", "in") in tags], [1])

    def test_what_is_not_among_the_first_is_added_up(self):
        self.daemon()
        self.ask(self.names(5, "often"), 10)
        self.ask(self.names(40, "seldom"), 1)
        process = self.export("--top", "5")
        self.wait_for(lambda: self.total("grain.dns.names"), "names")
        self.stop(process)
        names = {dict(tags)["qname"]: number for (name, tags), number in self.series().items()
                 if name == "grain.dns.names" and ("message", "query") in tags}
        expected = {f"often{number}.example.test": 10 for number in range(5)}
        expected["_other_"] = 40
        self.assertEqual(names, expected)

    def test_killed_at_any_time_the_sum_is_right(self):
        self.daemon()
        load = self.background(self.client, "dnsperf", "-s", see.SERVER, "-d", self.names(500), "-Q", "3000", "-l", "8")
        for _ in range(25):
            process = self.export("--state", self.state)
            time.sleep(0.35)
            process.send_signal(signal.SIGKILL)
            process.wait(live.TIMEOUT)
        load.wait(live.TIMEOUT)
        process = self.export("--state", self.state)
        time.sleep(0.5)
        self.stop(process)
        self.check_sums()
        self.assertEqual(self.total("grain.dns.names"),
                         sum(count for name, count in self.kernel().items() if name.startswith("dns_")))

    def test_tables_that_are_too_small_and_an_upgrade_lose_no_count(self):
        self.grain(self.client, "detach", "--all")
        self.attach("--memory", "4M")
        self.daemon()
        process = self.export("--state", self.state)
        sent = self.ask(self.names(6000), 1)
        self.grain(self.client, "attach", "veth0", "--upgrade")
        sent += self.ask(self.names(6000, "more"), 2)
        time.sleep(0.5)
        self.stop(process)
        self.check_sums()
        for message in ("query", "response"):
            self.assertEqual(self.total("grain.dns.names", message=message), sent)
        self.assertGreater(self.total("grain.work", counter="names_replaced") +
                           self.total("grain.losses", counter="unattributed"), 0)

    def test_a_server_that_was_dead_gets_everything(self):
        process = self.export()
        self.ask(self.names(30), 2)
        time.sleep(1)
        self.daemon()
        self.ask(self.names(30), 1)
        self.wait_for(lambda: self.total("grain.dns.names", message="query") == 90, "all queries")
        self.wait_for(lambda: "delivers again" in self.errors(process), "the news")
        self.stop(process)
        self.check_sums()
        self.assertIn("Connection refused; tried again", self.errors(process))
        self.assertGreater(self.total("grain.agent.sink.retried"), 0)
        self.assertEqual(self.total("grain.agent.sink.dropped"), 0)

    def test_a_detached_interface_is_told_to_the_end(self):
        self.daemon()
        process = self.export("--interval", "30")
        self.ask(self.names(20), 1)
        kernel = self.kernel()
        self.grain(self.client, "detach", "--all")
        self.wait_for(lambda: self.total("grain.packets") == sum(kernel.values()), "the last packets")
        self.stop(process)

    def test_without_a_server_it_says_so_and_ends(self):
        process = self.export()
        time.sleep(0.5)
        self.stop(process, code=1)
        self.assertRegex(self.errors(process), "items were not delivered: .*Connection refused")


if __name__ == "__main__":
    live.main()
