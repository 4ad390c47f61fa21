"""Network namespaces that have no name, and which nobody lives in."""

import os
import time

import live

IN, OUT = 1, 2
CLSACT, TCX = 3, 4
# Leaks are not looked for in a process that is traced.
UNTRACED = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


class Hidden(live.LiveTest):
    def setUp(self):
        super().setUp()
        live.need("strace")
        self.other = self.namespace()
        self.far = self.namespace()
        self.space = live.Namespace(f"grain-{os.getpid()}-hidden")
        self.join(self.space, "veth0", "192.0.2.1/24", self.far, "veth0", "192.0.2.2/24")
        self.holder = -1
        self.mounts = []
        self.addCleanup(self.forget)

    def forget(self):
        if self.holder >= 0:
            os.close(self.holder)
        for path in self.mounts:
            live.run("umount", path)
        live.run("ip", "netns", "delete", self.space.name, check=False)

    def keep_by_mount(self, of):
        """The path has what mountinfo must escape."""
        path = os.path.join(self.folder, f"kept by a\tmount \\ {len(self.mounts)}")
        with open(path, "w", encoding="ascii"):
            pass
        live.run("mount", "--no-canonicalize", "--bind", of, path)
        self.mounts.append(path)
        self.space.path = path

    def keep_by_descriptor(self):
        self.holder = os.open(self.space.path, os.O_RDONLY)

    def lose_name(self):
        live.run("ip", "netns", "delete", self.space.name)

    def attach(self, way):
        """With tcx links, or filters by refusing links."""
        command = self.space.command("strace", "-f", "-o", "/dev/null", "-e", "trace=bpf",
                                     *self.refusal(way), live.GRAINCTL, "attach", "--pin-root",
                                     self.root, "veth0", "--direction", "in")
        done = live.run(*command, env=UNTRACED)
        found = self.source(self.attached()["veth0", IN])["way"]
        if found != way:
            self.skipTest(f"attached in way {found} instead: {done.stderr}")

    def refusal(self, way):
        if way == TCX:
            return ()
        log = os.path.join(self.folder, "calls")
        live.run(*self.space.command("strace", "-o", log, "-e", "trace=bpf", live.GRAINCTL, "attach",
                                     "--pin-root", self.root, "veth0", "--direction", "in"),
                 env=UNTRACED)
        self.grain(None, "detach", "--all")
        with open(log, encoding="utf-8", errors="replace") as stream:
            calls = [line for line in stream if line.startswith("bpf(")]
        links = [at for at, line in enumerate(calls, 1) if "BPF_LINK_CREATE" in line]
        return ("-e", f"inject=bpf:error=EINVAL:when={links[0]}") if links else ()

    def counts(self, slot):
        before = self.totals(slot).get("udp_other", 0)
        live.send_datagrams(self.far, "192.0.2.1", 9, 5)
        self.assertEqual(self.totals(slot).get("udp_other", 0), before + 5)

    def change(self):
        """A command that changes something else; what it says."""
        return self.grain(self.other, "attach", "lo").stderr

    def check_kept_by_mount(self, way):
        self.attach(way)
        slot = self.attached()["veth0", IN]
        objects = self.kernel_objects()
        self.keep_by_mount(self.space.path)
        self.lose_name()
        self.counts(slot)
        for old, new in (("veth0", "veth9"), ("veth9", "veth0")):
            self.space.run("ip", "link", "set", old, "down")
            self.space.run("ip", "link", "set", old, "name", new)
            self.space.run("ip", "link", "set", new, "up")
            self.assertIn(f"{old}: is now called {new}", self.change())
        self.assertEqual(self.grain_json(None, "status")["sources"][0]["state"], "attached")
        self.grain(None, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)
        self.assertNotIn("clsact", self.space.run("tc", "qdisc", "show").stdout)

    def test_filter_in_a_namespace_that_only_a_mount_keeps(self):
        self.check_kept_by_mount(CLSACT)

    def test_link_in_a_namespace_that_only_a_mount_keeps(self):
        self.check_kept_by_mount(TCX)

    def test_link_in_a_namespace_that_is_not_found(self):
        self.attach(TCX)
        slot = self.attached()["veth0", IN]
        objects = self.kernel_objects()
        self.keep_by_descriptor()
        self.lose_name()
        self.assertNotIn("veth0", self.change())
        self.counts(slot)
        self.assertEqual(self.grain_json(None, "status")["sources"][0]["state"], "attached")
        self.grain(None, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)

    def test_filter_in_a_namespace_that_is_not_found(self):
        self.attach(CLSACT)
        slot = self.attached()["veth0", IN]
        objects = self.kernel_objects()
        self.keep_by_descriptor()
        self.lose_name()
        for _ in range(2):
            self.assertIn("veth0: its network namespace is not found from here, and its program "
                          "goes on there", self.change())
            self.counts(slot)
        done = self.grain(None, "detach", "--all", code=1)
        self.assertIn("veth0: its network namespace is not found", done.stderr)
        self.assertEqual(self.attached(), {})
        self.counts(slot)
        # It keeps nobody from changing others, and is ours again when it is found.
        self.assertIn("veth0: its network namespace is not found", self.change())
        self.assertEqual(sorted(self.attached()), [("lo", IN)])
        self.keep_by_mount(f"/proc/{os.getpid()}/fd/{self.holder}")
        self.assertIn("veth0: a command was killed while changing it; it is attached",
                      self.change())
        self.grain(None, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)
        self.assertNotIn("clsact", self.space.run("tc", "qdisc", "show").stdout)

    def test_filter_whose_namespace_has_gone(self):
        self.attach(CLSACT)
        objects = self.kernel_objects()
        self.lose_name()
        # The kernel takes a namespace down a moment later.
        for _ in range(100):
            said = self.change()
            if "veth0: the interface has gone" in said:
                break
            self.assertIn("veth0: its network namespace is not found", said)
            time.sleep(0.1)
        self.assertEqual(sorted(self.attached()), [("lo", IN)])
        self.grain(None, "detach", "--all")
        self.check_clean()
        self.check_gone(objects)


if __name__ == "__main__":
    live.main()
