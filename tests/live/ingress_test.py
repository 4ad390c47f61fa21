"""Where packets come in, as devices are stacked and moved after an attach."""

import live

IN = 1
OUT = 2


class Ingress(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.inner, self.outer = self.pair()

    def bridge(self, *ports, name="br0"):
        self.inner.ip("link", "add", name, "type", "bridge", "mcast_snooping", "0")
        for port in ports:
            self.inner.ip("link", "set", port, "master", name)
        self.inner.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
        self.inner.ip("link", "set", name, "up")

    def check(self, *names):
        self.assertEqual(self.ingress(), sorted(map(self.inner.ifindex, names)))

    def changes(self):
        """Every command that changes something, by its name."""
        return {"attach": lambda: self.grain(self.inner, "attach", "veth0"),
                "attach of another": lambda: self.grain(self.inner, "attach", "lo"),
                "detach of another": lambda: self.grain(self.inner, "detach", "lo"),
                "stage": lambda: self.grain(self.inner, "stage", "dns", "on"),
                "from elsewhere": lambda: self.grain(None, "stage", "dns", "on")}

    def test_device_made_later_is_known_after_any_change(self):
        for name, change in self.changes().items():
            with self.subTest(name):
                self.grain(self.inner, "attach", "veth0")
                self.bridge("veth0")
                self.check("veth0")
                change()
                self.check("veth0", "br0", *(("lo",) if name == "attach of another" else ()))
                self.inner.ip("link", "delete", "br0")
                self.grain(self.inner, "detach", "--all")
                self.check_clean()

    def test_device_that_was_left_is_no_longer_known(self):
        for name, change in self.changes().items():
            with self.subTest(name):
                self.bridge("veth0")
                self.grain(self.inner, "attach", "veth0")
                self.check("veth0", "br0")
                self.inner.ip("link", "set", "veth0", "nomaster")
                change()
                self.check("veth0", *(("lo",) if name == "attach of another" else ()))
                self.inner.ip("link", "delete", "br0")
                self.grain(self.inner, "detach", "--all")
                self.check_clean()

    def test_bridge_left_by_one_of_two_ports(self):
        self.inner.ip("link", "add", "port1", "type", "veth", "peer", "name", "far1")
        self.bridge("veth0", "port1")
        for left in ("veth0", "port1"):
            self.grain(self.inner, "attach", "veth0", "port1")
            self.check("veth0", "port1", "br0")
            self.inner.ip("link", "set", left, "nomaster")
            self.grain(None, "stage", "dns", "on")
            self.check("veth0", "port1", "br0")
            self.inner.ip("link", "set", left, "master", "br0")
        self.grain(self.inner, "detach", "--all")
        self.check_clean()

    def test_forwarded_through_a_device_made_later_is_counted_once(self):
        third = self.namespace()
        self.join(self.inner, "veth1", "198.51.100.1/24", third, "veth0", "198.51.100.2/24")
        self.grain(self.inner, "attach", "veth0", "--direction", "in")
        self.grain(self.inner, "attach", "veth1", "--direction", "out")
        self.bridge("veth0")
        self.inner.ip("address", "delete", "192.0.2.1/24", "dev", "veth0")
        self.inner.ip("address", "add", "192.0.2.1/24", "dev", "br0")
        self.inner.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.outer.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.1")
        out = self.attached()["veth1", OUT]
        live.send_datagrams(self.outer, "198.51.100.2", 9, 20)
        before = self.totals(out)
        # Until the next change they are taken for what the host itself sends.
        self.assertEqual(before.get("udp_other"), 20, before)
        self.grain(None, "stage", "dns", "on")
        live.send_datagrams(self.outer, "198.51.100.2", 9, 20)
        after = self.totals(out)
        self.assertEqual(after.get("udp_other"), 20, after)
        self.assertGreaterEqual(after.get("seen_at_ingress", 0), 20, after)
        self.grain(self.inner, "detach", "--all")
        self.check_clean()


if __name__ == "__main__":
    live.main()
