"""Packets leave as they came: captures on both sides of a bridge with grain at its ports.

A bridge changes no byte of what it forwards, so that the frames of both ends are the same unless
grain changes one, drops one or makes one. What tcpdump has is also what the counters must say.
"""

import os

import live
import wires

IN, OUT = 1, 2
QUERIES = 100000


class Identity(wires.WireTest):
    def setUp(self):
        super().setUp()
        live.need("dnsmasq", "dnsperf", "tcpdump", "ethtool", "cmp", "ss")
        self.client, self.gateway, self.server = (self.namespace() for _ in range(3))
        self.wire(self.client, "eth0", self.gateway, "lan0")
        self.wire(self.gateway, "wan0", self.server, "eth0")
        self.gateway.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        self.gateway.run("sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1")
        for port in ("lan0", "wan0"):
            self.gateway.ip("link", "set", port, "master", "br0")
        self.gateway.ip("link", "set", "br0", "up")
        self.addresses(((self.client, "eth0"), (self.server, "eth0")))
        self.dnsmasq(self.server, *(self.address(family, 2) for family in wires.FAMILIES))
        self.dnsperf_done("4", 1000)
        self.dnsperf_done("6", 1000)

    def dnsperf_done(self, family, queries):
        self.check_dnsperf(self.dnsperf(self.client, self.address(family, 2), queries), queries)

    def counted(self):
        return {source: self.totals(slot) for source, slot in self.attached().items()}

    @staticmethod
    def change(before, after):
        return {name: after[name] - before.get(name, 0) for name in after
                if after[name] != before.get(name, 0)}

    def sorted_file(self, name, frames):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.writelines(sorted(frames))
        return path

    def traffic(self, options, upgrades):
        """Half of the queries over each family; how many upgrades there were meanwhile."""
        done = 0
        for family in wires.FAMILIES:
            load = self.dnsperf(self.client, self.address(family, 2), QUERIES // 2,
                                *(("-Q", "20000") if upgrades else ()))
            while upgrades and load.poll() is None:
                said = self.grain(self.gateway, "attach", "--upgrade", "lan0", "wan0", *options)
                self.assertEqual(said.stdout.count("upgraded"), 4)
                done += 1
            self.check_dnsperf(load, QUERIES // 2)
        return done

    def captured(self, options, upgrades):
        """The frames of both ends and the change of the counters; without loss in tcpdump."""
        for _ in range(wires.TRIES):
            captures = [wires.Capture(self, space, "eth0") for space in (self.client, self.server)]
            before = self.counted()
            done = self.traffic(options, upgrades)
            after = self.counted()
            for capture in captures:
                # tcpdump may still have to write what is in its ring.
                self.wait_for(lambda c=capture: len(wires.frames_of(c.path)[0]) >= 2 * QUERIES,
                              "tcpdump's frames")
            (near, near_lost), (far, far_lost) = (capture.stop() for capture in captures)
            for capture in captures:
                os.unlink(capture.path)
            if not near_lost and not far_lost:
                return near, far, {key: self.change(before[key], after[key]) for key in after}, done
        self.fail(f"tcpdump has lost frames {wires.TRIES} times: this machine is too busy")
        return None

    def check(self, *options, upgrades=False):
        self.grain(self.gateway, "attach", "lan0", "wan0", *options)
        near, far, counted, done = self.captured(options, upgrades)
        paths = self.sorted_file("near", near), self.sorted_file("far", far)
        different = live.run("cmp", *paths, check=False)
        self.assertEqual(different.returncode, 0, different.stdout)
        if upgrades:
            self.assertGreaterEqual(done, 3)
        # By who has sent a frame: bytes 6 to 11, behind four for the length.
        mac = bytes.fromhex(self.mac(self.client, "eth0").replace(":", ""))
        queries = sum(1 for frame in near if frame[10:16] == mac)
        self.assertEqual((queries, len(near) - queries), (QUERIES, QUERIES))
        self.assertEqual(counted, {("lan0", IN): {"dns_query": QUERIES},
                                   ("wan0", OUT): {"seen_at_ingress": QUERIES},
                                   ("wan0", IN): {"dns_response": QUERIES},
                                   ("lan0", OUT): {"seen_at_ingress": QUERIES}})
        self.grain(self.gateway, "detach", "--all")
        self.check_clean()

    def test_native_xdp(self):
        self.check("--hook", "xdp", "--mode", "native")

    def test_generic_xdp(self):
        self.check("--hook", "xdp", "--mode", "skb")

    def test_tc(self):
        self.check("--hook", "tc")

    def test_while_upgraded_at_xdp(self):
        self.check("--hook", "xdp", upgrades=True)

    def test_while_upgraded_at_tc(self):
        self.check("--hook", "tc", upgrades=True)


if __name__ == "__main__":
    live.main()
