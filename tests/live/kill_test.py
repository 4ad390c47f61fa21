"""Commands killed at a system call: what remains is whole, or gone, and counts each packet once.

strace kills before the system call with a given number is made. GRAIN_KILL_POINTS says how many of
them are tried for each command (spread evenly); "all" tries every one.
"""

import os
import re
import time

import live

POINTS = os.environ.get("GRAIN_KILL_POINTS", "4")
# What changes something, or may.
CALLS = "bpf,mkdir,mkdirat,unlink,unlinkat,rmdir,rename,renameat,sendto,sendmsg,flock,mount,close"


class Kill(live.LiveTest):
    def setUp(self):
        super().setUp()
        live.need("strace")
        self.inner, self.outer = self.pair()
        if live.run("strace", "-o", "/dev/null", "true", check=False).returncode:
            live.skip("strace may not trace")

    def traced(self, options, arguments):
        """grainctl under strace, in the inner namespace."""
        command = (live.GRAINCTL, arguments[0], "--pin-root", self.root, *arguments[1:])
        return live.run(*self.inner.command("strace", *options, *command), check=False)

    def calls(self, *arguments):
        """How many system calls of those that count the command makes."""
        log = os.path.join(self.folder, "calls")
        done = self.traced(("-o", log, "-e", f"trace={CALLS}"), arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(log, encoding="utf-8", errors="replace") as stream:
            return sum(1 for line in stream if re.match(r"\w+\(", line))

    def points(self, *arguments):
        total = self.calls(*arguments)
        count = total if POINTS == "all" else min(int(POINTS), total)
        return [1 + index * (total - 1) // max(count - 1, 1) for index in range(count)]

    def kill(self, point, *arguments):
        done = self.traced(("-o", "/dev/null", "-e",
                            f"inject={CALLS}:signal=KILL:when={point}"), arguments)
        self.assertNotEqual(done.returncode, 2, done.stderr)

    def counted(self):
        """Packets that came in, over all slots; 0 when there are no maps."""
        if not os.path.exists(self.pinned("totals")):
            return 0
        return sum(self.totals(slot).get("udp_other", 0) for slot in range(6))

    def arrived(self):
        """Datagrams without a receiver, which the kernel counts behind all hooks."""
        lines = [line.split() for line in
                 self.inner.run("cat", "/proc/net/snmp").stdout.splitlines()
                 if line.startswith("Udp:")]
        return int(dict(zip(*lines))["NoPorts"])

    def send(self, count):
        """How many of these are counted."""
        before, arrived = self.counted(), self.arrived()
        live.send_datagrams(self.outer, "192.0.2.1", 9, count)
        for _ in range(100):
            if self.arrived() >= arrived + count:
                return self.counted() - before
            time.sleep(0.05)
        self.fail("datagrams have not arrived")
        return None

    def check_whole(self, point):
        """The next command makes it right."""
        self.grain(self.inner, "attach", "--memory", "4M", *self.hook, "veth0")
        self.assertEqual(sorted(self.attached()), [("veth0", 1), ("veth0", 2)], point)
        self.assertEqual(len(self.kernel_objects()["programs"]), 2, point)
        self.assertEqual(self.send(10), 10, point)
        slots = sorted(str(slot) for slot in self.attached().values())
        self.assertEqual(sorted(os.listdir(self.pinned("programs"))), slots, point)
        self.assertEqual(sorted(os.listdir(self.pinned("links"))), slots, point)

    def clean(self, point):
        objects = self.kernel_objects() if os.path.exists(self.pinned("config")) else None
        self.grain(self.inner, "detach", "--all")
        self.check_clean()
        if objects:
            self.check_gone(objects)
        self.assertEqual(self.send(5), 0, point)

    hook = ()

    def attach_killed(self):
        arguments = ("attach", "--memory", "4M", *self.hook, "veth0")
        points = self.points(*arguments)
        self.clean(0)
        for index, point in enumerate(points):
            self.kill(point, *arguments)
            self.assertIn(self.send(10), (0, 10), point)
            if index % 2:
                self.check_whole(point)
            self.clean(point)

    def detach_killed(self):
        self.check_whole(0)
        points = self.points("detach", "veth0")
        for point in points:
            self.check_whole(point)
            self.kill(point, "detach", "veth0")
            self.assertIn(self.send(10), (0, 10), point)
        self.clean(0)

    def upgrade_killed(self):
        self.check_whole(0)
        arguments = ("attach", "--upgrade", *self.hook, "veth0")
        for point in self.points(*arguments):
            self.kill(point, *arguments)
            self.assertEqual(self.send(10), 10, point)
            self.check_whole(point)
        self.clean(0)

    def test_attach(self):
        self.attach_killed()

    def test_detach(self):
        self.detach_killed()

    def test_upgrade(self):
        self.upgrade_killed()

    def test_attach_at_xdp(self):
        self.hook = ("--hook", "xdp")
        self.attach_killed()

    def test_detach_at_xdp(self):
        self.hook = ("--hook", "xdp")
        self.detach_killed()

    def test_upgrade_at_xdp(self):
        self.hook = ("--hook", "xdp")
        self.upgrade_killed()


if __name__ == "__main__":
    live.main()
