"""Interfaces by their alternative names, and by the name that they have now."""

import live

IN, OUT = 1, 2
LONG = "an-alternative-name-that-is-longer-than-any-name-of-an-interface"


class AlternativeName(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.inner, self.outer = self.pair()
        for name in ("short", LONG):
            self.inner.ip("link", "property", "add", "dev", "veth0", "altname", name)

    def rows(self, space, name):
        return [(row["interface"], row["direction"])
                for row in self.grain_json(space, "stats", name)["sources"]]

    def test_attach_stats_detach(self):
        both = [("veth0", "in"), ("veth0", "out")]
        for name in ("short", LONG):
            done = self.grain(self.inner, "attach", name)
            self.assertIn("veth0 in: attached", done.stdout)
            self.assertEqual(sorted(self.attached()), [("veth0", IN), ("veth0", OUT)])
            again = self.grain(self.inner, "attach", "veth0", "short", LONG)
            self.assertEqual(again.stdout.count("is attached already"), 2, again.stdout)
            live.send_datagrams(self.outer, "192.0.2.1", 9, 3)
            for shown in ("veth0", "short", LONG):
                self.assertEqual(self.rows(self.inner, shown), both)
                self.assertEqual(self.rows(None, shown), both, "in its own namespace")
            self.assertIn("detached", self.grain(self.inner, "detach", name).stdout)
            self.check_clean()

    def test_names_of_others(self):
        self.inner.ip("link", "property", "add", "dev", "lo", "altname", "loop")
        self.grain(self.inner, "attach", "veth0")
        self.assertEqual(self.grain(self.inner, "stats", "loop", code=1).stderr,
                         'grainctl: loop is not attached; "grainctl status" shows what is\n')
        self.assertIn("nothing is attached", self.grain(self.inner, "detach", "loop").stderr)
        for name in ("nowhere", "", "x" * 127, "x" * 128, "x" * 4000):
            for command in ("attach", "detach", "stats"):
                self.grain(self.inner, command, name, code=1)
        self.assertEqual(sorted(self.attached()), [("veth0", IN), ("veth0", OUT)])
        self.grain(self.inner, "detach", "--all")
        self.check_clean()

    def test_name_that_was_changed_and_taken_by_another(self):
        self.grain(self.inner, "attach", "veth0", "--direction", "in")
        self.inner.ip("link", "set", "veth0", "down")
        self.inner.ip("link", "set", "veth0", "name", "first")
        self.inner.ip("link", "set", "first", "up")
        # Noted as veth0, until the next change.
        for name in ("veth0", "first", "short"):
            self.assertEqual(len(self.rows(self.inner, name)), 1, name)
        self.inner.ip("link", "add", "veth0", "type", "veth", "peer", "name", "far1")
        self.grain(self.inner, "stats", "veth0", code=1)
        self.assertEqual(len(self.rows(self.inner, "first")), 1)
        self.assertIn("nothing is attached", self.grain(self.inner, "detach", "veth0").stderr)
        self.assertIn("first in: detached", self.grain(self.inner, "detach", "first").stdout)
        self.check_clean()


if __name__ == "__main__":
    live.main()
