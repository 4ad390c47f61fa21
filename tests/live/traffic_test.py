"""Counts compared with what real programs say they have sent."""

import os
import re
import signal
import subprocess
import sys
import time

import live

IN, OUT = 1, 2
UPGRADES = 20


class Traffic(live.LiveTest):
    def setUp(self):
        super().setUp()
        live.need("dnsmasq", "dnsperf")

    def server(self, space, address):
        """dnsmasq that has an answer for every name."""
        process = self.background(space, "dnsmasq", "--keep-in-foreground", "--no-resolv",
                                  "--no-hosts", "--conf-file=/dev/null", "--pid-file=",
                                  f"--listen-address={address}", "--bind-interfaces", "--user=root",
                                  "--address=/#/192.0.2.99", "--cache-size=0")
        query = ("import socket,sys\n"
                 "q = bytes.fromhex('123401000001000000000000076578616d706c6503636f6d0000010001')\n"
                 "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                 "s.settimeout(0.2)\n"
                 "s.sendto(q, (sys.argv[1], 53))\n"
                 "s.recv(512)\n")
        for _ in range(50):
            if not space.run(sys.executable, "-c", query, address, check=False).returncode:
                return process
        self.fail("dnsmasq does not answer")
        return None

    def names(self, count):
        path = os.path.join(self.folder, "names")
        with open(path, "w", encoding="ascii") as stream:
            stream.writelines(f"host{number}.example.com A\n" for number in range(count))
        return path

    @staticmethod
    def sent(text):
        """dnsperf's own count."""
        return int(re.search(r"Queries sent: +(\d+)", text).group(1))

    @staticmethod
    def completed(text):
        return int(re.search(r"Queries completed: +(\d+)", text).group(1))

    def all_totals(self):
        sums = {}
        for slot in self.attached().values():
            for name, count in self.totals(slot).items():
                sums[name] = sums.get(name, 0) + count
        return sums


class Router(Traffic):
    """A client, a router with address translation, a server."""

    def setUp(self):
        super().setUp()
        live.need("nft")
        self.client, self.router, self.far = (self.namespace() for _ in range(3))
        self.join(self.client, "eth0", "192.0.2.2/24", self.router, "lan0", "192.0.2.1/24")
        self.join(self.router, "wan0", "198.51.100.1/24", self.far, "eth0", "198.51.100.2/24")
        self.client.ip("route", "add", "default", "via", "192.0.2.1")
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        rules = ("table ip nat { chain post { type nat hook postrouting priority 100; "
                 'oifname "wan0" masquerade; }; }')
        made = self.router.run("nft", rules, check=False)
        if made.returncode:
            self.skipTest(f"no address translation: {made.stderr.strip()}")
        self.server(self.far, "198.51.100.2")

    def ask(self, space, count):
        text = space.run("dnsperf", "-s", "198.51.100.2", "-d", self.names(count), "-n", "1", "-c",
                         "4", "-q", "20").stdout
        self.assertEqual(self.completed(text), count, text)
        return self.sent(text)

    def test_each_name_counts_once(self):
        self.grain(self.router, "attach", "lan0", "wan0")
        forwarded = self.ask(self.client, 3000)
        own = self.ask(self.router, 700)
        totals = self.all_totals()
        self.assertEqual((forwarded, own), (3000, 700))
        self.assertEqual(totals["dns_query"], forwarded + own)
        self.assertEqual(totals["dns_response"], forwarded + own)
        # Both ways, what was forwarded was seen leaving as well.
        self.assertGreaterEqual(totals["seen_at_ingress"], 2 * forwarded)
        self.grain(self.router, "detach", "--all")
        self.check_clean()

    def test_each_name_counts_once_behind_a_bridge(self):
        """The router's address is on a bridge: packets seem to come in through that."""
        self.router.ip("link", "add", "br0", "type", "bridge")
        self.router.ip("address", "flush", "dev", "lan0")
        self.router.ip("link", "set", "lan0", "master", "br0")
        self.router.ip("address", "add", "192.0.2.1/24", "dev", "br0")
        self.router.ip("link", "set", "br0", "up")
        self.grain(self.router, "attach", "lan0", "wan0")
        forwarded = self.ask(self.client, 1000)
        self.assertEqual(self.all_totals()["dns_query"], forwarded)
        self.grain(self.router, "detach", "--all")


class Upgrade(Traffic):
    def udp_out(self, space):
        """Datagrams that the kernel says this namespace has sent."""
        lines = [line.split() for line in space.run("cat", "/proc/net/snmp").stdout.splitlines()
                 if line.startswith("Udp:")]
        return int(dict(zip(*lines))["OutDatagrams"])

    def upgrades_under_load(self, *options):
        """dnsperf asks all the time; each query and each answer is counted once."""
        inner, outer = self.pair()
        self.server(inner, "192.0.2.1")
        self.grain(inner, "attach", "veth0", *options)
        slots = self.attached()
        answers = self.udp_out(inner)
        load = self.background(outer, "dnsperf", "-s", "192.0.2.1", "-d", self.names(500), "-l",
                               "600", "-Q", "8000", "-q", "50", stdout=subprocess.PIPE, text=True)
        self.addCleanup(load.stdout.close)
        time.sleep(0.5)
        for _ in range(UPGRADES):
            done = self.grain(inner, "attach", "--upgrade", "veth0", *options)
            self.assertEqual(done.stdout.count("upgraded"), 2)
        load.send_signal(signal.SIGINT)
        text, _ = load.communicate(timeout=live.TIMEOUT)
        time.sleep(0.2)
        self.assertGreater(self.sent(text), 10000, text)
        self.assertEqual(self.totals(slots["veth0", IN])["dns_query"], self.sent(text))
        self.assertEqual(self.totals(slots["veth0", OUT])["dns_response"],
                         self.udp_out(inner) - answers)
        self.assertEqual(len(self.kernel_objects()["programs"]), 2)
        self.grain(inner, "detach", "--all")
        self.check_clean()

    def test_twenty_at_tc(self):
        self.upgrades_under_load()

    def test_twenty_at_xdp(self):
        self.upgrades_under_load("--hook", "xdp")


if __name__ == "__main__":
    live.main()
